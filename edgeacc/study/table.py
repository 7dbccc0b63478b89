"""The tables of a study as one Markdown page, from its cells alone."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev

from edgeacc.evaluation.report import with_interval
from edgeacc.evaluation.result import PARTED, STUDENT, TEACHER, EvaluationResult, LimitResult, Misses, RetrievalRow
from edgeacc.study.cell import Cell

Row = Sequence[str]
SPREAD = (
    "**How to read it.** `mean ± SD` is over the seeds of training; one seed has no spread. An interval in "
    "brackets is of one seed, by resampling the participants. The two are different doubts and are never mixed."
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
        parts += [f"## {data}", *_of_data(here)]
    return "\n\n".join(part for part in parts if part) + "\n"


def over_seeds(values: Sequence[float], digits: int, scale: float = 1.0) -> str:
    """`0.93 ± 0.01`, or the value alone of one seed."""
    told = f"{mean(values) * scale:.{digits}f}"
    return f"{told} ± {stdev(values) * scale:.{digits}f}" if len(values) > 1 else told


def evaluations(cells: Iterable[Cell]) -> list[tuple[Cell, EvaluationResult]]:
    """The cells that evaluated a student, with what they found."""
    return [(cell, cell.result) for cell in cells if isinstance(cell.result, EvaluationResult)]


def student_of(cell: Cell) -> str:
    """How tables name the student of a cell."""
    of = f" of {cell.place.teacher}" if cell.place.teacher else ", trained with its teacher"
    return f"{cell.place.network}{of}{' (ablation)' if cell.place.ablation else ''}"


def method_of(cell: Cell, method: str) -> str:
    """How tables name a method of a cell's evaluation: which student, which teacher; a baseline has its own name."""
    if method.startswith(TEACHER):
        return f"{cell.place.teacher or student_of(cell)}, {method}"
    return student_of(cell) + method.removeprefix(STUDENT) if method.startswith(STUDENT) else method


def _of_data(cells: Sequence[Cell]) -> list[str]:
    found = evaluations(cells)
    limits = [cell.result for cell in cells if isinstance(cell.result, LimitResult)]
    parts = ["### Retrieval, its limit without training, and its controls", _retrieval(found, limits)]
    parts += ["### Top-1 by size of the pool", _pools(found, limits)]
    parts += ["### Top-1 by SNR, posture and person", _parts(found, limits)]
    parts += ["### What is different where retrieval misses", _misses(found)] if _missed(found) else []
    parts += ["### Error of the probes", _probes(found)] if any(result.probes for _, result in found) else []
    if any(result.improvements for _, result in found):
        parts += ["### Improvement of the student over each baseline", _improvements(found)]
    if any(result.health for _, result in found):
        parts += ["### Traits of people: area under the curve", _health(found)]
    return [*parts, "### Each seed by itself", _each_seed(found), "### What it cost", _cost(cells)]


def _retrieval(found: list[tuple[Cell, EvaluationResult]], limits: list[LimitResult]) -> str:
    cells: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    for name, row in _named(found, limits):
        if row.group in ("headline", "control", "synchronisation"):
            key = (name, row.group, row.variant, row.direction, f"{row.candidates:.0f}")
            cells.setdefault(key, []).append((row.top1.value, row.chance_top1))
    lines = [
        (*key, over_seeds([top1 for top1, _ in values], 3), f"{mean(chance for _, chance in values):.3f}")
        for key, values in cells.items()
    ]
    return _markdown(("method", "group", "variant", "asks", "pool", "top-1", "chance"), lines)


def _named(found: list[tuple[Cell, EvaluationResult]], limits: list[LimitResult]) -> Iterable[tuple[str, RetrievalRow]]:
    """Every row with the name of its method; the limit has its own cell, and is not taken from an evaluation's."""
    for limit in limits:
        yield from ((row.method, row) for row in limit.rows)
    for cell, result in found:
        yield from ((student_of(cell), row) for row in result.retrieval if row.method == STUDENT)


def _pools(found: list[tuple[Cell, EvaluationResult]], limits: list[LimitResult]) -> str:
    rows = [(name, row) for name, row in _named(found, limits) if row.group in ("headline", "pool") and not row.variant]
    pools = sorted({row.candidates for _, row in rows})
    return _wide(
        ("method", "asks", *(f"{pool:.0f}" for pool in pools)),
        (((name, row.direction), f"{row.candidates:.0f}", row.top1.value) for name, row in rows),
        3,
    )


def _parts(found: list[tuple[Cell, EvaluationResult]], limits: list[LimitResult]) -> str:
    rows = [(name, row) for name, row in _named(found, limits) if row.group in PARTED]
    names = dict.fromkeys(name for name, _ in rows)
    return _wide(("windows of", *names), (((row.variant,), name, row.top1.value) for name, row in rows), 3)


def _missed(found: list[tuple[Cell, EvaluationResult]]) -> list[tuple[str, Misses]]:
    return [(student_of(cell), result.misses) for cell, result in found if result.misses and result.misses.rows]


def _misses(found: list[tuple[Cell, EvaluationResult]]) -> str:
    """Missed minus found, in standard deviations of all windows: what makes a window hard."""
    missed = _missed(found)
    names = dict.fromkeys(name for name, _ in missed)
    told = (
        ((row.quantity,), name, row.over_sd)
        for name, misses in missed
        for row in misses.rows
        if row.over_sd is not None
    )
    return "Mean of the missed minus mean of the found windows, in standard deviations.\n\n" + _wide(
        ("mean of", *names), told, 2
    )


def _health(found: list[tuple[Cell, EvaluationResult]]) -> str:
    of_seed: dict[tuple[str, str, int | None], float] = {}
    for cell, result in found:
        for row in result.health:
            # a baseline's is the same in the evaluation of every student
            of_seed[row.target, method_of(cell, row.method), cell.place.seed] = row.auc.value
    names = dict.fromkeys(name for _, name, _ in of_seed)
    told = (((target,), name, value) for (target, name, _), value in of_seed.items())
    return _wide(("trait", *names), told, 2)


def _wide(columns: Row, values: Iterable[tuple[tuple[str, ...], str, float]], digits: int) -> str:
    """A line per first part of the values, a column per second; each cell over the seeds."""
    cells: dict[tuple[str, ...], dict[str, list[float]]] = {}
    keys = 1
    for key, column, value in values:
        cells.setdefault(key, {}).setdefault(column, []).append(value)
        keys = len(key)
    lines = [
        (*key, *(over_seeds(of[column], digits) if column in of else "" for column in columns[keys:]))
        for key, of in cells.items()
    ]
    return _markdown(columns, lines)


def _probes(found: list[tuple[Cell, EvaluationResult]]) -> str:
    cells: dict[tuple[str, ...], dict[str, dict[int | None, float]]] = {}
    targets: dict[str, None] = {}
    for cell, result in found:
        for row in result.probes:
            name = method_of(cell, row.method)
            share = "-" if row.probe == "none" else f"{100 * row.fraction:g}% ({row.fitted_participants})"
            targets[row.target] = None
            values = cells.setdefault((name, row.probe, share), {}).setdefault(row.target, {})
            values[cell.place.seed] = row.mae.value  # the same in the evaluation of every student
    lines = [
        (*key, *(over_seeds(list(of[target].values()), 2) if target in of else "" for target in targets))
        for key, of in cells.items()
    ]
    return _markdown(("method", "probe", "labels (people)", *targets), lines)


def _improvements(found: list[tuple[Cell, EvaluationResult]]) -> str:
    cells: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    for cell, result in found:
        for row in result.improvements:
            key = (student_of(cell), row.base, row.probe, f"{100 * row.fraction:g}%", row.target)
            both = (row.improvement.over_method.value, row.improvement.over_base.value)
            cells.setdefault(key, []).append(both)
    lines = [
        (*key, *(over_seeds([both[place] for both in values], 0, scale=100) for place in (0, 1)))
        for key, values in cells.items()
    ]
    columns = ("student", "base", "probe", "labels", "target", "(base-KD)/KD, %", "(base-KD)/base, %")
    return _markdown(columns, lines)


def _each_seed(found: list[tuple[Cell, EvaluationResult]]) -> str:
    """Top-1 of all test windows and errors at the most labels, with the interval over participants."""
    lines = []
    for cell, result in found:
        whole = [
            row for row in result.retrieval if row.method == STUDENT and row.group == "headline" and row.pool is None
        ]
        line = [
            student_of(cell),
            str(cell.place.seed),
            f"top-1 of {whole[0].candidates:.0f}",
            with_interval(whole[0].top1, 3),
        ]
        lines.append(line)
        for row in result.probes:
            if row.method == "student" and row.probe == "ridge" and row.fraction == 1.0:
                lines.append([student_of(cell), str(cell.place.seed), f"MAE, {row.target}", with_interval(row.mae, 2)])
    return _markdown(("student", "seed", "figure", "value (95 % over participants)"), lines)


def _cost(cells: Sequence[Cell]) -> str:
    lines = [
        (
            cell.place.kind,
            " of ".join(dict.fromkeys(filter(None, (cell.place.network, cell.place.teacher)))),
            "" if cell.place.seed is None else str(cell.place.seed),
            "" if cell.parameters is None else f"{cell.parameters:,}",
            "" if cell.macs_per_window is None else f"{cell.macs_per_window / 1e6:.1f}",
            f"{cell.wall_s:.0f}",
            f"{cell.cpu_s:.0f}",
        )
        for cell in cells
    ]
    return _markdown(("cell", "network", "seed", "parameters", "million MAC", "wall, s", "CPU, s"), lines)


def _provenance(cells: Sequence[Cell]) -> str:
    """Which code, which windows."""
    codes = ", ".join(f"`{code}`" for code in sorted({cell.code for cell in cells}))
    data = sorted({(cell.place.data, cell.data_digest[:16]) for cell in cells})
    windows = ", ".join(f"{name} `{digest}`" for name, digest in data)
    return f"Made by `edgeacc study table` from {len(cells)} cells. Code: {codes}. Windows: {windows}."


def _markdown(columns: Row, lines: Iterable[Row]) -> str:
    rows = [columns, ["---"] * len(columns), *lines]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows)
