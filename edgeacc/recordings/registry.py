"""The formats that can be read, and which of them a path holds: recognised by content, not by name."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from edgeacc.errors import BadInput, unknown
from edgeacc.recordings import e4, polar, table
from edgeacc.recordings.recording import Recording
from edgeacc.recordings.table import TableMapping

HELP = "edgeacc ls formats"


class Format(NamedTuple):
    """One format, for people."""

    name: str
    device: str
    files: str
    recognised_by: str
    checked_on: str


FORMATS = {
    format.name: format
    for format in (
        Format(
            name=e4.NAME,
            device="Empatica E4",
            files="a folder with ACC.csv and BVP.csv (and IBI.csv)",
            recognised_by="a CSV file that begins with a Unix time and a rate",
            checked_on="28 real recordings",
        ),
        Format(
            name=polar.NAME,
            device="Polar Verity Sense, OH1",
            files="a folder with the text logs of accelerometer and PPG (and PP intervals)",
            recognised_by="the headers of the logs",
            checked_on="1 real recording",
        ),
        Format(
            name=table.NAME,
            device="any",
            files="a CSV or Parquet file with one row per sample, and --mapping FILE",
            recognised_by="nothing: the mapping says what is what",
            checked_on="files made by the tests",
        ),
    )
}

_FOLDERS: dict[str, tuple[Callable[[Path], bool], Callable[[Path, str], Recording]]] = {
    e4.NAME: (e4.recognise, e4.read),
    polar.NAME: (polar.recognise, polar.read),
}
"""Formats of which one folder is one recording: how to recognise and how to read it."""


class Found(NamedTuple):
    """A place that holds a recording, or a table with those of several participants; not yet read."""

    path: Path
    format: str
    read: Callable[[], list[Recording]]
    """Reads it; raises BadInput for a malformed file: which, which line, what was expected."""


def find(path: Path, format_name: str | None = None, mapping: TableMapping | None = None) -> list[Found]:
    """The recordings at a path, which is one recording or a folder that holds some at any depth.

    The participant is the first folder (or the file) below `path` on the way to a recording, or `path` itself if it is
    the recording: `SET/S01/...` and `SET/S01/monday/...` both belong to S01.

    Args:
        path: where to look.
        format_name: look for this format only; without it, any.
        mapping: for tables; given without a format it means `table`.

    Raises:
        BadInput: the path does not exist, no such format, a table without a mapping, a mapping for another format, or
            nothing found there.
    """
    name = format_name or (table.NAME if mapping else None)
    if name is not None and name not in FORMATS:
        raise unknown("format", name, list(FORMATS), next_command=HELP)
    if mapping is not None and name != table.NAME:
        raise BadInput(f"a mapping has no part in the format {name}", valid=f"--format {table.NAME}, or no --mapping")
    if not path.exists():
        raise BadInput(f"{path} does not exist", valid="a recording, or a folder of recordings")
    if name == table.NAME:
        found = _tables(path, mapping)
    else:
        found = [
            Found(place, kind, partial(_read_folder, kind, place, _participant(path, place)))
            for place, kind in _folders(path, [name] if name else list(_FOLDERS))
        ]
    if not found:
        known = "; ".join(f"{kind}: {FORMATS[kind].files}" for kind in ([name] if name else FORMATS))
        raise BadInput(f"{path} holds no recording that is known", valid=known, next_command=HELP)
    return found


def _folders(path: Path, names: list[str]) -> Iterator[tuple[Path, str]]:
    """Each folder from `path` down that is a recording, with its format."""
    if not path.is_dir():
        return
    for name in names:
        if _FOLDERS[name][0](path):
            yield path, name
            return
    for below in sorted(path.iterdir()):
        if not below.is_symlink():
            yield from _folders(below, names)


def _read_folder(name: str, path: Path, participant: str) -> list[Recording]:
    return [_FOLDERS[name][1](path, participant)]


def _tables(path: Path, mapping: TableMapping | None) -> list[Found]:
    if mapping is None:
        raise BadInput("a table needs a mapping of its columns", valid="--mapping FILE", next_command=HELP)
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if table.is_table(file)]
    return [Found(file, table.NAME, partial(table.read, file, _participant(path, file), mapping)) for file in files]


def _participant(path: Path, place: Path) -> str:
    return path.resolve().name if place == path else place.relative_to(path).parts[0]
