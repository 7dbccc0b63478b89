"""What is known of a model's artifacts, gathered from the results of several commands; each part is optional."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edgeacc.benchmarks.results import BenchResult, Reference, Row
from edgeacc.evaluation.heartbeat import HEARTBEAT_MG
from edgeacc.evaluation.result import EvaluationResult, LimitResult
from edgeacc.export.verify import VerifyReport
from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.simulate import Row as DeviceRow
from edgeacc.firmware_sim.simulate import Simulation

UNITS = {"hr_bpm": ("Heart rate", "bpm"), "sdnn_ms": ("SDNN", "ms"), "rmssd_ms": ("RMSSD", "ms")}
"""Target -> its name for people, and its unit."""


APART_S = 0.5
"""Streams whose searched delay is at least so long are not aligned (our choice: four of the search's steps)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetRow(_Frozen):
    """One artifact; None is what nothing told.

    Attributes:
        target: where it runs.
        recipe: number formats.
        level: `executed` in its runtime, or `evaluated` by our evaluator.
        rejected: why it did not pass its verification; empty where it did.
        size_bytes: of the artifact.
        snr_db: mean-removed, against the fp32 network.
        min_snr_db: the recipe's floor.
        hr_mae_bpm: heart-rate error of the bundle's probe on its golden windows.
        task_cost_bpm: how much of it the conversion added.
        p50_ms: median warm latency on this machine; None where no runtime executes it here.
        p99_ms: its 99th percentile.
        vs_eager: processor time of PyTorch eager over its own, in the same run.
        arena_bytes: memory that its format plans for what it computes.
        arena_by: who planned it, or why nothing tells; empty where no benchmark asked.
        memory_bytes: what loading and calling it added to a fresh process.
        vs_reference: `p50_ms` over the GPU's at batch 1.
        device: the first wearable that it was simulated on.
        device_ms: latency of one window there.
        energy_uj: of one window there.
        battery_days: of that device, for this function alone.
        checked_by: command and file of level, size, SNR and task cost.
    """

    target: str | None
    recipe: str
    level: Literal["executed", "evaluated"] | None
    rejected: str = ""
    size_bytes: int | None = None
    snr_db: float | None = None
    min_snr_db: float | None = None
    hr_mae_bpm: float | None = None
    task_cost_bpm: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    vs_eager: float | None = None
    arena_bytes: int | None = None
    arena_by: str = ""
    memory_bytes: int | None = None
    vs_reference: float | None = None
    device: str | None = None
    device_ms: Band | None = None
    energy_uj: Band | None = None
    battery_days: Band | None = None
    checked_by: str = ""


class StepRow(_Frozen):
    """One command of the demo and how long it took."""

    name: str
    command: str
    seconds: float


class RealReport(_Frozen):
    """The same on one set of real recordings; `acc_step_mg` is the coarsest resolution of their accelerometers."""

    name: str
    acc_step_mg: float | None
    limits: list[LimitResult]
    evaluation: EvaluationResult


class Demo(_Frozen):
    """How `edgeacc demo` came to its report.

    Attributes:
        size: as `--size` takes it.
        steps: the commands.
        of_other_code: names of the steps that other code than this made.
        missing: recipe -> why no artifact was made by it.
        wall_s: time in which steps ran, over all attempts; steps that were done before are not counted again.
        peak_memory_bytes: of all processes together.
    """

    size: str
    steps: list[StepRow]
    of_other_code: list[str] = []
    missing: dict[str, str]
    wall_s: float
    peak_memory_bytes: int


class Layers(_Frozen):
    """Instructions of one inference on an emulated core, layer by layer.

    Attributes:
        core: the engines' name of it.
        engine: emulator and version.
        layers: operator -> executed instructions of each of its layers, in the network's order.
    """

    core: str
    engine: str
    layers: list[tuple[str, int]]


class Report(_Frozen):
    """All of it.

    Attributes:
        targets: one row per artifact.
        bench: latency and memory.
        reference: of a GPU, on the same weights or others as it says.
        evaluation: the student on its store.
        simulations: on wearables.
        layers: of emulated cores.
        real: one per set of real recordings.
        demo: what only `edgeacc demo` knows.
    """

    targets: list[TargetRow]
    bench: BenchResult | None = None
    reference: Reference | None = None
    evaluation: EvaluationResult | None = None
    simulations: list[Simulation] = []
    layers: list[Layers] = []
    real: list[RealReport] = []
    demo: Demo | None = None

    @property
    def passed(self) -> list[TargetRow]:
        """The artifacts that were not rejected."""
        return [row for row in self.targets if not row.rejected]


def target_rows(
    checked: Sequence[TargetRow],
    bench: BenchResult | None = None,
    reference: Reference | None = None,
    simulations: Sequence[Simulation] = (),
) -> list[TargetRow]:
    """One row per artifact, known from its verification, its latency or both, with what else is known of it."""
    timed = {row.name: row for row in bench.rows if row.kind == "artifact" and row.threads == 1} if bench else {}
    known = {row.recipe: row for row in checked}
    rows = [*checked, *(_from_bench(row) for name, row in timed.items() if name not in known)]
    worn = {each.model: each.rows[0] for each in reversed(simulations) if each.rows}
    return [_whole(row, timed.get(row.recipe), reference, worn.get(row.recipe)) for row in rows]


def verified_row(report: VerifyReport, checked_by: str) -> TargetRow:
    """The row of what `edgeacc verify` found."""
    return TargetRow(
        target=report.target,
        recipe=report.recipe,
        level=report.level,
        rejected="; ".join(report.failures),
        size_bytes=report.model_bytes,
        snr_db=report.snr_db,
        min_snr_db=report.min_snr_db,
        hr_mae_bpm=report.hr_mae_bpm,
        task_cost_bpm=report.task_cost_bpm,
        checked_by=checked_by,
    )


def _from_bench(row: Row) -> TargetRow:
    return TargetRow(
        target=row.target,
        recipe=row.name,
        level=row.level,
        rejected=row.reason if row.state == "rejected" else "",
        size_bytes=row.size_bytes,
        snr_db=row.snr_db,
        checked_by="edgeacc bench, before it timed",
    )


def _whole(row: TargetRow, timed: Row | None, reference: Reference | None, worn: DeviceRow | None) -> TargetRow:
    more: dict[str, object] = {}
    if timed and timed.arena:
        more |= {"arena_bytes": timed.arena.size_bytes, "arena_by": timed.arena.source}
    if timed and timed.warm and not row.rejected:
        more |= {"p50_ms": timed.warm.p50_ms, "p99_ms": timed.warm.p99_ms, "vs_eager": timed.vs_eager}
        more |= {"memory_bytes": timed.above_baseline_bytes}
        more |= {"vs_reference": timed.warm.p50_ms / reference.p50_ms} if reference else {}
    if worn:
        more |= {"device": worn.device, "device_ms": worn.latency_ms, "energy_uj": worn.energy_uj}
        more |= {"battery_days": worn.battery_days}
    return row.model_copy(update=more)


def nature(real: RealReport) -> str:
    """What its accelerometer and its clocks are, as measured: what these recordings can show."""
    said = []
    if real.acc_step_mg is not None:
        coarse = "coarse " if real.acc_step_mg > HEARTBEAT_MG else ""
        said.append(
            f"{coarse}accelerometer ({real.acc_step_mg:.3g}-mg steps; a heartbeat is about {HEARTBEAT_MG:g} mg)"
        )
    longest = max(real.limits, key=lambda limit: limit.store.window_s, default=None)
    if longest and longest.delay_s and abs(longest.delay_s[1]) >= APART_S:
        low_s, _, high_s = longest.delay_s
        said.append(f"streams {low_s:.2f} to {high_s:.2f} s apart, see 'delay searched'")
    told = "; ".join(said)
    return f"{told[:1].upper()}{told[1:]}." if told else ""
