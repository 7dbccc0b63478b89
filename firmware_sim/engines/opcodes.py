"""The class of each Thumb-2 instruction by its bits (Arm, DDI 0553, "Armv8-M Architecture Reference Manual", C2).

By bits, as disassemblers misprint Helium. Only what the classes of `InstructionCounts` need is told apart.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

Kind = Literal[
    "alu", "multiply", "mac_dsp", "load", "store", "branch", "call_return", "divide", "fp", "mve_load", "mve_store",
    "mve_mac", "mve_other", "loop",
]  # fmt: skip


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        kind: its class; a `branch` is taken or not in each execution.
        size: bytes, 2 or 4.
        load_words: registers beyond the first that it loads; of a return all that it loads.
        store_words: registers beyond the first that it stores.
    """

    kind: Kind
    size: int
    load_words: int = 0
    store_words: int = 0


def decode(code: bytes, offset: int) -> Instruction:
    """The instruction at `offset` of little-endian Thumb code."""
    first = int.from_bytes(code[offset : offset + 2], "little")
    if first >> 11 < 0b11101:
        return _narrow(first)
    return _wide(first, int.from_bytes(code[offset + 2 : offset + 4], "little"))


@cache
def _narrow(op: int) -> Instruction:
    if op >> 11 == 0b11100 or op & 0xF500 == 0xB100 or (op >> 12 == 0xD and op >> 8 < 0xDE):
        return Instruction("branch", 2)  # B, CBZ, CBNZ, B<cond>
    if op >> 8 == 0x47 or (op & 0xFD00 == 0x4400 and op & 0x87 == 0x87):
        return Instruction("call_return", 2)  # BX, BLX; ADD, MOV into the program counter
    if op & 0xFFC0 == 0x4340:
        return Instruction("multiply", 2)
    if op & 0xFE00 == 0xB400:
        return Instruction("store", 2, store_words=(op & 0x1FF).bit_count() - 1)  # PUSH
    if op >> 8 == 0xBD:
        return Instruction("call_return", 2, load_words=(op & 0x1FF).bit_count())  # POP with the program counter
    if op >> 8 == 0xBC:
        return Instruction("load", 2, load_words=(op & 0xFF).bit_count() - 1)
    if op >> 12 == 0xC:
        return _multiple(op & 0xFF, load=bool(op & 0x800), size=2)
    if op >> 11 == 0b01001:
        return Instruction("load", 2)  # LDR literal
    if op >> 12 == 0x5:
        return Instruction("load" if op >> 9 & 7 >= 3 else "store", 2)
    if op >> 12 in (0x6, 0x7, 0x8, 0x9):
        return Instruction("load" if op & 0x800 else "store", 2)
    return Instruction("alu", 2)


def _multiple(registers: int, *, load: bool, size: int) -> Instruction:
    count = registers.bit_count()
    if load and registers & 0x8000:
        return Instruction("call_return", size, load_words=count)
    more = max(count - 1, 0)
    return Instruction("load", size, load_words=more) if load else Instruction("store", size, store_words=more)


@cache
def _wide(first: int, second: int) -> Instruction:
    if first & 0xEC00 == 0xEC00:
        return Instruction(_coprocessor(first, second), 4)
    if first & 0xFE00 == 0xE800:
        return _load_store_pairs(first, second)
    if first >> 11 == 0b11110 and second & 0x8000:
        return Instruction(_control(first, second), 4)
    if first & 0xFE00 == 0xF800:
        return _load_store_one(first, second)
    if first & 0xFF00 == 0xFB00:
        return Instruction(_multiplication(first, second), 4)
    return Instruction("alu", 4)


def _load_store_pairs(first: int, second: int) -> Instruction:
    load = bool(first & 0x10)
    if not first & 0x40:
        return _multiple(second, load=load, size=4)
    if first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000:
        return Instruction("branch", 4)  # TBB, TBH
    if first & 0xFF20 == 0xE800:
        return Instruction("load" if load else "store", 4)  # exclusives
    return Instruction("load", 4, load_words=1) if load else Instruction("store", 4, store_words=1)


def _load_store_one(first: int, second: int) -> Instruction:
    if not first & 0x10:
        return Instruction("store", 4)
    if second >> 12 != 0xF:
        return Instruction("load", 4)
    if first & 0xFF60 == 0xF840:
        return Instruction("call_return", 4, load_words=1)  # LDR into the program counter
    return Instruction("alu", 4)  # preload hints


def _control(first: int, second: int) -> Kind:
    if second & 0xD000 == 0xD000:
        return "call_return"  # BL
    if second & 0xD000 == 0x9000:
        return "branch"  # B
    if second & 0xD000 == 0x8000:
        return "alu" if first & 0x380 == 0x380 else "branch"  # MSR, hints, barriers; B<cond>
    return "mve_other" if first & 0xFFC0 == 0xF000 and second == 0xE801 else "loop"  # VCTP; DLS, WLS, LE, LCTP


def _multiplication(first: int, second: int) -> Kind:
    operation = first >> 4 & 7
    if not first & 0x80:
        return "mac_dsp" if operation in (2, 4) else "multiply"  # SMLAD, SMUAD, SMLSD, SMUSD
    if operation in (1, 3):
        return "divide"
    return "mac_dsp" if operation in (4, 5) and second & 0xC0 == 0xC0 else "multiply"  # SMLALD, SMLSLD


def _coprocessor(first: int, second: int) -> Kind:
    number = second >> 8 & 0xF
    if first & 0x0200:
        if first & 0x0100:
            return _mve_vectors(first, second)
        if number in (14, 15):
            return _mve_mixed(first, second)
        is_dup = first & 0xFFB0 == 0xEEA0 and second & 0x0F5F == 0x0B10
        return "mve_other" if is_dup else "fp" if number in (9, 10, 11) else "alu"
    if number in (14, 15):
        if first & 0xFFA0 == 0xEC00:
            return "mve_other"  # VMOV of two lanes
        return "mve_load" if first & 0x10 else "mve_store"
    return "fp" if number in (9, 10, 11) else "alu"


def _mve_vectors(first: int, second: int) -> Kind:
    """Hexadecimal EF and FF: two vectors, or a vector and an immediate value."""
    if first & 0x80:
        return "mve_other"
    unsigned = bool(first & 0x1000)
    operation = second & 0x0F51
    multiplies = (
        (operation == 0x0950 and not unsigned)  # VMUL
        or operation & 0x0F50 == 0x0B40  # VQDMULH, VQRDMULH
        or (operation == 0x0D50 and unsigned)  # VMUL of floats
        or (operation == 0x0C50 and not unsigned)  # VFMA, VFMS
    )
    return "mve_mac" if multiplies else "mve_other"


def _mve_mixed(first: int, second: int) -> Kind:
    """Hexadecimal EE and FE of coprocessors 14 and 15: across lanes, widening, with a scalar."""
    fifteen = bool(second & 0x100)
    odd = bool(first & 1)
    last_size = first & 0x30 == 0x30
    if first & 0x80:  # VMLADAV and kin; not VADDV, VADDLV, VMINV, VMAXV, nor shifts
        across = second & 0x0050 == 0 and not (fifteen and (odd or first & 0x70 == 0x60))
        return "mve_mac" if across else "mve_other"
    if fifteen:
        doubling = last_size and not odd and (second & 0x0051 == 0x0001 or second & 0x0070 == 0x0060)
        return "mve_mac" if doubling else "mve_other"  # VQDMULL
    if second & 0x0050 == 0:
        return "mve_other" if last_size and odd else "mve_mac"  # VMOVN, VMAXA; VMULL, VMULH, VQDMLADH, VCMUL
    if not second & 0x40:
        return "mve_other"
    reverses = bool(first & 0x1000) and bool(second & 0x1000) and bool(second & 0x20)  # VBRSR
    shifts = last_size and bool(second & 0x1000)
    return "mve_other" if reverses or shifts else "mve_mac"
