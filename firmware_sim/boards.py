"""The emulated boards: where each core finds code, model and memory, and how an image of it is recognised."""

from dataclasses import dataclass

from edgeacc.errors import unknown

STACK_BYTES = 0x4000
"""Of each image; our choice: the runtime has no recursion and no large local arrays."""
CODE_BYTES = 0x40000
"""Of each image: harness and all kernels take some tens of KB. Our choice."""


@dataclass(frozen=True)
class Region:
    """Memory of a board.

    Attributes:
        origin: address of its first byte.
        size: bytes.
    """

    origin: int
    size: int


@dataclass(frozen=True)
class Board:
    """One emulated board. Addresses are those of QEMU's documentation of the Arm MPS2 and MPS3 boards.

    Attributes:
        core: `m4`, `m7`, `m33` or `m55`.
        machine: QEMU's name.
        code: where the image lies, the vector table first.
        blob: where the model lies.
        ram: data, arena and stack.
        flags: of arm-none-eabi-gcc, for this core.
        zig_cpu: the same for zig.
        architecture: `Tag_CPU_arch` of its images (Arm, "ABI for the Arm Architecture: addenda", table of
            Tag_CPU_arch).
        fp_architecture: `Tag_FP_arch`, which tells M4 from M7.
    """

    core: str
    machine: str
    code: Region
    blob: Region
    ram: Region
    flags: tuple[str, ...]
    zig_cpu: str
    architecture: int
    fp_architecture: int


def _mps2(core: str, machine: str, fpu: str, zig_fpu: str, fp_architecture: int) -> Board:
    return Board(
        core=core,
        machine=machine,
        code=Region(0, CODE_BYTES),
        blob=Region(CODE_BYTES, 0x400000 - CODE_BYTES),
        ram=Region(0x20000000, 0x400000),
        flags=(f"-mcpu=cortex-{core}", "-mfloat-abi=hard", f"-mfpu={fpu}"),
        zig_cpu=f"cortex_{core}+{zig_fpu}",
        architecture=13,
        fp_architecture=fp_architecture,
    )


_M33 = Board(
    core="m33",
    machine="mps2-an505",
    code=Region(0x10000000, CODE_BYTES),
    blob=Region(0x10000000 + CODE_BYTES, 0x400000 - CODE_BYTES),
    ram=Region(0x38000000, 0x400000),
    flags=("-mcpu=cortex-m33", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
    zig_cpu="cortex_m33+fp_armv8d16sp+dsp",
    architecture=17,
    fp_architecture=8,
)
_M55 = Board(
    core="m55",
    machine="mps3-an547",
    code=Region(0, CODE_BYTES),
    blob=Region(0x60000000, 0x1000000),
    ram=Region(0x21000000, 0x200000),
    flags=("-mcpu=cortex-m55", "-mfloat-abi=hard"),
    zig_cpu="cortex_m55+mve_fp+fp_armv8d16",
    architecture=21,
    fp_architecture=8,
)
BOARDS = {
    board.core: board
    for board in (
        _mps2("m4", "mps2-an386", "fpv4-sp-d16", "vfp4d16sp", 6),
        _mps2("m7", "mps2-an500", "fpv5-sp-d16", "fp_armv8d16sp", 8),
        _M33,
        _M55,
    )
}


def board_of(core: str) -> Board:
    """The board of a core.

    Raises:
        BadInput: no such core; it lists those that exist.
    """
    if core not in BOARDS:
        raise unknown("core", core, list(BOARDS))
    return BOARDS[core]
