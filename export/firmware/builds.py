"""Programs that are compiled on first use and kept in the user's cache, named by the hash of what they come from."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from edgeacc.errors import NotPossibleHere
from edgeacc.files import replacing

_COMPILE_TIMEOUT_S = 300.0


def cached_build(
    compiler: str, package: str, arguments: Sequence[str], sources: Sequence[Path], name: str, *include: Path
) -> Path:
    """Compile and link `sources`, unless the same was done before.

    Args:
        compiler: the program.
        package: the Debian package that brings it.
        arguments: all but folders of headers, sources and output.
        sources: C files.
        name: of the result, in the cache.
        include: folders of headers; those in them are part of the hash.

    Returns:
        The linked file.

    Raises:
        NotPossibleHere: no compiler, or it failed: its first line is told.
    """
    found = require_program(compiler, package)
    headers = [header for folder in include for header in sorted(folder.rglob("*.h"))]
    digest = _digest([found, *arguments], [*sources, *headers])
    to = cache_folder() / f"{name}-{digest}"
    if not to.exists():
        with replacing(to, force=True) as beside:
            folders = (f"-I{folder}" for folder in include)
            compile_to(found, [*arguments, *folders, *map(str, sources)], beside)
    return to


def require_program(program: str, package: str) -> str:
    """Where a program is.

    Raises:
        NotPossibleHere: it is not installed; the error names the Debian package.
    """
    found = shutil.which(program)
    if found is None:
        raise NotPossibleHere(f"{program} is not installed", next_command=f"apt-get install {package}")
    return found


def compile_to(compiler: str, arguments: Sequence[str], to: Path) -> None:
    """Run a compiler.

    Raises:
        NotPossibleHere: it failed; the first line of what it said is told.
    """
    ran = subprocess.run(
        [compiler, *arguments, "-o", str(to)], capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False
    )
    if ran.returncode != 0:
        said = next((line for line in ran.stderr.splitlines() if "error" in line), ran.stderr.strip()[:200])
        raise NotPossibleHere(f"{Path(compiler).name} failed: {said}")


def cache_folder() -> Path:
    """Of this user (XDG Base Directory Specification: `XDG_CACHE_HOME`, else `~/.cache`)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edgeacc"


def _digest(command: Sequence[str], files: Sequence[Path]) -> str:
    together = hashlib.sha256("\0".join(command).encode())
    for path in files:
        content = path.read_bytes()
        together.update(f"\0{path.name}\0{len(content)}\0".encode())
        together.update(content)
    return together.hexdigest()[:16]


def zig_program() -> str:
    """The program that the package ziglang brings.

    Raises:
        NotPossibleHere: not installed.
    """
    found = find_spec("ziglang")
    if found is None or found.origin is None:
        raise NotPossibleHere(
            "ziglang is not installed", next_command="pip install 'edgeacc[simulate]' -c constraints.txt"
        )
    return str(Path(found.origin).with_name("zig.exe" if os.name == "nt" else "zig"))
