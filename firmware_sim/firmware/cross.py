"""Cross-compilers for the emulated boards: arm-none-eabi-gcc, or where it is missing the clang within ziglang (PyPI).

Images of both compute the same; how many instructions they execute differs, so that a count goes with its compiler. The
shipped images are gcc's.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from edgeacc.errors import NotPossibleHere
from edgeacc.export.firmware.builds import compile_to, require_program, zig_program
from edgeacc.firmware_sim.boards import STACK_BYTES, Board
from edgeacc.firmware_sim.engines.image import BEGIN, END

HERE = Path(__file__).parent
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Wstrict-prototypes", "-Werror")
STANDARD = ("-std=c99", "-O2", *WARNINGS)
_SECTIONS = ("-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables", "-nostdlib")
_LINKER = "-Wl,--gc-sections,-z,max-page-size=16,--build-id=none"


class CrossCompiler(Protocol):
    """Builds images for boards."""

    def version(self) -> str:
        """Name and version in one line.

        Raises:
            NotPossibleHere: not installed; the error names what brings it.
        """

    def link(self, board: Board, script: Path, sources: Sequence[Path], include: Sequence[Path], to: Path) -> None:
        """Compile and link these C files for a board, by its `linker_script`.

        Raises:
            NotPossibleHere: not installed, or it failed.
        """


@dataclass(frozen=True)
class Gcc:
    """Debian's package of Arm's GNU compiler."""

    package: str = "gcc-arm-none-eabi libnewlib-arm-none-eabi"

    def version(self) -> str:
        """See `CrossCompiler.version`."""
        command = [require_program("arm-none-eabi-gcc", self.package), "--version"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if told.returncode != 0:
            raise NotPossibleHere("arm-none-eabi-gcc does not start", next_command=f"apt-get install {self.package}")
        return told.stdout.splitlines()[0]

    def link(self, board: Board, script: Path, sources: Sequence[Path], include: Sequence[Path], to: Path) -> None:
        """See `CrossCompiler.link`; of the symbols only the layers' markers are kept."""
        compiler = require_program("arm-none-eabi-gcc", self.package)
        flags = [*board.flags, "-mthumb", *STANDARD, *_SECTIONS, "-fno-tree-loop-distribute-patterns", _LINKER]
        compile_to(compiler, [*flags, "-T", str(script), *_of(include, sources), "-lgcc"], to)
        strip = require_program("arm-none-eabi-strip", self.package)
        subprocess.run([strip, "--strip-unneeded", "-K", BEGIN, "-K", END, str(to)], check=True, timeout=60)


@dataclass(frozen=True)
class Zig:
    """The clang of the package ziglang, with the few parts of a C library that it expects (`firmware/freestanding`)."""

    def version(self) -> str:
        """See `CrossCompiler.version`."""
        zig_program()
        return f"zig {version('ziglang')}"

    def link(self, board: Board, script: Path, sources: Sequence[Path], include: Sequence[Path], to: Path) -> None:
        """See `CrossCompiler.link`. Frame pointers would take a register that the kernels' assembly needs."""
        own = HERE / "freestanding"
        target = ("cc", "-target", "thumb-freestanding-eabihf", f"-mcpu={board.zig_cpu}")
        flags = [*target, *STANDARD, *_SECTIONS, "-g0", "-fomit-frame-pointer", "-Wl,-e,reset", _LINKER]
        given = _of([*include, own], [*sources, own / "aeabi.c"])
        compile_to(zig_program(), [*flags, "-T", str(script), *given], to)


COMPILERS: tuple[CrossCompiler, ...] = (Gcc(), Zig())
"""The first that is installed is used."""


def cross_compiler() -> CrossCompiler:
    """The one that is used here.

    Raises:
        NotPossibleHere: none is installed; it names what brings each.
    """
    lacking: list[NotPossibleHere] = []
    for compiler in COMPILERS:
        try:
            compiler.version()
        except NotPossibleHere as error:
            lacking.append(error)
        else:
            return compiler
    told = "; ".join(each.problem for each in lacking)
    raise NotPossibleHere(told, next_command=lacking[0].next_command, valid=lacking[-1].next_command)


def linker_script(board: Board) -> str:
    """The one script with a board's places before it."""
    places = {
        "code_origin": board.code.origin,
        "code_bytes": board.code.size,
        "ram_origin": board.ram.origin,
        "ram_bytes": board.ram.size,
        "blob_origin": board.blob.origin,
        "stack_bytes": STACK_BYTES,
    }
    return "".join(f"{name} = {value:#x};\n" for name, value in places.items()) + (HERE / "cortex_m.ld").read_text()


def _of(include: Sequence[Path], sources: Sequence[Path]) -> list[str]:
    return [*(f"-I{folder}" for folder in include), *map(str, sources)]
