"""Build firmware images: of an emulated board with arm-none-eabi-gcc, of this machine with the system's compiler."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from edgeacc.errors import NotPossibleHere
from edgeacc.export.firmware.builds import cached_build, compile_to, require_program
from edgeacc.export.firmware.project import RUNTIME
from edgeacc.files import replacing
from edgeacc.firmware_sim.boards import BOARDS, STACK_BYTES, Board, board_of
from edgeacc.firmware_sim.engines.image import BEGIN, END

HERE = Path(__file__).parent
COMPILER, PACKAGE = "arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Wstrict-prototypes", "-Werror")
STANDARD = ("-std=c99", "-O2", *WARNINGS)

_STRIP = "arm-none-eabi-strip"
_ON_A_BOARD = ("start.c", "memory.c", "harness.c", "board_semihosted.c")
_ON_THE_HOST = ("harness.c", "board_host.c")


def sources_of(folders: Sequence[Path]) -> list[Path]:
    """All C files of a runtime, in one order on every machine."""
    return [source for folder in folders for source in sorted(folder.rglob("*.c"))]


def build_image(core: str, runtime: Sequence[Path], to: Path) -> None:
    """Build the image of a core: harness and runtime, any model.

    Args:
        core: `m4`, `m7`, `m33` or `m55`.
        runtime: folders with `edgeacc_model.h` and the C files behind it; headers that are not in them are the shipped
            runtime's.
        to: where the ELF file is to appear; one that is there is replaced.

    Raises:
        BadInput: no such core.
        NotPossibleHere: no cross-compiler, or it failed.
    """
    link_image(core, [*(HERE / name for name in _ON_A_BOARD), *sources_of(runtime)], [HERE, *runtime, RUNTIME], to)


def link_image(core: str, sources: Sequence[Path], include: Sequence[Path], to: Path) -> None:
    """Build an image of a core from these files; raises as `build_image`."""
    board = board_of(core)
    compiler = require_program(COMPILER, PACKAGE)
    with replacing(to, force=True) as beside:
        folders = (f"-I{folder}" for folder in include)
        compile_to(compiler, [*_flags(board), *folders, *map(str, sources), "-lgcc"], beside)
        strip = [require_program(_STRIP, PACKAGE), "--strip-unneeded", "-K", BEGIN, "-K", END, str(beside)]
        subprocess.run(strip, check=True, timeout=60)
        beside.chmod(0o644)


def host_image(runtime: Sequence[Path], flags: Sequence[str] = ()) -> Path:
    """The harness and a runtime as a program of this machine, from the cache or built now.

    Args:
        runtime: as above.
        flags: more of them for the compiler, such as those of sanitizers.

    Raises:
        NotPossibleHere: no compiler, or it failed.
    """
    sources = [*(HERE / name for name in _ON_THE_HOST), *sources_of(runtime)]
    return cached_build("cc", "gcc", [*STANDARD, *flags], sources, "host-image", HERE, *runtime, RUNTIME)


def compiler_version() -> str:
    """The cross-compiler's first line.

    Raises:
        NotPossibleHere: not installed.
    """
    told = subprocess.run(
        [require_program(COMPILER, PACKAGE), "--version"], capture_output=True, text=True, timeout=60, check=False
    )
    if told.returncode != 0:
        raise NotPossibleHere(f"{COMPILER} does not start", next_command=f"apt-get install {PACKAGE}")
    return told.stdout.splitlines()[0]


def _flags(board: Board) -> list[str]:
    places = {
        "code_origin": board.code.origin,
        "code_bytes": board.code.size,
        "ram_origin": board.ram.origin,
        "ram_bytes": board.ram.size,
        "blob_origin": board.blob.origin,
        "stack_bytes": STACK_BYTES,
    }
    return [
        *(*board.flags, "-mthumb", *STANDARD),
        *(
            "-ffunction-sections",
            "-fdata-sections",
            "-fno-tree-loop-distribute-patterns",
            "-fno-asynchronous-unwind-tables",
        ),
        *("-nostdlib", "-T", str(HERE / "cortex_m.ld"), "-Wl,--gc-sections,-z,max-page-size=16,--build-id=none"),
        *(f"-Wl,--defsym={name}={value:#x}" for name, value in places.items()),
    ]


def build_all() -> None:
    """Replace the shipped images (see `edgeacc.firmware_sim.images`).

    Raises:
        NotPossibleHere: no cross-compiler, or it failed.
    """
    from edgeacc.firmware_sim.images import BUILT_WITH, image_of

    for core in BOARDS:
        build_image(core, [RUNTIME], image_of(core))
    BUILT_WITH.write_text(compiler_version() + "\n")


if __name__ == "__main__":
    build_all()
