"""The page's figures: each takes plain numbers and gives an `<svg>` element.

T samples in a window; intervals are 95 %.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from edgeacc.benchmarks.report.svg import COLOUR, drawing, to_svg

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


class Method(NamedTuple):
    """One row of a probe figure: the same method at one or more label fractions."""

    label: str
    by_fraction: dict[float, Estimate]


class Bar(NamedTuple):
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
    """Mean absolute error of every method, one row each, a dot per label fraction with its interval."""
    fractions = sorted({fraction for method in methods for fraction in method.by_fraction})
    with drawing(0.75 + 0.32 * len(methods) + 0.3) as figure:
        axes = figure.subplots()
        for number, fraction in enumerate(fractions):
            offset = 0.16 * (number - (len(fractions) - 1) / 2)
            _dots(axes, methods, fraction, offset, role=("s2", "s1", "s3")[number % 3])
        axes.set_yticks(range(len(methods)), [method.label for method in methods])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(title=title, xlabel=f"mean absolute error ({unit})")
        axes.set_xlim(left=0)
        figure.legend(loc="outside lower left", ncols=len(fractions))
        return to_svg(figure, name, f"{title}: mean absolute error in {unit} by method and share of labels")


def _dots(axes: Axes, methods: Sequence[Method], fraction: float, offset: float, role: str) -> None:
    rows = [(row, method.by_fraction[fraction]) for row, method in enumerate(methods) if fraction in method.by_fraction]
    for row, estimate in rows:
        if estimate.low is not None and estimate.high is not None:
            axes.plot(
                [estimate.low, estimate.high], [row + offset] * 2, "-", color=COLOUR[role], linewidth=2.5, alpha=0.6
            )
    places = [row + offset for row, _ in rows]
    axes.plot([e.value for _, e in rows], places, "o", color=COLOUR[role], label=f"{fraction:.0%} of labels")


def latency(bars: Sequence[Bar], name: str = "latency") -> str:
    """Warm latency of every artifact: a bar to the median, a mark at the 99th percentile."""
    with drawing(0.8 + 0.3 * len(bars)) as figure:
        axes = figure.subplots()
        rows = range(len(bars))
        axes.barh(rows, [bar.p50_ms for bar in bars], height=0.6, color=COLOUR["s1"], label="median")
        axes.plot([bar.p99_ms for bar in bars], rows, "|", color=COLOUR["ink"], markersize=11, label="99th percentile")
        for row, bar in zip(rows, bars, strict=True):
            axes.annotate(f"{bar.p50_ms:.3g}", (bar.p99_ms, row), (6, 0), textcoords="offset points", va="center")
        axes.set_yticks(rows, [bar.label for bar in bars])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.15)
        axes.set_xlim(left=0)
        axes.set(xlabel="time for one 60-s window (ms), one thread")
        figure.legend(loc="outside lower left", ncols=2)
        return to_svg(figure, name, "Median and 99th percentile of the latency of every artifact in milliseconds")


def training(curves: Sequence[Curve], name: str = "training") -> str:
    """Loss over steps, each curve relative to its first value (the losses have different units)."""
    with drawing(3.2) as figure:
        axes = figure.subplots()
        for curve in curves:
            axes.plot(
                curve.x, np.asarray(curve.y) / curve.y[0], curve.style, color=COLOUR[curve.role], label=curve.label
            )
        axes.set(xlabel="step", ylabel="loss / first loss")
        axes.set_ylim(bottom=0)
        figure.legend(loc="outside lower left", ncols=2)
        return to_svg(figure, name, "Training loss over steps")


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
