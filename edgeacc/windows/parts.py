"""The Parquet files of a store: written, checked, read."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch import Generator

from edgeacc import files
from edgeacc.errors import BadInput
from edgeacc.signals.contract import SignalContract
from edgeacc.windows import columns
from edgeacc.windows.manifest import HELP, NAME, Part
from edgeacc.windows.window_set import WindowSet

WINDOWS_PER_ROW_GROUP = 128
_AS_WRITTEN = "a store as written: make or copy it again"


class PartFacts(NamedTuple):
    """What a manifest says of a part that was written; see `Part`."""

    windows: int
    most_beats: int
    size_bytes: int
    sha256: str


class PartFile(NamedTuple):
    """A part that was checked, to be read."""

    store: str
    part: Part
    source: Any
    """What pyarrow reads: a path, or the file's bytes."""


def write_part(path: Path, tables: Iterable[pa.Table], contract: SignalContract) -> PartFacts:
    """Write tables of windows (columns of `edgeacc.windows.columns`) one behind the other as one Parquet file."""
    windows = most_beats = 0
    with pq.ParquetWriter(
        path,
        columns.schema(contract),
        compression="zstd",
        use_dictionary=False,
        use_byte_stream_split=["acc.list.element", "ppg.list.element"],
    ) as writer:
        for table in tables:
            writer.write_table(table, WINDOWS_PER_ROW_GROUP)
            windows += table.num_rows
            most_beats = max(most_beats, pc.max(pc.list_value_length(table["beats_s"])).as_py())
    pa.default_memory_pool().release_unused()
    return PartFacts(windows, most_beats, path.stat().st_size, files.sha256(path))


def check_size(path: Path, part: Part) -> None:
    """Raise BadInput where a part is missing or not as long as it was written."""
    if not path.is_file():
        raise lacks(str(path.parent), part)
    if path.stat().st_size != part.size_bytes:
        raise truncated(str(path), part, path.stat().st_size)


def check_part(path: Path, part: Part) -> None:
    """Raise BadInput where a part is not, byte for byte, as it was written."""
    check_size(path, part)
    if files.sha256(path) != part.sha256:
        raise changed(str(path))


def lacks(store: str, part: Part) -> BadInput:
    """The error for a part that is not there."""
    return BadInput(
        f"store {store} lacks its part {part.file}", valid="a whole store: make or copy it again", next_command=HELP
    )


def truncated(place: str, part: Part, size_bytes: int) -> BadInput:
    """The error for a part of another length."""
    return BadInput(
        f"{place} is truncated or changed: {size_bytes} bytes",
        valid=f"{part.size_bytes} bytes as the manifest says: make or copy the store again",
        next_command=HELP,
    )


def changed(place: str) -> BadInput:
    """The error for a part of another hash."""
    return BadInput(f"{place} was changed since it was written", valid=_AS_WRITTEN, next_command=HELP)


def windows_of_part(
    file: PartFile, contract: SignalContract, rows: range | None = None, draw: Generator | None = None
) -> Iterator[WindowSet]:
    """The windows of a part, one row group (at most 128 windows) at a time.

    Args:
        file: what to read.
        contract: of the store.
        rows: which windows; without it all.
        draw: draws the order of the row groups; without it they come in theirs.

    Raises:
        BadInput: no readable Parquet, or the manifest tells otherwise of it.
    """
    part = file.part
    rows = range(part.windows) if rows is None else rows
    try:
        with pq.ParquetFile(file.source) as opened:
            _check_manifest(file, "windows", opened.metadata.num_rows == part.windows)
            _check_manifest(file, "columns", opened.schema_arrow.equals(columns.schema(contract)))
            groups = _groups(opened.metadata, rows)
            order = range(len(groups)) if draw is None else torch.randperm(len(groups), generator=draw).tolist()
            for group, inside in (groups[place] for place in order):
                windows = columns.from_table(opened.read_row_group(group), contract)
                _check_manifest(file, "beats", windows.beats_BK.shape[1] <= part.most_beats)
                yield windows if len(inside) == len(windows) else windows.take(torch.tensor(inside))
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{file.store}/{part.file} is not a readable Parquet file: {error}") from error


def _groups(metadata: pq.FileMetaData, rows: range) -> list[tuple[int, range]]:
    """The row groups that hold some of the rows, and where in each these are."""
    found, at = [], 0
    for group in range(metadata.num_row_groups):
        count = metadata.row_group(group).num_rows
        inside = range(max(rows.start - at, 0), min(rows.stop - at, count))
        if inside:
            found.append((group, inside))
        at += count
    return found


def _check_manifest(file: PartFile, what: str, agrees: bool) -> None:
    if not agrees:
        told = f"{file.store}/{NAME} was changed: the {what} of {file.part.file} are others"
        raise BadInput(told, valid=_AS_WRITTEN, next_command=HELP)
