"""The pictures of a study: label efficiency, retrieval against pool size, size against error."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgeacc.evaluation.result import LimitResult
from edgeacc.files import replacing
from edgeacc.study.cell import Cell
from edgeacc.study.table import evaluations, method_of, student_of

DPI = 110
TARGET = "hr_bpm"
UNFITTED = ("global mean", "participant's own mean")
"""Methods without labels: level lines beside the others."""
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
"""Tol's bright set, told apart by colour-blind readers too; more lines have another marker."""
MARKERS = "os^D"
SURE, TOP1 = 0.9995, (0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.999)
"""End and marks of retrieval's axis, whose scale spreads what is near to 1, and holds no 1."""
STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 9.0}
Kind = Literal["labels", "pools", "sizes"]
_MORE: dict[Kind, str] = {
    "labels": "; dashed: methods without labels, of which a person's own mean knows the labels of their other windows",
    "pools": "; the last pool holds all test windows",
    "sizes": "",
}
Lines = Mapping[tuple[str, str], Mapping[float, list[float]]]
"""(windows, line) -> x -> the values of the seeds."""


def draw_all(cells: Sequence[Cell], folder: Path, stem: str, *, force: bool) -> dict[str, str]:
    """Write each picture that the cells allow, as PNG.

    Args:
        cells: of a study.
        folder: to write into.
        stem: begins the files' names.
        force: replace what is there.

    Returns:
        File name -> caption.
    """
    kinds: dict[Kind, tuple[Lines, str, str, str]] = {
        "labels": (
            _labels(cells),
            "share of labelled participants",
            "error, bpm",
            "Heart rate by share of labels, ridge probe",
        ),
        "pools": (_pools(cells), "candidates", "top-1", "Retrieval by size of the pool"),
        "sizes": (
            _sizes(cells),
            "parameters",
            "error, bpm",
            "Heart rate by size, ridge probe",
        ),
    }
    drawn = {}
    for kind, (lines, x, y, caption) in kinds.items():
        if lines:
            name = f"{stem}-{kind}.png"
            with replacing(folder / name, force=force) as beside, mpl.rc_context(STYLE):
                _figure(kind, lines, x, y).savefig(beside, format="png", dpi=DPI, metadata={"Software": None})
            drawn[name] = f"{caption}: mean over seeds, each seed a faint dot{_MORE[kind]}."
    return drawn


def _figure(kind: Kind, lines: Lines, x: str, y: str) -> Figure:
    panels = sorted({data for data, _ in lines})
    figure = Figure(figsize=(7.5 * len(panels), 4.2), layout="constrained")
    names = sorted({line for _, line in lines})
    look = {name: (COLOURS[at % len(COLOURS)], MARKERS[at // len(COLOURS)]) for at, name in enumerate(names)}
    for axes, data in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for (of, name), values in sorted(lines.items()):
            if of == data:
                _line(axes, name, values, *look[name])
        axes.set(title=data, xlabel=x, ylabel=y, xscale="log")
        here = [values for (of, _), values in lines.items() if of == data]
        _scale(axes, kind, [value for values in here for seeds in values.values() for value in seeds])
        _ticks(axes, kind, sorted({at for values in here for at in values}))
        axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _ticks(axes: Axes, kind: Kind, at: list[float]) -> None:
    told = [f"{100 * x:g} %" if kind == "labels" else f"{x:,.0f}" for x in at]
    axes.set_xticks(at, labels=told, rotation=0 if kind == "labels" else 45)
    axes.minorticks_off()


def _scale(axes: Axes, kind: Kind, values: list[float]) -> None:
    """Errors from zero; retrieval so that .95 and .98 lie apart."""
    if kind != "pools":
        axes.set_ylim(0, 1.05 * max(values))
        return
    axes.set_yscale("logit", nonpositive="clip")
    axes.set_ylim(max(0.5 * min(values), 1 - SURE), SURE)
    shown = [tick for tick in TOP1 if tick >= axes.get_ylim()[0]]
    axes.set_yticks(shown, labels=[f"{tick:g}" for tick in shown])
    axes.grid(axis="y", alpha=0.3)


def _line(axes: Axes, name: str, values: Mapping[float, list[float]], colour: str, marker: str) -> None:
    at = sorted(values)
    style = "--" if name in UNFITTED else "-"
    means = [mean(values[x]) for x in at]
    axes.plot(at, means, style, marker=marker, markersize=4, color=colour, label=name)
    dots = [(x, value) for x in at for value in values[x]]
    axes.plot(*zip(*dots, strict=True), ".", color=colour, alpha=0.4)


def _gathered(found: Sequence[tuple[Cell, str, float, float]]) -> Lines:
    """Once for each seed: a baseline is in the evaluation of every student."""
    of_seed: dict[tuple[str, str], dict[float, dict[int | None, float]]] = {}
    for cell, name, x, y in found:
        of_seed.setdefault((cell.place.data, name), {}).setdefault(x, {})[cell.place.seed] = y
    return {line: {x: list(values.values()) for x, values in at.items()} for line, at in of_seed.items()}


def _labels(cells: Sequence[Cell]) -> Lines:
    found = [(cell, row) for cell, result in evaluations(cells) for row in result.probes if row.target == TARGET]
    shares = {row.fraction for _, row in found}
    ridge = [
        (cell, method_of(cell, row.method), row.fraction, row.mae.value)
        for cell, row in found
        if row.probe == "ridge" and not cell.place.ablation and "shuffled" not in row.method
    ]
    level = [
        (cell, row.method, share, row.mae.value) for cell, row in found if row.method in UNFITTED for share in shares
    ]
    return _gathered([*ridge, *level])


def _pools(cells: Sequence[Cell]) -> Lines:
    students = [(cell, student_of(cell), result.retrieval) for cell, result in evaluations(cells)]
    limits = [(cell, "", cell.result.rows) for cell in cells if isinstance(cell.result, LimitResult)]
    return _gathered(
        [
            (cell, name or row.method, row.candidates, row.top1.value)
            for cell, name, rows in [*students, *limits]
            for row in rows
            if row.group in ("headline", "pool")
            and not row.variant
            and row.direction == "acc->ppg"
            and (not name or row.method == "student")
        ]
    )


def _sizes(cells: Sequence[Cell]) -> Lines:
    size = {
        (cell.place.data, cell.place.network): cell.parameters
        for cell in cells
        if cell.place.kind == "student" and cell.parameters is not None
    }
    return _gathered(
        [
            (
                cell,
                f"{str(cell.place.network).split('-')[0]}, students of {cell.place.teacher}",
                size[cell.place.data, cell.place.network],
                row.mae.value,
            )
            for cell, result in evaluations(cells)
            if not cell.place.ablation and (cell.place.data, cell.place.network) in size
            for row in result.probes
            if (row.method, row.target, row.probe, row.fraction) == ("student", TARGET, "ridge", 1.0)
        ]
    )
