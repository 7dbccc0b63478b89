"""The tables of a study as one Markdown page, from its cells alone."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import mean, stdev

from edgeacc.evaluation.report import with_interval
from edgeacc.evaluation.result import (
    PARTED,
    STUDENT,
    TEACHER,
    EvaluationResult,
    Group,
    HealthRow,
    ImprovementRow,
    LimitResult,
    ProbeRow,
    RetrievalRow,
)
from edgeacc.study.cell import Cell

Row = Sequence[str]
Found = Sequence[tuple[Cell, EvaluationResult]]
Value = tuple[tuple[str, ...], str, int | None, float]
"""Line, column, seed and what stands there: a line of one seed is told once, in however many evaluations it is."""
POOL = 1000
"""Candidates of the headline: as many as the paper's claim is for, or the most below."""
WITH = " with age, sex, BMI"
"""Ends the name of a method that was fitted on these too."""
SPREAD = (
    "**How to read it.** `mean ± SD` is over the seeds of training; one seed has no spread. An interval in "
    "brackets is of one seed, by resampling the participants. The two are different doubts and are never mixed. "
    "Errors are mean absolute errors. Every number with its interval, and more of them, is in the cells' JSONs."
)


def page(cells: Sequence[Cell], pictures: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        cells: of one study or several.
        pictures: file name, beside the page -> its caption.
    """
    parts = [f"# Results of {', '.join(sorted({cell.study for cell in cells}))}", _provenance(cells), SPREAD]
    parts += [f"![{caption}]({name})\n\n*{caption}*" for name, caption in pictures.items()]
    for data in sorted({cell.place.data for cell in cells}):
        here = [cell for cell in cells if cell.place.data == data]
        told = [(f"### {title}", table) for title, table in _of_data(here) if table]
        parts += [f"## {data}", *(part for pair in told for part in pair)]
    return "\n\n".join(part for part in parts if part) + "\n"


def over_seeds(values: Sequence[float], digits: int, scale: float = 1.0) -> str:
    """`0.93 ± 0.01`, or the value alone of one seed."""
    told = f"{mean(values) * scale:.{digits}f}"
    return f"{told} ± {stdev(values) * scale:.{digits}f}" if len(values) > 1 else told


def evaluations(cells: Iterable[Cell]) -> list[tuple[Cell, EvaluationResult]]:
    """The cells that evaluated a student, with what they found: students by falling size, then ablations."""
    cells = list(cells)
    size = {
        (cell.place.data, cell.place.network): cell.parameters or 0 for cell in cells if cell.place.kind == "student"
    }

    def order(cell: Cell) -> tuple[bool, int, str]:
        place = cell.place
        return place.ablation, -size.get((place.data, place.network), 0), student_of(cell)

    found = [(cell, cell.result) for cell in cells if isinstance(cell.result, EvaluationResult)]
    return sorted(found, key=lambda pair: order(pair[0]))


def student_of(cell: Cell) -> str:
    """How tables name the student of a cell."""
    of = f" of {cell.place.teacher}" if cell.place.teacher else ", trained with its teacher"
    return f"{cell.place.network}{of}{' (ablation)' if cell.place.ablation else ''}"


def method_of(cell: Cell, method: str) -> str:
    """How tables name a method of a cell's evaluation: which student, which teacher; a baseline has its own name."""
    if method.startswith(TEACHER):
        return f"{cell.place.teacher or student_of(cell)}, {method}"
    return student_of(cell) + method.removeprefix(STUDENT) if method.startswith(STUDENT) else method


def _of_data(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Title and table, empty where the cells tell nothing of it."""
    found = evaluations(cells)
    students = [(cell, result) for cell, result in found if not cell.place.ablation]
    limits = [cell.result for cell in cells if isinstance(cell.result, LimitResult)]
    targets = dict.fromkeys(row.target for _, result in students for row in result.probes)
    return [
        ("The limit of retrieval without training", _limits(limits)),
        ("Retrieval and its controls", _retrieval(found)),
        ("Top-1 when the accelerometer comes late", _changed(found, "synchronisation", "accelerometer delayed by ")),
        ("Top-1 when the accelerometer's SNR is lowered", _changed(found, "noise", "SNR lowered by ")),
        ("Top-1 by size of the pool", _pools(found, limits)),
        ("Top-1 by SNR, posture and person", _parts(students, limits)),
        ("What is different where retrieval misses", _misses(students)),
        ("Errors of the probes with all labels", _errors(found)),
        *((f"Error by share of labelled people: {target}", _by_share(students, target)) for target in targets),
        (
            "Error smaller than a baseline's, in % of the baseline's",
            _improvements(students, lambda row: row.improvement.over_base.value),
        ),
        (
            "The same in % of the student's, the paper's way",
            _improvements(students, lambda row: row.improvement.over_method.value),
        ),
        ("Traits of people: area under the curve", _health(students)),
        ("Traits: area added to that by age, sex and BMI", _added(students)),
        ("Each seed by itself, with the interval over participants", _each_seed(students)),
        ("What it cost", _cost(cells)),
    ]


def _limits(limits: Sequence[LimitResult]) -> str:
    lines = [
        (row.method, row.variant, row.direction, f"{row.candidates:,.0f}", with_interval(row.top1, 3))
        for limit in limits
        for row in limit.rows
        if row.group in ("headline", "control")
    ]
    return _markdown(("method", "what was changed", "asks", "candidates", "top-1"), lines)


def _retrieval(found: Found) -> str:
    values: list[Value] = []
    for cell, result in found:
        rows = [row for row in result.retrieval if row.method == STUDENT and row.group in ("headline", "control")]
        least = max((row.candidates for row in rows if not row.variant and row.candidates <= POOL), default=0)
        for row in rows:
            if row.direction != "ppg->acc" if row.variant else row.candidates >= least:
                told = f"{row.variant or row.direction} ({row.candidates:,.0f})"
                values.append(((student_of(cell),), told, cell.place.seed, row.top1.value))
    return _under("Top-1: what asks or was changed, and among how many candidates.", _wide(("network",), values, 3))


def _changed(found: Found, group: Group, prefix: str) -> str:
    values: list[Value] = [
        ((student_of(cell),), row.variant.removeprefix(prefix), cell.place.seed, row.top1.value)
        for cell, result in found
        for row in result.retrieval
        if row.group == group and row.method == STUDENT
    ]
    columns = sorted({column for _, column, _, _ in values}, key=lambda column: float(column.split()[0]))
    return _wide(("network",), values, 3, columns)


def _named(found: Found, limits: Sequence[LimitResult]) -> Iterable[tuple[str, int | None, RetrievalRow]]:
    """Every row with its method and seed; the limit has its own cell, and is not taken from an evaluation's."""
    for limit in limits:
        yield from ((row.method, None, row) for row in limit.rows)
    for cell, result in found:
        yield from ((student_of(cell), cell.place.seed, row) for row in result.retrieval if row.method == STUDENT)


def _pools(found: Found, limits: Sequence[LimitResult]) -> str:
    rows = [named for named in _named(found, limits) if named[2].group in ("headline", "pool") and not named[2].variant]
    pools = dict.fromkeys(f"{pool:,.0f}" for pool in sorted({row.candidates for _, _, row in rows}))
    values = (((name, row.direction), f"{row.candidates:,.0f}", seed, row.top1.value) for name, seed, row in rows)
    return _wide(("method", "asks"), values, 3, columns=list(pools))


def _parts(found: Found, limits: Sequence[LimitResult]) -> str:
    rows = (named for named in _named(found, limits) if named[2].group in PARTED)
    return _wide(("windows of",), (((row.variant,), name, seed, row.top1.value) for name, seed, row in rows), 3)


def _misses(found: Found) -> str:
    """Missed minus found, in standard deviations of all windows: what makes a window hard."""
    values: list[Value] = [
        ((row.quantity,), student_of(cell), cell.place.seed, row.over_sd)
        for cell, result in found
        if result.misses
        for row in result.misses.rows
        if row.over_sd is not None
    ]
    told = "Mean of the missed minus mean of the found windows, in standard deviations."
    return _under(told, _wide(("mean of",), values, 2))


def _errors(found: Found) -> str:
    values: list[Value] = [
        ((method_of(cell, row.method), row.probe), row.target, cell.place.seed, row.mae.value)
        for cell, row in sorted(((cell, row) for cell, result in found for row in result.probes), key=_kind)
        if row.fraction == 1.0 or row.probe == "none"
    ]
    return _wide(("method", "probe"), values, 2)


def _kind(pair: tuple[Cell, ProbeRow | HealthRow]) -> int:
    """Sorts students before what they are compared with, PPG, and shuffled pairs."""
    method = pair[1].method
    return 3 if "shuffled" in method else 2 if method.startswith(TEACHER) else 0 if method.startswith(STUDENT) else 1


def _by_share(found: Found, target: str) -> str:
    values: list[Value] = [
        (
            (method_of(cell, row.method), row.probe),
            f"{100 * row.fraction:g}% ({row.fitted_participants})",
            cell.place.seed,
            row.mae.value,
        )
        for cell, row in sorted(((cell, row) for cell, result in found for row in result.probes), key=_kind)
        if row.target == target and row.probe != "none" and "shuffled" not in row.method
    ]
    return _wide(("method", "probe"), values, 2)


def _improvements(found: Found, share: Callable[[ImprovementRow], float]) -> str:
    """All targets in one place; means over the seeds alone, whose spread the errors show."""
    seeds: dict[tuple[str, ...], dict[str, dict[str, list[float]]]] = {}
    targets: dict[str, None] = {}
    columns: dict[str, None] = {}
    for cell, result in found:
        for row in result.improvements:
            labels = f"{100 * row.fraction:g}%"
            targets[row.target] = columns[labels] = None
            at = seeds.setdefault((student_of(cell), row.base, row.probe), {}).setdefault(labels, {})
            at.setdefault(row.target, []).append(100 * share(row))
    lines = [
        (
            *key,
            *(
                " / ".join(f"{mean(at[labels][target]):.0f}" for target in targets if target in at[labels])
                for labels in columns
            ),
        )
        for key, at in seeds.items()
    ]
    table = _markdown(("student", "baseline", "probe", *columns), lines)
    return _under(f"{' / '.join(targets)}, by share of labelled people.", table)


def _health(found: Found) -> str:
    values: list[Value] = [
        ((row.target,), method_of(cell, row.method), cell.place.seed, row.auc.value)
        for cell, row in sorted(((cell, row) for cell, result in found for row in result.health), key=_kind)
        if WITH not in row.method
    ]
    return _wide(("trait",), values, 2)


def _added(found: Found) -> str:
    values: list[Value] = [
        ((row.target,), method_of(cell, row.method).removesuffix(WITH), cell.place.seed, row.over_confounders.value)
        for cell, result in found
        for row in result.health
        if WITH in row.method and row.over_confounders is not None
    ]
    return _wide(("trait",), values, 2)


def _wide(keys: Row, values: Iterable[Value], digits: int, columns: Row = ()) -> str:
    """A line per first part of the values, a column per second, in the given or the first order; over the seeds."""
    lines: dict[tuple[str, ...], dict[str, dict[int | None, float]]] = {}
    seen: dict[str, None] = dict.fromkeys(columns)
    for key, column, seed, value in values:
        seen[column] = None
        lines.setdefault(key, {}).setdefault(column, {})[seed] = value
    told = [
        (*key, *(over_seeds(list(of[column].values()), digits) if column in of else "" for column in seen))
        for key, of in lines.items()
    ]
    return _markdown((*keys, *seen), told)


def _each_seed(found: Found) -> str:
    """Top-1 of all test windows and errors at the most labels."""
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for cell, result in found:
        line = lines.setdefault((student_of(cell), str(cell.place.seed)), {})
        for row in result.retrieval:
            if row.method == STUDENT and row.group == "headline" and row.pool is None:
                line[f"{row.direction} of {row.candidates:,.0f}"] = with_interval(row.top1, 3)
        for probe in result.probes:
            if probe.method == STUDENT and probe.probe == "ridge" and probe.fraction == 1.0:
                line[f"{probe.target}, ridge"] = with_interval(probe.mae, 2)
    columns = dict.fromkeys(column for line in lines.values() for column in line)
    return _markdown(
        ("student", "seed", *columns),
        [(*key, *(line.get(column, "") for column in columns)) for key, line in lines.items()],
    )


def _cost(cells: Sequence[Cell]) -> str:
    """A line per network, its seconds over the seeds; then all of it."""
    lines: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        name = " of ".join(dict.fromkeys(filter(None, (cell.place.network, cell.place.teacher))))
        lines.setdefault((cell.place.kind, name), []).append(cell)
    told = [
        (
            *key,
            "" if of[0].parameters is None else f"{of[0].parameters:,}",
            "" if of[0].macs_per_window is None else f"{of[0].macs_per_window / 1e6:.1f}",
            over_seeds([cell.wall_s for cell in of], 0),
            over_seeds([cell.cpu_s for cell in of], 0),
        )
        for key, of in lines.items()
    ]
    whole = [f"{sum(values) / 60:,.0f} min" for values in ([c.wall_s for c in cells], [c.cpu_s for c in cells])]
    return _markdown(
        ("cell", "network", "parameters", "million MAC", "wall, s", "CPU, s"), [*told, ("all", "", "", "", *whole)]
    )


def _provenance(cells: Sequence[Cell]) -> str:
    """Which code, which windows."""
    codes = ", ".join(f"`{code}`" for code in sorted({cell.code for cell in cells}))
    data = sorted({(cell.place.data, cell.data_digest[:16]) for cell in cells})
    windows = ", ".join(f"{name} `{digest}`" for name, digest in data)
    return f"Made by `edgeacc study table` from {len(cells)} cells. Code: {codes}. Windows: {windows}."


def _under(told: str, table: str) -> str:
    return f"{told}\n\n{table}" if table else ""


def _markdown(columns: Row, lines: Sequence[Row]) -> str:
    rows = [columns, ["---"] * len(columns), *lines]
    told = "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)
    return told if lines else ""
