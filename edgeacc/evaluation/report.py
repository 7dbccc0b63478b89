"""A result as tables of plain cells."""

from collections.abc import Sequence
from typing import NamedTuple

from edgeacc.evaluation.bootstrap import Interval
from edgeacc.evaluation.result import (
    CONFOUNDERS,
    PARTED,
    STUDENT,
    EvaluationResult,
    HealthRow,
    LimitResult,
    Misses,
    PartRow,
    ProbeRow,
    RetrievalRow,
)

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
    return [
        _retrieval_table(title, result.rows),
        *_pool_table(result.rows),
        *_part_table(result.rows, []),
        *_notes(result.notes),
    ]


def evaluation_tables(result: EvaluationResult) -> list[TableOf]:
    """Tables of an evaluation."""
    store = result.store
    title = (
        f"Retrieval on {store.name} ({store.source}): {store.windows} windows of {store.participants} participant(s); "
        f"student {result.student}; teacher {result.teacher}"
    )
    tables = [_retrieval_table(title, result.retrieval), *_pool_table(result.retrieval)]
    tables += [*_part_table(result.retrieval, result.parts), *_miss_tables(result.misses)]
    if result.probes:
        tables.append(_probe_table(result))
    if result.improvements:
        tables.append(_improvement_table(result))
    return [*tables, *_health_table(result.health), *_notes(result.notes)]


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
        if row.group not in (*PARTED, "pool")
    ]
    return TableOf(title, columns, cells)


def _pool_table(rows: Sequence[RetrievalRow]) -> list[TableOf]:
    """A row per size of the pool, a column per method and direction."""
    found: dict[float, dict[str, str]] = {}
    for row in rows:
        if row.group in ("headline", "pool") and not row.variant:
            found.setdefault(row.candidates, {})[f"{row.method}, {row.direction}"] = with_interval(row.top1, 3)
    columns = list(dict.fromkeys(column for cells in found.values() for column in cells))
    cells: list[Cells] = [
        (f"{pool:.0f}", *(of.get(column) for column in columns)) for pool, of in sorted(found.items())
    ]
    return [TableOf("Top-1 by size of the pool (95 %)", ("pool", *columns), cells)] if len(found) > 1 else []


def _part_table(retrieval: Sequence[RetrievalRow], errors: Sequence[PartRow]) -> list[TableOf]:
    """A row per part of the windows: top-1 of each method, and the student's errors by ridge."""
    found: dict[str, dict[str, str]] = {}
    windows: dict[str, int] = {}
    for row in retrieval:
        if row.group in PARTED:
            column = f"{row.method}: top-1 of {row.candidates:.0f}"
            found.setdefault(row.variant, {})[column] = with_interval(row.top1, 3)
            windows[row.variant] = max(row.queries, windows.get(row.variant, 0))
    for error in errors:
        found.setdefault(error.part, {})[f"{error.method}: {error.target}"] = with_interval(error.mae, 2)
    columns = list(dict.fromkeys(column for cells in found.values() for column in cells))
    cells: list[Cells] = [
        (part, windows.get(part), *(of.get(column) for column in columns)) for part, of in found.items()
    ]
    return [TableOf("By SNR, posture and person (95 %)", ("windows of", "windows", *columns), cells)] if found else []


def _miss_tables(misses: Misses | None) -> list[TableOf]:
    if misses is None or not misses.rows:
        return []
    title = f"{misses.missed} of {misses.queries} windows miss their PPG among {misses.candidates}: what is different"
    different: list[Cells] = [
        (
            row.quantity,
            f"{row.found:.2f}",
            f"{row.missed:.2f}",
            with_interval(row.difference, 2),
            None if row.over_sd is None else f"{row.over_sd:.2f}",
        )
        for row in misses.rows
    ]
    winners: list[Cells] = [
        (row.quantity, with_interval(row.winner, 2), f"{row.at_random:.2f}") for row in misses.winners
    ]
    return [
        TableOf(title, ("mean of", "found", "missed", "difference (95 %)", "in SD"), different),
        TableOf("Who was taken for the partner", ("of the two", "winner (95 %)", "any other window"), winners),
    ]


def _health_table(rows: Sequence[HealthRow]) -> list[TableOf]:
    """A row per trait: what age, sex and BMI tell, what the student tells and adds to them, and the other methods."""
    found: dict[str, dict[str, HealthRow]] = {}
    for row in rows:
        found.setdefault(row.target, {})[row.method] = row
    if not found:
        return []
    known, student, both = CONFOUNDERS, STUDENT, f"{STUDENT} with {CONFOUNDERS}"
    others = [method for method in next(iter(found.values())) if CONFOUNDERS not in method and method != STUDENT]
    cells: list[Cells] = [
        (
            target,
            f"{of[student].share:.0%}",
            with_interval(of[known].auc, 2),
            with_interval(of[student].auc, 2),
            _added(of[both]),
            *(f"{of[method].auc.value:.2f}" for method in others),
        )
        for target, of in found.items()
    ]
    title = (
        f"Traits of people: area under the curve (95 %), fitted on {rows[0].fitted_participants}, scored on "
        f"{rows[0].participants} participants"
    )
    return [TableOf(title, ("trait", "have it", known, student, "it adds to them", *others), cells)]


def _added(row: HealthRow) -> str | None:
    return None if row.over_confounders is None else with_interval(row.over_confounders, 2)


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
    return {fraction: f"{100 * fraction:g}% ({count} people)" for fraction, count in fitted.items()}


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
