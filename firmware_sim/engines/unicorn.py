"""Unicorn, the emulator from PyPI: M4, M7 and M33 where QEMU is missing; the same counts and outputs, more slowly."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.firmware_sim.boards import Board, board_of
from edgeacc.firmware_sim.counts import EngineRun
from edgeacc.firmware_sim.engines.blocks import Block
from edgeacc.firmware_sim.engines.engine import (
    TIMEOUT_S,
    Program,
    decode_result,
    encode_job,
    require_fits,
    require_inputs,
    timed_out,
)
from edgeacc.firmware_sim.engines.image import Image, read_image
from edgeacc.firmware_sim.engines.layers import layer_runs, summed

_SYSTEM = (0xE0000000, 0x100000)
"""The processor's own registers; only memory here."""
_BKPT_AB = 0xBEAB
_OPEN, _WRITE, _READ, _EXIT_EXTENDED = 0x01, 0x05, 0x06, 0x20
"""Operations of semihosting that the firmware uses (`board_semihosted.c`)."""
_NOWHERE = 0xFFFFFFFE


@dataclass(frozen=True)
class Unicorn:
    """Runs images in unicorn; `timeout_s` bounds one run."""

    timeout_s: float = TIMEOUT_S
    name: str = "unicorn"
    cores: tuple[str, ...] = ("m4", "m7", "m33")

    def version(self) -> str:
        """Of the package.

        Raises:
            NotPossibleHere: not installed.
        """
        try:
            return version_of("unicorn")
        except PackageNotFoundError as error:
            raise NotPossibleHere(
                "unicorn is not installed", next_command="pip install 'edgeacc[simulate]' -c constraints.txt"
            ) from error

    def run(self, core: str, image: Path, program: Program, inputs: Sequence[bytes]) -> EngineRun:
        """See `Engine.run`.

        Raises:
            BadInput: a core that unicorn has not; else as there.
        """
        if core not in self.cores:
            raise BadInput(f"unicorn has no {core}", valid=", ".join(self.cores))
        board = board_of(core)
        require_inputs(program, inputs)
        read = read_image(image, board)
        require_fits(board, program, read.ram_used)
        version = self.version()
        where = f"{self.name} {core}"
        machine = _Machine(board, read, program, encode_job(program, inputs))
        machine.run(self.timeout_s, where)
        result = decode_result(bytes(machine.result), machine.code, program, len(inputs), where)
        layers = layer_runs(program, [read.code.count(blocks) for blocks in machine.layers], where)
        return EngineRun(core, self.name, version, result.outputs, layers, summed(layers), result.stack_bytes)


@dataclass
class _Machine:
    """One run: memory, the two files, and the executed blocks of the layers."""

    board: Board
    image: Image
    program: Program
    job: bytes
    result: bytearray = field(default_factory=bytearray)
    code: int = -1
    layers: list[list[Block]] = field(default_factory=list)
    _read: int = 0
    _times: dict[tuple[int, int], int] = field(default_factory=dict)
    _fell: dict[tuple[int, int], int] = field(default_factory=dict)
    _previous: tuple[int, int] = (0, 0)

    def run(self, timeout_s: float, where: str) -> None:
        """From reset to exit.

        Raises:
            NotPossibleHere: it did not end in time, or the emulator stopped at a fault.
        """
        import unicorn
        from unicorn import arm_const

        core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        core.ctl_set_cpu_model(getattr(arm_const, f"UC_CPU_ARM_CORTEX_{self.board.core.upper()}"))
        code, blob, ram = self.board.code, self.board.blob, self.board.ram
        for start, size in ((code.origin, code.size), (blob.origin, blob.size), (ram.origin, ram.size), _SYSTEM):
            core.mem_map(start, size)
        for address, content in (*self.image.segments, (blob.origin, self.program.blob)):
            core.mem_write(address, content)
        core.hook_add(unicorn.UC_HOOK_BLOCK, self._block)
        core.hook_add(unicorn.UC_HOOK_INTR, self._interrupt)
        stack, reset = struct.unpack("<II", core.mem_read(code.origin, 8))
        core.reg_write(arm_const.UC_ARM_REG_SP, stack)
        try:
            core.emu_start(reset | 1, _NOWHERE, timeout=int(timeout_s * 1e6))
        except unicorn.UcError as error:
            raise NotPossibleHere(f"the firmware faulted ({where}): {error}") from error
        if self.code < 0:
            raise timed_out(timeout_s, where)

    def _block(self, _core: Any, start: int, size: int, _data: Any) -> None:  # noqa: ANN401
        if sum(self._previous) == start:
            self._fell[self._previous] = self._fell.get(self._previous, 0) + 1
        if start == self.image.begin:
            self._times.clear()
            self._fell.clear()
        elif start == self.image.end and len(self.layers) < len(self.program.layers):
            fell = self._fell
            self.layers.append([Block(*key, times, fell.get(key, 0)) for key, times in self._times.items()])
        key = (start, size)
        self._times[key] = self._times.get(key, 0) + 1
        self._previous = key

    def _interrupt(self, core: Any, _number: int, _data: Any) -> None:  # noqa: ANN401
        from unicorn import arm_const

        at = core.reg_read(arm_const.UC_ARM_REG_PC)
        if int.from_bytes(core.mem_read(at, 2), "little") != _BKPT_AB:
            self.code = 98
            core.emu_stop()
            return
        operation = core.reg_read(arm_const.UC_ARM_REG_R0)
        words = struct.unpack("<3I", core.mem_read(core.reg_read(arm_const.UC_ARM_REG_R1), 12))
        if operation == _EXIT_EXTENDED:
            self.code = words[1]
            core.emu_stop()
            return
        core.reg_write(arm_const.UC_ARM_REG_R0, self._file(core, operation, words))
        core.reg_write(arm_const.UC_ARM_REG_PC, at + 2 | 1)

    def _file(self, core: Any, operation: int, words: tuple[int, int, int]) -> int:  # noqa: ANN401
        """What semihosting answers: of reading and writing, how many bytes were not moved."""
        _, address, count = words
        if operation == _OPEN:
            return 1
        if operation == _WRITE:
            self.result += core.mem_read(address, count)
            return 0
        if operation == _READ:
            moved = self.job[self._read : self._read + count]
            core.mem_write(address, moved)
            self._read += len(moved)
            return count - len(moved)
        return -1
