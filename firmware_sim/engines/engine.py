"""What every engine is, and what it is given: a protocol, a program, and the files that pass to and from a firmware."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.firmware_sim.boards import STACK_BYTES, Board
from edgeacc.firmware_sim.counts import EngineRun

JOB = 0x314A4445
RESULT = 0x31524445
"""Magic numbers of `harness.h`."""
FAULT = 98
"""The exit code of an image whose processor faulted (`start.h`)."""
TIMEOUT_S = 120.0
"""A firmware that runs longer is stopped; our choice, some hundred times what a window of 60 s takes."""

_FEWEST_BYTES = 20


@dataclass(frozen=True)
class Layer:
    """What the compiler knows of one layer: its place, operator, name, and multiply-accumulates."""

    index: int
    operator: str
    name: str
    macs: int


@dataclass(frozen=True)
class Program:
    """A compiled model.

    Attributes:
        blob: what the runtime opens.
        layers: in the order in which they run.
        arena_bytes: memory that the runtime needs.
        input_bytes: of all inputs of one inference, one after another.
        output_bytes: of all outputs of one inference.
    """

    blob: bytes
    layers: tuple[Layer, ...]
    arena_bytes: int
    input_bytes: int
    output_bytes: int


class Engine(Protocol):
    """Runs a firmware image on one core."""

    @property
    def name(self) -> str:
        """As users call it."""

    @property
    def cores(self) -> tuple[str, ...]:
        """Those that it can run."""

    def version(self) -> str:
        """Of the emulator or compiler behind it.

        Raises:
            NotPossibleHere: it is not installed; the error names what brings it.
        """

    def run(self, core: str, image: Path, program: Program, inputs: Sequence[bytes]) -> EngineRun:
        """Run a model on each input, in order; state is kept from one to the next.

        Args:
            core: of `cores`.
            image: the firmware, built for this core.
            program: the model.
            inputs: of each inference; at least one.

        Raises:
            BadInput: an image of another core, a model that is too large for the board or that the runtime refuses,
                inputs of another size.
            NotPossibleHere: the engine is not installed, or the firmware faulted or did not end in time.
        """


def require_fits(board: Board, program: Program, ram_used: int = 0) -> None:
    """Refuse a model that is too large for a board, before anything runs.

    Args:
        board: its regions.
        program: the model.
        ram_used: bytes of the image's own data.

    Raises:
        BadInput: which buffer is too large, and by how many bytes.
    """
    places = (
        ("weights", len(program.blob), board.blob.size),
        ("arena", program.arena_bytes, board.ram.size - STACK_BYTES - ram_used),
    )
    problems = [
        f"the {what} take {needed} bytes, {needed - there} more than the {there} of the board"
        for what, needed, there in places
        if needed > there
    ]
    if problems:
        raise BadInput.several(f"model on {board.core}", problems, valid="a smaller model")


def require_inputs(program: Program, inputs: Sequence[bytes]) -> None:
    """Refuse inputs that do not fit the model.

    Raises:
        BadInput: none, or one of another size.
    """
    if not inputs:
        raise BadInput("no input", valid="one or more")
    for number, each in enumerate(inputs):
        if len(each) != program.input_bytes:
            raise BadInput(f"input {number} has {len(each)} bytes", valid=f"{program.input_bytes} bytes")


def encode_job(program: Program, inputs: Sequence[bytes]) -> bytes:
    """The file `job.bin` of `harness.h`."""
    return struct.pack("<III", JOB, len(program.blob), len(inputs)) + b"".join(inputs)


@dataclass(frozen=True)
class Result:
    """The file `result.bin` of `harness.h`: outputs of each inference, and the highest use of the stack in bytes."""

    outputs: tuple[bytes, ...]
    stack_bytes: int


def decode_result(content: bytes, code: int, program: Program, runs: int, where: str) -> Result:
    """Read what a firmware wrote.

    Args:
        content: of `result.bin`; empty where it did not come so far.
        code: with which the firmware ended.
        program: the model.
        runs: how many inferences were asked for.
        where: engine and core, for errors.

    Raises:
        BadInput: the runtime refused the model.
        NotPossibleHere: the firmware faulted, used up its stack, or did not write everything.
    """
    magic, status, layers, output_bytes = struct.unpack("<IiII", content[:16].ljust(16, b"\0"))
    if magic == RESULT and status != 0:
        raise BadInput(f"the runtime refuses the model (status {status}, {where})", valid="a blob of this version")
    if code == FAULT:
        raise NotPossibleHere(f"the firmware faulted ({where})")
    whole = _FEWEST_BYTES + runs * program.output_bytes
    expected = (RESULT, len(program.layers), program.output_bytes, whole)
    if code != 0 or (magic, layers, output_bytes, len(content)) != expected:
        raise NotPossibleHere(f"the firmware ended with code {code} after {len(content)} of {whole} bytes ({where})")
    stack_bytes = struct.unpack("<I", content[-4:])[0]
    if stack_bytes >= STACK_BYTES:
        raise NotPossibleHere(f"the firmware used all {STACK_BYTES} bytes of its stack ({where})")
    starts = range(16, whole - 4, program.output_bytes) if program.output_bytes else [16] * runs
    return Result(tuple(content[start : start + program.output_bytes] for start in starts), stack_bytes)


def timed_out(timeout_s: float, where: str) -> NotPossibleHere:
    """The error for a firmware that was stopped."""
    return NotPossibleHere(f"the firmware did not end within {timeout_s:g} s and was stopped ({where})")
