"""The page's figures: each takes plain numbers and gives an `<svg>` element.

T samples in a window; intervals are 95 %.
"""

from collections.abc import Sequence
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from edgeacc.benchmarks.report.svg import COLOUR, drawing, to_svg

_MARKS = (("s1", "full"), ("s1", "open"), ("s2", "full"), ("s2", "open"))
_BESIDE: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 9}
_APART = 6.0  # standard scores between two accelerometer axes, so that they do not overlap


class Curve(NamedTuple):
    """A line: `role` is a colour of the style sheet."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    role: str
    style: str = "-"


class Estimate(NamedTuple):
    """A value with its interval, where there is one."""

    value: float
    low: float | None = None
    high: float | None = None


NO_PROBE = "no probe"
"""Series of the methods that fit nothing, drawn aside."""


class Method(NamedTuple):
    """One row of a probe figure: estimates by the name of their series."""

    label: str
    by_series: dict[str, Estimate]


class Latency(NamedTuple):
    """One row of the latency figure."""

    label: str
    p50_ms: float
    p99_ms: float


def retrieval(curves: Sequence[Curve], name: str = "retrieval") -> str:
    """Top-1 accuracy over the number of candidates."""
    with drawing(3.6) as figure:
        axes = figure.subplots()
        for curve in curves:
            axes.plot(curve.x, curve.y, curve.style, marker="o", color=COLOUR[curve.role], label=curve.label)
        axes.set_xscale("log")
        axes.set_xticks(sorted({x for curve in curves for x in curve.x}))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(ylim=(-0.03, 1.03), xlabel="candidates in the pool (PPG windows)", ylabel="true partner ranked first")
        figure.legend(loc="outside lower left", ncols=1)
        return to_svg(figure, name, "Retrieval top-1 accuracy over the pool size, by method, with its controls")


def probes(title: str, unit: str, methods: Sequence[Method], name: str) -> str:
    """Mean absolute error: a row per method, a mark with its interval per series (probe and share of labels)."""
    series = list(dict.fromkeys(key for method in methods for key in method.by_series))
    with drawing(1.3 + 0.4 * len(methods)) as figure:
        axes = figure.subplots()
        marks = dict(zip([key for key in series if key != NO_PROBE], cycle(_MARKS), strict=False))
        for key in series:
            role, face = marks.get(key, ("muted", "full"))
            rows = [(row + _offset(m, key), m.by_series[key]) for row, m in enumerate(methods) if key in m.by_series]
            _marks(axes, rows, key, role, face)
        axes.set_yticks(range(len(methods)), [method.label for method in methods])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(title=title, xlabel=f"mean absolute error ({unit})")
        axes.set_xlim(left=0)
        figure.legend(loc="outside lower left", ncols=2, columnspacing=1)
        return to_svg(figure, name, f"{title}: mean absolute error in {unit} by method, probe and share of labels")


def _offset(method: Method, key: str) -> float:
    """Place of a series within the row, so that the method's marks lie around its label."""
    order = list(method.by_series)
    return 0.18 * (order.index(key) - (len(order) - 1) / 2)


def _marks(axes: Axes, rows: Sequence[tuple[float, Estimate]], label: str, role: str, face: str) -> None:
    colour = COLOUR[role]
    for row, estimate in rows:
        if estimate.low is not None and estimate.high is not None:
            axes.plot([estimate.low, estimate.high], [row, row], "-", color=colour, linewidth=2, alpha=0.5)
    face = colour if face == "full" else COLOUR["card"]
    places, values = [row for row, _ in rows], [estimate.value for _, estimate in rows]
    axes.plot(values, places, "o", color=colour, markerfacecolor=face, label=label)


def latency(rows: Sequence[Latency], name: str = "latency") -> str:
    """Warm latency of every contender: a dot at the median, a line to the 99th percentile, on a logarithmic axis."""
    with drawing(1.2 + 0.32 * len(rows)) as figure:
        axes = figure.subplots()
        places = range(len(rows))
        axes.hlines(places, [row.p50_ms for row in rows], [row.p99_ms for row in rows], COLOUR["s1"], label="to 99 %")
        axes.plot([row.p50_ms for row in rows], places, "o", color=COLOUR["s1"], label="median")
        for place, row in enumerate(rows):
            axes.annotate(f"{row.p50_ms:.2f}", (row.p50_ms, place), (-7, 0), textcoords="offset points", **_BESIDE)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.2)
        axes.set_yticks(places, [row.label for row in rows])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel="time for one 60-s window (ms), one thread")
        figure.legend(loc="outside lower left", ncols=2)
        return to_svg(figure, name, "Median and 99th percentile of the latency of every artifact in milliseconds")


def window(
    acc_CT: NDArray[np.float32],
    ppg_CT: NDArray[np.float32],
    beats_s: NDArray[np.float32],
    rate_hz: float,
    shown_s: float = 10.0,
    name: str = "window",
) -> str:
    """The first seconds of one prepared window: what the teacher sees, what the student sees, and the beats."""
    samples = round(shown_s * rate_hz)
    time_s = np.arange(samples) / rate_hz
    with drawing(4.2) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
        upper.plot(time_s, ppg_CT[0, :samples], color=COLOUR["s2"])
        upper.set(title="PPG, first channel: what the teacher sees", ylabel="z-score")
        for row, (role, axis) in enumerate(zip(("s1", "s3", "s4"), acc_CT, strict=True)):
            lower.plot(time_s, axis[:samples] - _APART * row, color=COLOUR[role], linewidth=1.1)
        lower.set_yticks([0, -_APART, -2 * _APART], ["x", "y", "z"])
        lower.set(
            title="Accelerometer: what the student sees", xlabel="time (s); dotted: beats of the PPG", ylabel="axis"
        )
        for axes in (upper, lower):
            axes.grid(visible=False)
            for beat_s in beats_s[beats_s < shown_s]:
                axes.axvline(beat_s, color=COLOUR["muted"], linewidth=0.8, linestyle=":")
        return to_svg(
            figure, name, "Ten seconds of one paired window: PPG with its beats, and three accelerometer axes"
        )
