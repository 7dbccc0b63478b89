"""Empatica E4, as exported: one `.zip` with the CSV files that `e4` describes, at its top or in one folder.

The archive is read where it is: nothing is written to the disk, and no archive within it is opened. Members that
point outside (`../`, an absolute path), the same member twice, and members of more than 128 MiB unpacked (three days
of PPG) are refused. Checked on archives that the tests make of a real recording of Stress-Predict; on no archive of
Empatica's own.
"""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from edgeacc.errors import BadInput
from edgeacc.recordings.binary import first_bytes, short
from edgeacc.recordings.e4 import is_e4, read_folder
from edgeacc.recordings.recording import Recording

NAME = "empatica-e4-zip"
MAGIC = b"PK\x03\x04"
NAME_AT = 30
STREAMS = ("ACC.csv", "BVP.csv")
SIGNS = (*STREAMS, "IBI.csv", "HR.csv", "EDA.csv", "TEMP.csv", "tags.csv", "info.txt")
"""Names that the first member of a damaged archive may have: then it is told as one, not passed over."""
MOST_BYTES = 128 * 2**20
MOST_MEMBERS = 1000
VALID = "the ZIP of one session as exported, with ACC.csv and BVP.csv"


def recognise(path: Path) -> bool:
    """Whether a file is a ZIP archive with a stream of an E4."""
    start = first_bytes(path, 512)
    if not start.startswith(MAGIC):
        return False
    try:
        with _opened(path) as archive:
            return any(is_e4(member) for member in _streams(archive))
    except BadInput:
        first = start[NAME_AT : NAME_AT + int.from_bytes(start[26:28], "little")]
        return PurePosixPath(first.decode("ascii", "replace")).name in SIGNS


def read(path: Path, participant: str) -> Recording:
    """Read one archive.

    Raises:
        BadInput: no whole archive, a member that is dangerous, missing or malformed: which, at which line.
    """
    with _opened(path) as archive:
        _refuse_dangerous(path, archive)
        folders = sorted({str(PurePosixPath(member.at).parent) for member in _streams(archive)})
        if len(folders) != 1:
            raise BadInput(f"{path}: ACC.csv and BVP.csv in {', '.join(folders) or 'no folder'}", valid=VALID)
        return read_folder(zipfile.Path(archive, "" if folders[0] == "." else f"{folders[0]}/"), participant, NAME)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever is wrong with it or with what is read of it is told with its name."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except BadInput:
        raise
    except RuntimeError as error:  # what zipfile raises for a password
        raise BadInput(f"{path}: {short(error)}", valid=f"{VALID}, without a password") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, KeyError) as error:
        raise BadInput(f"{path} is no whole ZIP archive: {short(error)}", valid=VALID) from error


def _streams(archive: zipfile.ZipFile) -> list[zipfile.Path]:
    names = [name for name in archive.namelist() if PurePosixPath(name).name in STREAMS]
    return [zipfile.Path(archive, name) for name in sorted(set(names))]


def _refuse_dangerous(path: Path, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise BadInput(f"{path}: {len(members)} members", valid=f"at most {MOST_MEMBERS}")
    names = [member.filename for member in members]
    for member in members:
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or ":" in name:
            raise BadInput(f"{path}: member {name[:80]!r} points outside the archive", valid=VALID)
        if names.count(member.filename) > 1:
            raise BadInput(f"{path}: member {name[:80]!r} is there twice", valid=VALID)
        if member.file_size > MOST_BYTES:
            told = f"member {name[:80]!r} unpacks to {member.file_size:,} bytes"
            raise BadInput(f"{path}: {told}", valid=f"at most {MOST_BYTES:,}")
