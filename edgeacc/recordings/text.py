"""Delimited text, read fast and block by block; when something is wrong, read again slowly to name the line."""

import mmap
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.arrow import numbers
from edgeacc.recordings.binary import short

File = Path | zipfile.Path
"""A file, or a member of a ZIP archive that is read where it is."""
Kind = Literal["sample", "float", "int", "time", "text", "ignored"]
"""`sample` is a number that single precision holds well enough, `time` an ISO time without a zone, in s since 1970;
`ignored` is not even looked at."""
LARGEST = 1e30
"""A larger magnitude is no sample and no time (our choice: single precision holds up to 3e38)."""
LONGEST_LINE = 2**16
"""Characters; a longer line is no row of samples (our choice)."""
MISSING = ("nan", "NaN")
"""How a missing sample is written where the format does not say; and a table's cell may be empty."""
_ARROW: dict[Kind, pa.DataType] = {
    "sample": pa.float64(),
    "float": pa.float64(),
    "int": pa.int64(),
    "time": pa.timestamp("ns"),
    "text": pa.string(),
    "ignored": pa.string(),
}
_DTYPE: dict[Kind, type] = {
    "sample": np.float32,
    "float": np.float64,
    "int": np.int64,
    "time": np.float64,
    "text": object,
}
_BLOCK_BYTES = 2**17
"""Arrow reads up to 32 of them ahead."""
LOOK_AT_LINES = 50
MOST_EXPECTED = 2**24
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[-+]?\d{1,18}|[-+]?[1-8]\d{18}", re.ASCII)


class Growing:
    """An array that pieces are put behind; what is not filled yet takes no memory, and no small pieces lie about.

    It lies in pages of its own, which go back to the system whole: among other arrays it would leave a hole.
    """

    def __init__(self, expected: int) -> None:
        """Begin with nothing.

        Args:
            expected: about how many values there will be; neither a limit nor a promise.
        """
        self._first = min(max(expected + expected // 4, 1), MOST_EXPECTED)
        self._space: NDArray[Any] = np.empty(0)
        self._filled = 0

    def append(self, piece: NDArray[Any]) -> None:
        """Put a piece behind what is there; the first one tells the type."""
        end = self._filled + len(piece)
        if end > len(self._space):
            space = _pages(max(end, 2 * len(self._space), self._first), piece.dtype)
            space[: self._filled] = self.whole
            self._space = space
        self._space[self._filled : end] = piece
        self._filled = end

    @property
    def whole(self) -> NDArray[Any]:
        """(N,) all pieces."""
        return self._space[: self._filled]


def _pages(count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.hasobject:
        return np.empty(count, dtype)
    return np.frombuffer(mmap.mmap(-1, count * dtype.itemsize), dtype)


class Column(NamedTuple):
    """One column of a delimited text."""

    name: str
    kind: Kind = "float"
    missing: tuple[str, ...] = ()
    """Cells that stand for a missing sample, which becomes NaN."""


def head(path: File, count: int) -> list[str]:
    """The first lines of a file without their ends; fewer where there are no more; none for what is not text.

    Of a line longer than `LONGEST_LINE` the rest counts as the next. A byte order mark, as spreadsheets write it, is no
    part of the first line.

    Raises:
        BadInput: the file cannot be opened.
    """
    try:
        with path.open("r", encoding="utf-8-sig", errors="strict") as stream:
            lines = iter(lambda: stream.readline(LONGEST_LINE), "")
            return [line.rstrip("\r\n") for line, _ in zip(lines, range(count), strict=False)]
    except UnicodeDecodeError:
        return []
    except OSError as error:
        if isinstance(path, zipfile.Path):  # the archive is told, not the member
            raise
        raise BadInput(f"cannot read {path}: {error.strerror}", valid="a file that can be read") from error


def read_columns(path: File, delimiter: str, columns: Sequence[Column], skip: int) -> dict[str, NDArray[Any]]:
    """Read all rows behind the first `skip` lines.

    Returns:
        Column name -> (N,) float32 (`sample`), float64, int64 or str objects; the last of columns that share a name;
        none of those ignored.

    Raises:
        BadInput: no row, or a line with a wrong number of cells or a cell of another kind; names the first such line.
    """
    first = head(path, skip + LOOK_AT_LINES)[skip:]
    if not first:
        raise BadInput(f"{path} has no samples: nothing behind line {skip}", valid=_row(columns, delimiter))
    wanted = {column.name: column for column in columns if column.kind != "ignored"}
    expected = _size(path) * len(first) // sum(len(line) + 1 for line in first)
    read = {name: Growing(expected) for name in wanted}
    try:
        for batch in _batches(path, delimiter, columns, skip):
            for name, column in wanted.items():
                read[name].append(_checked(batch.column(name), column))
    except (pa.ArrowInvalid, ValueError) as error:
        raise _first_mistake(path, delimiter, columns, skip, short(error)) from error
    if not any(len(values.whole) for values in read.values()):
        raise BadInput(f"{path} has no samples: nothing behind line {skip}", valid=_row(columns, delimiter))
    pa.default_memory_pool().release_unused()
    return {name: values.whole for name, values in read.items()}


def rows(columns: dict[str, NDArray[Any]], names: Sequence[str]) -> NDArray[np.float32]:
    """(C, N) samples of columns as long as each other, which are taken out of `columns` so that none is held twice."""
    if len(names) == 1:
        return columns.pop(names[0])[None]
    samples_CN = np.empty((len(names), len(columns[names[0]])), np.float32)
    for row_N, name in zip(samples_CN, names, strict=True):
        row_N[:] = columns.pop(name)
    return samples_CN


def _size(path: File) -> int:
    """Bytes of a file, or of a member unpacked, as its archive claims."""
    return path.root.getinfo(path.at).file_size if isinstance(path, zipfile.Path) else path.stat().st_size


def _batches(path: File, delimiter: str, columns: Sequence[Column], skip: int) -> Iterator[pa.RecordBatch]:
    """The rows, some MB at a time; of columns that share a name only the last has it."""
    names = [
        column.name if column.name not in {later.name for later in columns[place + 1 :]} else f"\0{place}"
        for place, column in enumerate(columns)
    ]
    kinds = dict(zip(names, (column.kind for column in columns), strict=True))
    include = [name for name, kind in kinds.items() if kind != "ignored" and name[:1] != "\0"]
    with path.open("rb") as stream:
        yield from pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(
                column_names=names, skip_rows=skip, block_size=_BLOCK_BYTES, use_threads=False
            ),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: _ARROW[kind] for name, kind in kinds.items()},
                null_values=sorted({cell for column in columns for cell in column.missing}),
                include_columns=include,
            ),
        )


def _checked(cells: pa.Array, column: Column) -> NDArray[Any]:
    """A piece of a column; ValueError if a number in it is not finite, too large, or missing where none may be."""
    if cells.null_count and not column.missing:
        raise ValueError("an empty cell")
    if column.kind == "time":
        return np.asarray(numbers(cells.cast(pa.int64())) / 1e9, np.float64)
    if column.kind == "text":
        return np.array(cells.to_pylist(), object)
    values = numbers(cells)
    if column.kind in ("sample", "float"):
        good_N = np.abs(values) <= LARGEST
        if not (good_N | np.isnan(values) if column.missing else good_N).all():
            raise ValueError("a number that is not finite")
    return np.asarray(values, _DTYPE[column.kind])


def _first_mistake(path: File, delimiter: str, columns: Sequence[Column], skip: int, else_told: str) -> BadInput:
    with path.open("r", encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE), ""), 1):
            told = _mistake(line.rstrip("\r\n").split(delimiter), columns) if number > skip else ""
            if len(line) == LONGEST_LINE:
                told = f"more than {LONGEST_LINE - 1:,} characters"
            if told:
                return BadInput(f"{path}, line {number}: {told}", valid=_row(columns, delimiter))
    return BadInput(f"{path}: {else_told}", valid=_row(columns, delimiter))


def _mistake(cells: list[str], columns: Sequence[Column]) -> str:
    if len(cells) != len(columns):
        return f"{len(cells)} cell(s), expected {len(columns)}"
    for cell, column in zip(cells, columns, strict=True):
        if told := _expected(cell.strip(" \t"), column):
            return f"{column.name} is {cell[:40]!r}, expected {told}"
    return ""


def _expected(cell: str, column: Column) -> str:
    """What a cell should be; empty where it is."""
    if column.kind in ("text", "ignored") or cell in column.missing:
        return ""
    if column.kind == "time":
        return "" if _is_time(cell) else "a time such as 2022-04-25T11:39:36.978"
    if column.kind == "int":
        return "" if _WHOLE.fullmatch(cell) else "a whole number"
    if not _NUMBER.fullmatch(cell):
        return "a finite number"
    return "" if abs(float(cell)) <= LARGEST else f"a finite number of at most {LARGEST:g}"


def _is_time(cell: str) -> bool:
    try:
        return datetime.fromisoformat(cell).tzinfo is None
    except ValueError:
        return False


def _row(columns: Sequence[Column], delimiter: str) -> str:
    names = [column.name[:40] or "(nothing)" for column in columns]
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return "rows of " + f"{delimiter} ".join(names[:20]) + more
