"""The simulator against measured boards: MLPerf Tiny's four networks on three of them, emulated beside published."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from edgeacc.errors import BadInput
from edgeacc.export.firmware.compile import Compiled, compile_model
from edgeacc.files import read_model
from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.counts import InstructionCounts
from edgeacc.firmware_sim.energy import active_uj
from edgeacc.firmware_sim.latency import inference_cycles
from edgeacc.firmware_sim.profile import target
from edgeacc.firmware_sim.run import run_model
from edgeacc.firmware_sim.simulate import core_of
from edgeacc.firmware_sim.tensors import drawn_input
from edgeacc.progress import Progress, silent

NEAR = 0.25
"""How near the typical cycles are to be to the published median, and (below) the energy to the measured."""
NEAR_ENERGY = 0.2

Count = Callable[[bytes, str], InstructionCounts]
"""Emulates one inference of a .tflite on a core of the engines (`m4`)."""


class Published(BaseModel):
    """Cycles per multiply-accumulate of the submissions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    least: float = Field(gt=0)
    median: float = Field(gt=0)
    most: float = Field(gt=0)


class PublishedBoard(BaseModel):
    """What was published of one board, by network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cycles_per_mac: dict[str, Published]
    energy_uj: dict[str, float]
    per_s: dict[str, float]


class PublishedResults(BaseModel):
    """`mlperf_tiny.toml`: multiply-accumulates by network, and the boards by the names of their profiles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    macs: dict[str, int]
    boards: dict[str, PublishedBoard]


class MlperfRow(BaseModel):
    """One network on one board.

    Attributes:
        instructions_per_mac: executed.
        cycles_per_mac: emulated; typical inside [least, most] of the published, and within 25 % of their median?
        energy_uj: emulated cycles x energy of a cycle.
        energy_ratio: its typical value over the measured: of another engine, which takes fewer cycles.
        energy_of_its_cycles_ratio: the measured run's own cycles x energy of a cycle over its energy: how well one
            energy of a cycle holds for four networks. It was taken from these very logs.
    """

    model_config = ConfigDict(frozen=True)

    board: str
    network: str
    instructions_per_mac: float
    cycles_per_mac: Band
    published: Published
    inside: bool
    near_median: bool
    energy_uj: Band | None
    measured_uj: float
    energy_ratio: float | None
    energy_of_its_cycles_ratio: float | None


class MlperfResult(BaseModel):
    """All rows, and how many of them hold."""

    model_config = ConfigDict(frozen=True)

    rows: list[MlperfRow]
    inside: int
    near_median: int
    near_energy: int
    near_energy_of_its_cycles: int


@lru_cache(maxsize=1)
def published() -> PublishedResults:
    """The published results."""
    return read_model(Path(__file__).with_name("mlperf_tiny.toml"), PublishedResults)


def run_mlperf(models: Mapping[str, bytes], count: Count, progress: Progress = silent) -> MlperfResult:
    """Emulate every network on every board's core.

    Args:
        models: .tflite by network.
        count: emulates one.
        progress: told of each run.
    """
    boards = published().boards
    pairs = [(board, network) for board in boards for network in models]
    rows = []
    for done, (board, network) in enumerate(pairs):
        progress(done, len(pairs), f"{network} on {board}")
        executed = count(models[network], core_of(target(board)))
        rows.append(_row(board, network, executed))
    progress(len(pairs), len(pairs))
    return MlperfResult(
        rows=rows,
        inside=sum(row.inside for row in rows),
        near_median=sum(row.near_median for row in rows),
        near_energy=sum(_near(row.energy_ratio) for row in rows),
        near_energy_of_its_cycles=sum(_near(row.energy_of_its_cycles_ratio) for row in rows),
    )


def networks(files: Sequence[Path], build: Callable[[str], bytes]) -> dict[str, bytes]:
    """Every network's .tflite: from a file whose name begins with the network's, or built.

    Args:
        files: .tflite files, any number.
        build: makes the others, by name.

    Raises:
        BadInput: a file that is none of the four networks, or cannot be read.
    """
    names = list(published().macs)
    given: dict[str, bytes] = {}
    for path in files:
        name = next((name for name in names if path.name.startswith(name)), None)
        if name is None:
            raise BadInput(f"{path.name} is none of the networks", valid=f"names that begin with {', '.join(names)}")
        try:
            given[name] = path.read_bytes()
        except OSError as error:
            raise BadInput(f"cannot read {path}: {error.strerror}") from error
    return {name: given[name] if name in given else build(name) for name in names}


def emulated(folder: Path) -> Count:
    """Compiles a .tflite and runs one inference; raises NotPossibleHere where nothing here runs the core.

    Args:
        folder: where the models are put for the compiler.
    """

    @cache
    def compiled(model: bytes) -> Compiled:
        path = folder / f"{hashlib.sha256(model).hexdigest()}.tflite"
        path.write_bytes(model)
        return compile_model(path)

    def count(model: bytes, core: str) -> InstructionCounts:
        program = compiled(model)
        run = run_model(core, program, [b"".join(drawn_input(port) for port in program.inputs)])
        if run.total is None:
            raise ValueError(f"the engine {run.engine} does not count")
        return run.total

    return count


def _row(board: str, network: str, executed: InstructionCounts) -> MlperfRow:
    device, point = target(board)
    macs = published().macs[network]
    board_known = published().boards[board]
    known, measured_uj = board_known.cycles_per_mac[network], board_known.energy_uj[network]
    cycles = inference_cycles(device, executed, macs)
    if cycles is None:
        raise ValueError(f"the profile of {board} or its core lacks a number")
    per_mac, energy_uj = cycles.times(1 / macs), active_uj(cycles, point)
    its_uj = active_uj(point.clock_mhz.band.times(1e6 / board_known.per_s[network]), point)
    return MlperfRow(
        board=board,
        network=network,
        instructions_per_mac=executed.total / macs,
        cycles_per_mac=per_mac,
        published=known,
        inside=known.least <= per_mac.typical <= known.most,
        near_median=abs(per_mac.typical / known.median - 1) <= NEAR,
        energy_uj=energy_uj,
        measured_uj=measured_uj,
        energy_ratio=None if energy_uj is None else energy_uj.typical / measured_uj,
        energy_of_its_cycles_ratio=None if its_uj is None else its_uj.typical / measured_uj,
    )


def _near(ratio: float | None) -> bool:
    return ratio is not None and abs(ratio - 1) <= NEAR_ENERGY
