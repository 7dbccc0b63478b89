"""A result as tables of plain cells."""

from collections.abc import Sequence
from typing import NamedTuple

from edgeacc.evaluation.bootstrap import Interval
from edgeacc.evaluation.result import EvaluationResult, LimitResult, ProbeRow, RetrievalRow

_TRIVIAL = "none"


Cells = tuple[str | int | None, ...]


class TableOf(NamedTuple):
    """A table before it is drawn."""

    title: str
    columns: tuple[str, ...]
    rows: list[Cells]


def limit_tables(result: LimitResult) -> list[TableOf]:
    """Tables of a limit."""
    store = result.store
    title = (
        f"Training-free limit of {store.name} ({store.source}): {store.windows} windows of {store.window_s:g} s, "
        f"{store.participants} participant(s)"
    )
    return [_retrieval_table(title, result.rows), *_notes(result.notes)]


def evaluation_tables(result: EvaluationResult) -> list[TableOf]:
    """Tables of an evaluation."""
    store = result.store
    title = (
        f"Retrieval on {store.name} ({store.source}): {store.windows} windows of {store.participants} participant(s); "
        f"student {result.student}; teacher {result.teacher}"
    )
    tables = [_retrieval_table(title, result.retrieval)]
    if result.probes:
        tables.append(_probe_table(result))
    if result.improvements:
        tables.append(_improvement_table(result))
    return [*tables, *_notes(result.notes)]


def with_interval(interval: Interval, digits: int, *, percent: bool = False) -> str:
    """`0.94 (0.91-0.96)`, `0.1 (-0.2 to 0.3)`, or the value alone where there is no interval."""
    scale, unit = (100, " %") if percent else (1, "")
    value = f"{interval.value * scale:.{digits}f}{unit}"
    if interval.low is None or interval.high is None:
        return value
    joint = " to " if interval.low < 0 else "-"
    return f"{value} ({interval.low * scale:.{digits}f}{joint}{interval.high * scale:.{digits}f})"


def _retrieval_table(title: str, rows: Sequence[RetrievalRow]) -> TableOf:
    columns = ("method", "asks", "pool", "queries", "top-1 (95 %)", "chance", "top-5", "mean rank")
    cells: list[Cells] = [
        (
            f"{row.method}, {row.variant}" if row.variant else row.method,
            row.direction,
            f"{row.candidates:.0f}",
            row.queries,
            with_interval(row.top1, 3),
            f"{row.chance_top1:.3f}",
            None if row.top5 is None else f"{row.top5:.3f}",
            None if row.mean_rank is None else f"{row.mean_rank:.1f}",
        )
        for row in rows
    ]
    return TableOf(title, columns, cells)


def _probe_table(result: EvaluationResult) -> TableOf:
    """One row per method, probe and share of labels; a column per target."""
    targets = list(result.scored_on)
    cells: dict[tuple[str, str, float], dict[str, ProbeRow]] = {}
    for row in result.probes:
        cells.setdefault((row.method, row.probe, row.fraction), {})[row.target] = row
    share = shares(result)
    rows: list[Cells] = [
        (method, *(("-", "-") if probe == _TRIVIAL else (probe, share[fraction])), *_errors(found, targets))
        for (method, probe, fraction), found in cells.items()
    ]
    scored = ", ".join(f"{target}: {source}" for target, source in result.scored_on.items())
    title = f"Mean absolute error (95 %) r; fitted on {result.fitted_on} labels, scored on {scored}"
    return TableOf(title, ("method", "probe", "labels", *targets), rows)


def shares(result: EvaluationResult) -> dict[float, str]:
    """Share of labels -> how it is told, with the people whose they are: two at least, so shares may be the same."""
    fitted = {row.fraction: row.fitted_participants for row in result.probes if row.probe != _TRIVIAL}
    return {fraction: f"{fraction:.0%} ({count} people)" for fraction, count in fitted.items()}


def _errors(found: dict[str, ProbeRow], targets: Sequence[str]) -> list[str | None]:
    def cell(row: ProbeRow) -> str:
        return f"{with_interval(row.mae, 2)} {correlation(row)}"

    return [cell(found[target]) if target in found else None for target in targets]


def correlation(row: ProbeRow) -> str:
    """Pearson's r, or a dash where there is none."""
    return "–" if row.pearson_r is None else f"{row.pearson_r:.2f}"


def _improvement_table(result: EvaluationResult) -> TableOf:
    columns = ("student against", "probe", "labels", "target", "less error", "(base-KD)/KD", "(base-KD)/base")
    share = shares(result)
    rows: list[Cells] = [
        (
            row.base,
            row.probe,
            share[row.fraction],
            row.target,
            with_interval(row.improvement.difference, 2),
            with_interval(row.improvement.over_method, 0, percent=True),
            with_interval(row.improvement.over_base, 0, percent=True),
        )
        for row in result.improvements
    ]
    return TableOf("The student's improvement, paired by window, intervals over participants (95 %)", columns, rows)


def _notes(notes: Sequence[str]) -> list[TableOf]:
    return [TableOf("", ("notes",), [(note,) for note in notes])] if notes else []
