"""What a demo found, gathered from the results of its commands: one row per artifact, the science, the cost."""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edgeacc.benchmarks.results import BenchResult
from edgeacc.evaluation.heartbeat import HEARTBEAT_MG
from edgeacc.evaluation.report import with_interval
from edgeacc.evaluation.result import EvaluationResult, LimitResult, RetrievalRow
from edgeacc.export.verify import VerifyReport

HEADLINE_POOL = 1000
UNITS = {"hr_bpm": ("Heart rate", "bpm"), "sdnn_ms": ("SDNN", "ms"), "rmssd_ms": ("RMSSD", "ms")}
"""Target -> its name for people, and its unit."""


APART_S = 0.5
"""Streams whose searched delay is at least so long are not aligned (our choice: four of the search's steps)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TargetRow(_Frozen):
    """One artifact.

    Attributes:
        target: where it runs.
        recipe: number formats.
        level: `executed` in its runtime, or `evaluated` by our evaluator.
        size_bytes: of the artifact.
        snr_db: mean-removed, against the fp32 network, measured by `edgeacc verify`.
        min_snr_db: the recipe's floor.
        hr_mae_bpm: heart-rate error of the bundle's probe on its golden windows.
        task_cost_bpm: how much of it the conversion added.
        p50_ms: median warm latency on this machine; None where no runtime executes it here.
    """

    target: str
    recipe: str
    level: Literal["executed", "evaluated"]
    size_bytes: int
    snr_db: float
    min_snr_db: float
    hr_mae_bpm: float | None
    task_cost_bpm: float | None
    p50_ms: float | None


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


class DemoReport(_Frozen):
    """All of it.

    Attributes:
        size: of the demo, as `--size` takes it.
        targets: one row per artifact.
        evaluation: the student on the cohort.
        bench: latency and memory.
        real: one per set of real recordings.
        missing: recipe -> why no artifact was made by it.
        steps: the commands.
        of_other_code: names of the steps that other code than this made.
        wall_s: time in which steps ran, over all attempts; steps that were done before are not counted again.
        peak_memory_bytes: of all processes together.
    """

    size: str
    targets: list[TargetRow]
    evaluation: EvaluationResult
    bench: BenchResult
    real: list[RealReport]
    missing: dict[str, str]
    steps: list[StepRow]
    of_other_code: list[str] = []
    wall_s: float
    peak_memory_bytes: int


def target_rows(verified: Sequence[VerifyReport], bench: BenchResult) -> list[TargetRow]:
    """One row per verified artifact, with its latency where it was timed."""
    warm = {row.name: row.warm for row in bench.rows if row.kind == "artifact"}
    return [
        TargetRow(
            target=each.target,
            recipe=each.recipe,
            level=each.level,
            size_bytes=each.model_bytes,
            snr_db=each.snr_db,
            min_snr_db=each.min_snr_db,
            hr_mae_bpm=each.hr_mae_bpm,
            task_cost_bpm=each.task_cost_bpm,
            p50_ms=timed.p50_ms if (timed := warm.get(each.recipe)) else None,
        )
        for each in verified
    ]


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


def retrieval_row(
    rows: Sequence[RetrievalRow], method: str, group: str = "headline", variant: str = "", pool: int | None = None
) -> RetrievalRow | None:
    """The accelerometer-asks row of a method (by the beginning of its name) with the largest pool up to `pool`."""
    found = [
        row
        for row in rows
        if row.method.startswith(method)
        and (row.group, row.variant, row.direction) == (group, variant, "acc->ppg")
        and (pool is None or row.candidates <= pool)
    ]
    return max(found, key=lambda row: row.candidates, default=None)


def summary(report: DemoReport) -> list[str]:
    """What was found, in a few sentences."""
    return [*_said_of_retrieval(report.evaluation), *_said_of_probes(report.evaluation), *_said_of_targets(report)]


def cost(report: DemoReport) -> str:
    """Time and memory in a few words."""
    return f"{report.wall_s / 60:.1f} min, at most {report.peak_memory_bytes / 2**30:.1f} GiB of memory"


def _said_of_retrieval(result: EvaluationResult) -> Iterator[str]:
    pool = HEADLINE_POOL
    student = retrieval_row(result.retrieval, "student", pool=pool)
    if student is None:
        return
    said = (
        f"From the accelerometer alone (simulated cohort, preset {result.store.name}), the student ranks the right PPG "
        f"window first of {student.candidates:,.0f} in {with_interval(student.top1, 1, percent=True)} of cases; chance "
        f"is {100 * student.chance_top1:.1f} %"
    )
    control = retrieval_row(result.retrieval, "student", "control", "independent beats")
    said += f", and with independent heartbeats it falls to {100 * control.top1.value:.1f} %" if control else ""
    limit = retrieval_row(result.retrieval, "limit", pool=pool)
    yield said + (f". The training-free limit is {100 * limit.top1.value:.1f} %." if limit else ".")


def _said_of_probes(result: EvaluationResult) -> Iterator[str]:
    """The student's better probe with all labels, and every other method beside it by the same probe."""
    for target, (name, unit) in UNITS.items():
        rows = [row for row in result.probes if row.target == target and row.fraction == 1.0]
        own = [row for row in rows if row.method == "student"]
        if not own:
            continue
        best = min(own, key=lambda row: row.mae.value)
        others = [row for row in rows if row.method in result.baselines and row.probe == best.probe]
        trivial = [row for row in rows if row.probe == "none"]
        told = ", ".join(f"{row.method} {row.mae.value:.2f}" for row in (best, *others, *trivial))
        yield f"{name}, mean absolute error in {unit} ({best.probe} probe, all labels): {told}."


def _said_of_targets(report: DemoReport) -> Iterator[str]:
    rows = report.targets
    worst = min(rows, key=lambda row: row.snr_db - row.min_snr_db)
    said = (
        f"{len(rows)} artifacts for {len({row.target for row in rows})} targets, each checked numerically and above "
        f"its floor (closest: {worst.recipe}, {worst.snr_db:.1f} dB against {worst.min_snr_db:g})"
    )
    costs = [row for row in rows if row.task_cost_bpm is not None]
    if costs:
        said += f"; {_dearest(costs)}"
    yield said + "."


def _dearest(rows: Sequence[TargetRow]) -> str:
    """The largest loss of accuracy, rounded up so that it bounds all of them."""
    row = max(rows, key=lambda row: row.task_cost_bpm or 0.0)
    cost_bpm = row.task_cost_bpm or 0.0
    if cost_bpm <= 0:
        return "none of them costs accuracy in heart rate"
    bound_bpm = math.ceil(round(1000 * cost_bpm, 6)) / 1000
    return f"none of them adds more than {bound_bpm:.3f} bpm to the error in heart rate (most: {row.recipe})"


def signed(cost_bpm: float) -> str:
    """A cost with its sign, to a thousandth; without one where it rounds to nothing."""
    return "0.000" if abs(cost_bpm) < 0.0005 else f"{cost_bpm:+.3f}"
