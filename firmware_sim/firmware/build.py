"""Build firmware images: of an emulated board with a cross-compiler, of this machine with the system's compiler."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgeacc.export.firmware.builds import cached_build, zig_program
from edgeacc.export.firmware.project import RUNTIME
from edgeacc.files import replacing
from edgeacc.firmware_sim.boards import BOARDS, board_of
from edgeacc.firmware_sim.firmware.cross import (
    HERE,
    STANDARD,
    CrossCompiler,
    Gcc,
    cross_compiler,
    linker_script,
)

_ON_A_BOARD = ("start.c", "memory.c", "harness.c", "board_semihosted.c")
_ON_THE_HOST = ("harness.c", "board_host.c")


def sources_of(folders: Sequence[Path]) -> list[Path]:
    """All C files of a runtime, in one order on every machine."""
    return [source for folder in folders for source in sorted(folder.rglob("*.c"))]


def build_image(core: str, runtime: Sequence[Path], to: Path, compiler: CrossCompiler | None = None) -> None:
    """Build the image of a core: harness and runtime, any model.

    Args:
        core: `m4`, `m7`, `m33` or `m55`.
        runtime: folders with `edgeacc_model.h` and the C files behind it; headers that are not in them are the shipped
            runtime's.
        to: where the ELF file is to appear; one that is there is replaced.
        compiler: which one; the first that is installed where not given.

    Raises:
        BadInput: no such core.
        NotPossibleHere: no cross-compiler, or it failed.
    """
    sources = [*(HERE / name for name in _ON_A_BOARD), *sources_of(runtime)]
    link_image(core, sources, [HERE, *runtime, RUNTIME], to, compiler)


def link_image(
    core: str, sources: Sequence[Path], include: Sequence[Path], to: Path, compiler: CrossCompiler | None = None
) -> None:
    """Build an image of a core from these files; raises as `build_image`."""
    board, chosen = board_of(core), compiler or cross_compiler()
    with replacing(to, force=True) as beside, tempfile.TemporaryDirectory(prefix="edgeacc-link-") as folder:
        script = Path(folder) / "board.ld"
        script.write_text(linker_script(board))
        chosen.link(board, script, sources, include, beside)
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


def a64_image() -> Path:
    """The harness and the shipped runtime as a static program of Linux on A64, from the cache or built now.

    Raises:
        NotPossibleHere: ziglang is not installed, or failed.
    """
    own = HERE / "freestanding"
    names = ("harness.c", "memory.c", "a64/board_linux.c")
    sources = [*(HERE / name for name in names), *sources_of([RUNTIME])]
    target = ("cc", "-target", "aarch64-freestanding", "-mcpu=cortex_a53", "-nostdlib", "-g0")
    arguments = [*target, *STANDARD, "-O3", "-fno-asynchronous-unwind-tables"]
    return cached_build(zig_program(), "", arguments, sources, "a64-image", HERE, own, RUNTIME)


def build_all() -> None:
    """Replace the shipped images (see `edgeacc.firmware_sim.images`).

    Raises:
        NotPossibleHere: no arm-none-eabi-gcc, or it failed.
    """
    from edgeacc.firmware_sim.images import BUILT_WITH, image_of

    for core in BOARDS:
        build_image(core, [RUNTIME], image_of(core), Gcc())
    BUILT_WITH.write_text(Gcc().version() + "\n")


if __name__ == "__main__":
    build_all()
