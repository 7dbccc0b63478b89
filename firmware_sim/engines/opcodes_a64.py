"""Classes of A64 instructions by their bits (Arm, "Architecture Reference Manual for A-profile", top encodings)."""

from edgeacc.firmware_sim.engines.opcodes import Instruction, Kind

_BYTES = 4


def decode_a64(code: bytes, offset: int) -> Instruction:
    """One instruction; vectors (NEON) are counted in the classes of Helium.

    Args:
        code: little endian.
        offset: of the instruction's first byte.
    """
    word = int.from_bytes(code[offset : offset + _BYTES], "little")
    group = word >> 25 & 0xF
    if group & 0b0101 == 0b0100:
        return _memory(word)
    if group >> 1 == 0b101:
        return Instruction(_control(word), _BYTES)
    if group & 0b0111 == 0b0101:
        return Instruction(_registers(word), _BYTES)
    if group & 0b0111 == 0b0111:
        return Instruction(_vectors(word), _BYTES)
    return Instruction("alu", _BYTES)


def _control(word: int) -> Kind:
    if word >> 26 == 0b100101 or word >> 25 == 0b1101011:
        return "call_return"  # BL; BR, BLR, RET
    jumps = word >> 26 == 0b000101 or word >> 24 == 0x54 or word >> 25 & 0x3F in (0b011010, 0b011011)
    return "branch" if jumps else "alu"  # B, B.cond, CBZ, TBZ; system


def _memory(word: int) -> Instruction:
    kind, vector = word >> 27 & 7, word >> 26 & 1
    if kind == 0b011:
        is_load = True  # of a literal
    elif kind == 0b111 and not vector:
        is_load = word >> 22 & 3 != 0
    else:
        is_load = bool(word >> 22 & 1)
    pair = int(kind == 0b101)
    name: Kind = ("mve_load" if is_load else "mve_store") if vector else ("load" if is_load else "store")
    return Instruction(name, _BYTES, pair if is_load else 0, 0 if is_load else pair)


def _registers(word: int) -> Kind:
    if word >> 24 & 0x1F == 0b11011:
        return "multiply"
    if word >> 21 & 0x3FF == 0b0011010110 and word >> 11 & 0x1F == 0b00001:
        return "divide"
    return "alu"


def _vectors(word: int) -> Kind:
    if word >> 24 & 0x5F == 0x1E or word >> 24 & 0x5F == 0x1F:
        return "fp"
    element = word >> 24 & 0xF == 0xF and not word >> 10 & 1
    three = word >> 21 & 1 and word >> 24 & 0xF == 0xE
    longer = three and word >> 10 & 3 == 0 and word >> 12 & 0xF in (8, 9, 10, 11, 12, 13)
    same = three and word >> 10 & 1 and word >> 11 & 0x1F in (0b10010, 0b10011, 0b10110)
    return "mve_mac" if element or longer or same else "mve_other"
