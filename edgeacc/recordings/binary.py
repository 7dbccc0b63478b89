"""What readers of binary files share: a look at the beginning, a whole small file, a package that only one needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeacc.errors import BadInput, NotPossibleHere

LONGEST_NAME = 255
"""Bytes that the usual file systems allow."""
MOST_TOLD = 120
"""Characters of it that an error shows."""


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file, fewer where there are no more; none of what is no file or cannot be opened."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as stream:
            return stream.read(count)
    except OSError:
        return b""


def whole_file(path: Path, most_bytes: int) -> bytes:
    """All of a file of at most `most_bytes`.

    Raises:
        BadInput: it is larger, or cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise BadInput(f"{path} has {size:,} bytes", valid=f"at most {most_bytes:,}")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", valid="a file that can be read") from error


def names_a_file(name: str) -> bool:
    """Whether a name that a file gives can be that of another file in the same folder."""
    return Path(name).name == name and "\0" not in name and len(name.encode(errors="replace")) <= LONGEST_NAME


@contextmanager
def of_extra(path: Path) -> Iterator[None]:
    """Around the import of a package of the extra `formats`, which is imported when a file needs it.

    Raises:
        NotPossibleHere: it is not installed; names the extra that brings it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise NotPossibleHere(
            f"{path} cannot be read here: no package {error.name}",
            valid="the extra `formats`",
            next_command="pip install 'edgeacc[formats]'",
        ) from error


def short(told: object) -> str:
    """What a library says of a damaged file, on one line and no longer than that."""
    text = " ".join(str(told).split())
    return text if len(text) <= MOST_TOLD else f"{text[:MOST_TOLD]}..."
