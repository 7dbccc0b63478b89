"""Variables of a MATLAB v7.3 file, which is HDF5: datasets and groups of them, through h5py (extra `formats`).

MATLAB stores arrays with their dimensions reversed, so they are turned back. Only what lies in the file itself is
read: no links, no external and no virtual storage. A dataset may be at most `MOST_TIMES` as large as its file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from edgeacc.errors import BadInput, NotPossibleHere

VALID = "a whole MATLAB v7.3 file with numbers and structs"
MOST_TIMES, AT_LEAST_BYTES, MOST_BYTES = 200, 1 << 24, 1 << 29
"""As in `edgeacc.recordings.matlab`."""
DEEPEST = 8
MOST_ENTRIES = 1000
FAILS = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError, OverflowError, EOFError)
"""What h5py raises for a damaged file (found by damaging files)."""
T = TypeVar("T")


def names(path: Path) -> list[str]:
    """The file's variables.

    Raises:
        BadInput: the file is damaged.
        NotPossibleHere: h5py is not installed.
    """
    return _within(path, lambda file: [name for name in list(file)[:MOST_ENTRIES] if not name.startswith("#")])


def value(path: Path, name: str) -> Any:  # noqa: ANN401 -- whatever the file holds
    """A variable: an array, or a dict for a struct.

    Raises:
        BadInput: it holds something else, or the file is damaged.
        NotPossibleHere: h5py is not installed.
    """
    return _within(path, lambda file: _read(path, file, name, name, 0))


def _within(path: Path, work: Callable[[Any], T]) -> T:
    try:
        import h5py
    except ImportError as error:
        raise NotPossibleHere(
            f"{path}: reading a MATLAB v7.3 file needs the package h5py",
            next_command="pip install 'edgeacc[formats]' -c constraints.txt",
        ) from error
    try:
        with h5py.File(path, "r") as file:
            return work(file)
    except FAILS as error:
        told = str(error).replace("\n", " ")[:200]
        raise BadInput(f"{path}: HDF5: {told}", valid=VALID) from error


def _read(path: Path, group: Any, name: str, where: str, depth: int) -> Any:  # noqa: ANN401
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise BadInput(f"{path}: {where} is a link to elsewhere", valid=VALID)
    item = group[name]
    if isinstance(item, h5py.Dataset):
        return _array(path, item, where)
    if not isinstance(item, h5py.Group) or depth > DEEPEST or len(item) > MOST_ENTRIES:
        raise BadInput(f"{path}: {where} is nested too deep or too wide, or is no data", valid=VALID)
    return {field: _read(path, item, field, f"{where}.{field}"[:200], depth + 1) for field in list(item)}


def _array(path: Path, item: Any, where: str) -> Any:  # noqa: ANN401
    if item.external or item.is_virtual or item.dtype.kind not in "fiu" or item.shape is None:
        told = (
            f"{item.dtype} of shape {item.shape}, stored {'elsewhere' if item.external or item.is_virtual else 'here'}"
        )
        raise BadInput(f"{path}: {where} is {told}", valid="numbers in the file itself")
    most = min(max(MOST_TIMES * path.stat().st_size, AT_LEAST_BYTES), MOST_BYTES)
    if item.size * item.dtype.itemsize > most:
        raise BadInput(f"{path}: {where} of shape {item.shape} has more than {most} bytes", valid="a whole file")
    return np.asarray(item[()]).T
