"""The real recordings that a demo is repeated on: those that are given now, and those that were given before."""

import os
from collections.abc import Mapping, Sequence
from itertools import chain, count
from pathlib import Path

from edgeacc.cli.demo_journal import Recordings, read_journal
from edgeacc.errors import BadInput
from edgeacc.files import read_model
from edgeacc.recordings.table import TableMapping

VALID = "recordings, or folders of recordings"


def all_recordings(folder: Path, given: Sequence[Path], mapping: Path | None) -> dict[str, Recordings]:
    """Name -> recordings of the demo in `folder`; those whose results were removed from it are forgotten.

    Args:
        folder: of the demo.
        given: on the command line.
        mapping: of the tables among them.

    Raises:
        BadInput: one does not exist, the mapping has no recordings or has mistakes.
    """
    _check(given, mapping)
    found = {
        name: Recordings(path=_from_here(each.path), mapping=each.mapping and _from_here(each.mapping))
        for name, each in read_journal(folder).recordings.items()
        if (folder / "real" / name).exists()
    }
    for path in given:
        found[_name(path, found)] = Recordings(path=path, mapping=mapping)
    return found


def _check(given: Sequence[Path], mapping: Path | None) -> None:
    if mapping and not given:
        raise BadInput(f"--mapping {mapping} without --recordings", valid="--recordings TABLE --mapping FILE")
    if given and str(given[0]).startswith("-"):
        raise BadInput(f"--recordings without a path (got {given[0]})", valid=VALID, next_command="edgeacc ls formats")
    missing = [f"{path} does not exist" for path in given if not path.exists()]
    if missing:
        raise BadInput.several("--recordings", missing, valid=VALID)
    if mapping:
        read_model(mapping, TableMapping)


def _name(path: Path, taken: Mapping[str, Recordings]) -> str:
    """The name that the same recordings have already, or that of the file or folder, numbered where it is taken."""
    known = [name for name, each in taken.items() if each.path.resolve() == path.resolve()]
    stem = path.resolve().stem
    numbered = (f"{stem}-{number}" for number in count(2))
    return known[0] if known else next(name for name in chain([stem], numbered) if name not in taken)


def _from_here(path: Path) -> Path:
    """As it is typed in the present working directory."""
    return Path(os.path.relpath(path))
