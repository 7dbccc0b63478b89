"""From executed blocks of code to instructions by class: shared by all engines that count."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from edgeacc.firmware_sim.counts import InstructionCounts
from edgeacc.firmware_sim.engines.opcodes import Instruction, decode


@dataclass(frozen=True)
class Block:
    """A piece of straight code that was executed.

    Attributes:
        start: address of its first instruction.
        size: bytes.
        times: how often it was executed.
        fell: how often execution went on behind its last instruction, rather than jumping.
    """

    start: int
    size: int
    times: int
    fell: int


class Code:
    """The code of an image, each block decoded once."""

    def __init__(self, content: bytes, origin: int, decode_one: Callable[[bytes, int], Instruction] = decode) -> None:
        """Keep the code.

        Args:
            content: all of it, little endian.
            origin: address of its first byte.
            decode_one: of the instruction set; Thumb where not given.
        """
        self.content = content
        self.origin = origin
        self._decode_one = decode_one
        self._instructions = lru_cache(maxsize=None)(self._decode)

    def count(self, blocks: Iterable[Block]) -> InstructionCounts:
        """Instructions by class that these executions make.

        Raises:
            ValueError: a block that lies outside the code: the engine followed another image.
        """
        counts: Counter[str] = Counter()
        for block in blocks:
            instructions = self._instructions(block.start, block.size)
            for each in instructions[:-1]:
                _add(counts, each, taken=block.times, passed=0)
            _add(counts, instructions[-1], taken=block.times - block.fell, passed=block.fell)
        return InstructionCounts(**counts)

    def _decode(self, start: int, size: int) -> tuple[Instruction, ...]:
        first = start - self.origin
        if first < 0 or first + size > len(self.content):
            raise ValueError(f"block at {start:#x} outside the image's code")
        instructions: list[Instruction] = []
        offset = first
        while offset < first + size:
            instructions.append(self._decode_one(self.content, offset))
            offset += instructions[-1].size
        return tuple(instructions)


def _add(counts: Counter[str], instruction: Instruction, *, taken: int, passed: int) -> None:
    """Count one instruction; only jumps and returns care whether they were passed by."""
    if instruction.kind == "branch":
        counts["branch_taken"] += taken
        counts["branch_not_taken"] += passed
    elif instruction.kind == "call_return":
        counts["call_return"] += taken
        counts["branch_not_taken"] += passed
    else:
        counts[instruction.kind] += taken + passed
    counts["load_words"] += instruction.load_words * (taken + passed)
    counts["store_words"] += instruction.store_words * (taken + passed)
