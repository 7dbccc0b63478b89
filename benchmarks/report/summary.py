"""What was found, in sentences."""

import math
from collections.abc import Iterator, Sequence

from edgeacc.benchmarks.report.page import Cell
from edgeacc.benchmarks.report.provenance import SIMULATED, told_evaluation, told_machine
from edgeacc.benchmarks.report.report import UNITS, Demo, Report, TargetRow
from edgeacc.benchmarks.results import EAGER
from edgeacc.evaluation.report import with_interval
from edgeacc.evaluation.result import EvaluationResult, RetrievalRow

HEADLINE_POOL = 1000


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


def summary(report: Report) -> list[str]:
    """What was found, in a few sentences; a demo begins with what was learned, a report with what it costs."""
    return [each.text for each in sentences(report)]


def sentences(report: Report) -> list[Cell]:
    """The summary, each sentence with where its numbers come from."""
    result, bench = report.evaluation, report.bench
    science = [] if result is None else [*_said_of_retrieval(result), *_said_of_probes(result)]
    checked = "; ".join(dict.fromkeys(row.checked_by for row in report.passed if row.checked_by))
    costs = [
        *(Cell(said, checked) for said in _said_of_targets(report)),
        *(Cell(said, told_machine(bench)) for said in _said_of_speed(report) if bench),
        *(Cell(said, SIMULATED) for said in _said_of_wearables(report)),
    ]
    learned = [Cell(said, told_evaluation(result)) for said in science if result]
    return [*learned, *costs] if report.demo else [*costs, *learned]


def cost(report: Demo) -> str:
    """Time and memory in a few words."""
    return f"{report.wall_s / 60:.1f} min, at most {report.peak_memory_bytes / 2**30:.1f} GiB of memory"


def _said_of_retrieval(result: EvaluationResult) -> Iterator[str]:
    pool = HEADLINE_POOL
    student = retrieval_row(result.retrieval, "student", pool=pool)
    if student is None:
        return
    said = (
        f"From the accelerometer alone ({_data(result)}), the student ranks the right PPG "
        f"window first of {student.candidates:,.0f} in {with_interval(student.top1, 1, percent=True)} of cases; chance "
        f"is {100 * student.chance_top1:.1f} %"
    )
    control = retrieval_row(result.retrieval, "student", "control", "independent beats")
    said += f", and with independent heartbeats it falls to {100 * control.top1.value:.1f} %" if control else ""
    limit = retrieval_row(result.retrieval, "limit", pool=pool)
    yield said + (f". The training-free limit is {100 * limit.top1.value:.1f} %." if limit else ".")


def _data(result: EvaluationResult) -> str:
    store = result.store
    return f"simulated cohort, preset {store.name}" if store.source == "cohort" else f"recordings, {store.name}"


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


def _said_of_targets(report: Report) -> Iterator[str]:
    rows = report.passed
    if not rows:
        return
    targets = len({row.target for row in rows})
    said = f"{_count(len(rows), 'artifact')} for {_count(targets, 'target')}, each checked numerically"
    gated = [row for row in rows if row.snr_db is not None and row.min_snr_db is not None]
    if gated:
        worst = min(gated, key=_margin_db)
        said += f" and above its floor (closest: {worst.recipe}, {worst.snr_db:.1f} dB against {worst.min_snr_db:g})"
    costs = [row for row in rows if row.task_cost_bpm is not None]
    if costs:
        said += f"; {_dearest(costs)}"
    refused = [row.recipe for row in report.targets if row.rejected]
    yield said + (f"; rejected: {', '.join(refused)}." if refused else ".")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _margin_db(row: TargetRow) -> float:
    return (row.snr_db or 0.0) - (row.min_snr_db or 0.0)


def _said_of_speed(report: Report) -> Iterator[str]:
    timed = [(row.p50_ms, row) for row in report.passed if row.p50_ms is not None]
    if not timed or report.bench is None:
        return
    p50_ms, row = min(timed, key=lambda each: each[0])
    said = f"Fastest on one thread of {report.bench.machine.cpu}: {row.recipe}, {p50_ms:.2f} ms for one window (median"
    said += f", {row.snr_db:.1f} dB)" if row.snr_db is not None else ")"
    yield said + (f", {row.vs_eager:.1f} times as fast as PyTorch eager in the same run." if row.vs_eager else ".")
    ours, theirs = report.bench.best("artifact"), report.bench.best("peer")
    if ours and theirs and ours.warm and theirs.warm and theirs.name != EAGER:
        ratio = theirs.warm.cpu_ms / ours.warm.cpu_ms
        yield f"{ours.name} takes {1 / ratio:.2f} of the processor time of {theirs.name}, the best of the usual ways."


def _said_of_wearables(report: Report) -> Iterator[str]:
    for each in report.simulations:
        for row in each.rows[:1]:
            figures = (("ms", row.latency_ms), ("uJ a window", row.energy_uj), ("days of battery", row.battery_days))
            told = [f"{digits(band.typical)} {unit}" for unit, band in figures if band is not None]
            if told:
                yield f"{each.model} on {row.device}, simulated, typical: {', '.join(told)}."


def _dearest(rows: Sequence[TargetRow]) -> str:
    """The largest loss of accuracy, rounded up so that it bounds all of them."""
    row = max(rows, key=lambda row: row.task_cost_bpm or 0.0)
    cost_bpm = row.task_cost_bpm or 0.0
    if cost_bpm <= 0:
        return "none of them costs accuracy in heart rate"
    bound_bpm = math.ceil(round(1000 * cost_bpm, 6)) / 1000
    return f"none of them adds more than {bound_bpm:.3f} bpm to the error in heart rate (most: {row.recipe})"


def digits(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def signed(cost_bpm: float) -> str:
    """A cost with its sign, to a thousandth; without one where it rounds to nothing."""
    return "0.000" if abs(cost_bpm) < 0.0005 else f"{cost_bpm:+.3f}"
