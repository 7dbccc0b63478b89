"""SHA256SUMS: every file of a bundle with its hash, and the refusal of a folder that is not exactly that.

The hashes find damage and carelessness. They are not a signature: who can change a file can change its line too
(`edgeacc.bundle.signature` signs them).
"""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from edgeacc.errors import BadInput, counted
from edgeacc.files import SUMS, sha256

SIGNATURE = f"{SUMS}.sig"
SIGNATURE_BYTES = 64
"""Of Ed25519 (RFC 8032)."""
_WRITTEN = "a folder as `edgeacc export` wrote it"
_EXPORT = "edgeacc export CHECKPOINT --target all"
MAX_FILES = 1000
MAX_FILE_BYTES = 256 * 2**20
"""Far above the largest artifact of the size ladder (our estimate: 25 MB for 6 M weights in fp32)."""
MAX_SUMS_BYTES = 2**20

_CLUTTER = re.compile(r"(?:.*/)?(?:\.DS_Store|Thumbs\.db|\._[^/]*)")
"""What desktops leave in the folders that they show (macOS, Windows, macOS on foreign disks). It is never read."""
_LINE = re.compile(r"^([0-9a-f]{64})  (\S.*)$")


def write_sums(folder: Path) -> None:
    """Write SHA256SUMS over every other file but its signature, in the form that `sha256sum --check` reads."""
    own = (folder / SUMS, folder / SIGNATURE)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path not in own)
    lines = [f"{sha256(path)}  {path.relative_to(folder).as_posix()}\n" for path in paths]
    (folder / SUMS).write_text("".join(lines))


def check_sums(folder: Path) -> None:
    """Refuse a folder whose files are not exactly those of its SHA256SUMS, a desktop's clutter aside.

    Raises:
        BadInput: no folder, no SHA256SUMS, or files that are changed, missing, extra, too large, links, or outside the
            folder; every one is named.
    """
    expected, problems = _read_sums(folder)
    present, strange = _present(folder)
    problems += strange
    if SIGNATURE in present and (size := (folder / SIGNATURE).stat().st_size) != SIGNATURE_BYTES:
        problems.append(f"{SIGNATURE}: {size} bytes, a signature has {SIGNATURE_BYTES}")
    problems += [f"{name}: missing" for name in sorted(expected.keys() - present)]
    extra = sorted(name for name in present - expected.keys() - {SIGNATURE} if not _CLUTTER.fullmatch(name))
    problems += [f"{name}: not listed in {SUMS}" for name in extra]
    for name in sorted(expected.keys() & present):
        size = (folder / name).stat().st_size
        if size > MAX_FILE_BYTES:
            problems.append(f"{name}: {size} bytes, more than {MAX_FILE_BYTES}")
        elif sha256(folder / name) != expected[name]:
            problems.append(f"{name}: changed since the bundle was written")
    if problems:
        raise _refused(folder, problems)


def is_bundle(folder: Path) -> bool:
    """Whether it holds a SHA256SUMS; its files are not read."""
    return (folder / SUMS).is_file() and not (folder / SUMS).is_symlink()


def require_bundle(folder: Path) -> None:
    """Refuse what is no bundle at all, without reading its files.

    Raises:
        BadInput: no folder, or no SHA256SUMS in it.
    """
    if not folder.is_dir():
        found = "is no folder" if folder.exists() else "does not exist"
        raise BadInput(f"bundle {folder} {found}", valid=_WRITTEN, next_command=_EXPORT)
    if not is_bundle(folder):
        raise _no_bundle(folder)


def _read_sums(folder: Path) -> tuple[dict[str, str], list[str]]:
    """The listed files that may be looked at, and what is wrong with the others."""
    path = folder / SUMS
    require_bundle(folder)
    if path.stat().st_size > MAX_SUMS_BYTES:
        raise _refused(folder, [f"{SUMS}: more than {MAX_SUMS_BYTES} bytes"])
    listed: dict[str, str] = {}
    problems = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        match = _LINE.match(line)
        if match is None:
            problems.append(f"{SUMS}, line {number}: not `<sha256>  <file>`")
        elif not _is_inside(match[2]):
            problems.append(f"{SUMS}, line {number}: {match[2]} is outside the bundle")
        elif match[2] in listed:
            problems.append(f"{SUMS}, line {number}: {match[2]} is listed twice")
        else:
            listed[match[2]] = match[1]
    return listed, problems


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and path.as_posix() == name and "\\" not in name


def _present(folder: Path) -> tuple[set[str], list[str]]:
    """Regular files of the folder but for SHA256SUMS, and what should not be in a bundle at all."""
    files: set[str] = set()
    strange: list[str] = []
    for number, entry in enumerate(_walk(folder)):
        name = Path(entry.path).relative_to(folder).as_posix()
        if number >= MAX_FILES:
            return files, [*strange, f"more than {MAX_FILES} files"]
        if entry.is_symlink():
            strange.append(f"{name}: a link")
        elif not entry.is_file(follow_symlinks=False):
            strange.append(f"{name}: not a regular file")
        elif name != SUMS:
            files.add(name)
    return files, strange


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Everything below the folder but real, non-empty folders; links are not followed."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False) and any(Path(entry.path).iterdir()):
            yield from _walk(Path(entry.path))
        else:
            yield entry


def _no_bundle(folder: Path) -> BadInput:
    """A folder of bundles is the usual slip: `edgeacc export --target all` writes one."""
    bundles = [path for path in folder.glob(f"*/{SUMS}") if path.is_file()]
    if bundles:
        problem = f"{folder} is not a bundle but a folder of {counted(len(bundles), 'bundle')}"
        inside = f"{shlex.quote(str(folder))}/*"
        return BadInput(problem, valid=f"the bundles in it: {inside}", next_command=f"edgeacc verify {inside}")
    return BadInput(f"{folder} is not a bundle: no {SUMS} in it", valid=_WRITTEN, next_command=_EXPORT)


def _refused(folder: Path, problems: list[str]) -> BadInput:
    return BadInput.several(f"bundle {folder} is not as it was written", problems, valid=_WRITTEN, next_command=_EXPORT)
