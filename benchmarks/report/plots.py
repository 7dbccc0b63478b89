"""The page's figures: each takes plain numbers and gives an `<svg>` element.

T samples in a window; intervals are 95 %.
"""

from collections.abc import Sequence
from itertools import cycle, pairwise
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
    told = {}
    with drawing(3.6) as figure:
        axes = figure.subplots()
        for number, curve in enumerate(curves):
            colour, gid = COLOUR[curve.role], f"{number}"
            axes.plot(curve.x, curve.y, curve.style, marker="o", color=colour, label=curve.label, gid=gid)
            points = ", ".join(f"{100 * y:.3g} % of {x:,.0f}" for x, y in zip(curve.x, curve.y, strict=True))
            told[gid] = f"{curve.label}: {points} candidates"
        axes.set_xscale("log")
        axes.set_xticks(sorted({x for curve in curves for x in curve.x}))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(ylim=(-0.03, 1.03), xlabel="candidates in the pool (PPG windows)", ylabel="true partner ranked first")
        figure.legend(loc="outside lower left", ncols=1)
        return to_svg(figure, name, "Retrieval top-1 accuracy over the pool size, by method, with its controls", told)


def probes(title: str, unit: str, methods: Sequence[Method], name: str) -> str:
    """Mean absolute error: a row per method, a mark with its interval per series (probe and share of labels)."""
    series = list(dict.fromkeys(key for method in methods for key in method.by_series))
    told = {}
    with drawing(1.3 + 0.4 * len(methods)) as figure:
        axes = figure.subplots()
        marks = dict(zip([key for key in series if key != NO_PROBE], cycle(_MARKS), strict=False))
        for number, key in enumerate(series):
            label: str | None = key
            for row, method in enumerate(methods):
                if key in method.by_series:
                    gid, estimate = f"{number}-{row}", method.by_series[key]
                    _mark(axes, row + _offset(method, key), estimate, label, *marks.get(key, ("muted", "full")), gid)
                    told[gid] = f"{method.label}, {key}: {_with_ends(estimate)} {unit}"
                    label = None  # one entry of the legend is enough
        axes.set_yticks(range(len(methods)), [method.label for method in methods])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(title=title, xlabel=f"mean absolute error ({unit})")
        axes.set_xlim(left=0)
        figure.legend(loc="outside lower left", ncols=2, columnspacing=1)
        alt = f"{title}: mean absolute error in {unit} by method, probe and share of labels"
        return to_svg(figure, name, alt, told)


def _offset(method: Method, key: str) -> float:
    """Place of a series within the row, so that the method's marks lie around its label."""
    order = list(method.by_series)
    return 0.18 * (order.index(key) - (len(order) - 1) / 2)


def _mark(axes: Axes, row: float, estimate: Estimate, label: str | None, role: str, face: str, gid: str) -> None:
    colour = COLOUR[role]
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [row, row], "-", color=colour, linewidth=2, alpha=0.5)
    face = colour if face == "full" else COLOUR["card"]
    axes.plot([estimate.value], [row], "o", color=colour, markerfacecolor=face, label=label, gid=gid)


def _with_ends(estimate: Estimate) -> str:
    ends = "" if estimate.low is None else f" ({estimate.low:.2f}–{estimate.high:.2f})"
    return f"{estimate.value:.2f}{ends}"


def latency(rows: Sequence[Latency], name: str = "latency") -> str:
    """Warm latency of every contender: a dot at the median, a line to the 99th percentile, on a logarithmic axis."""
    with drawing(1.2 + 0.32 * len(rows)) as figure:
        axes = figure.subplots()
        places = range(len(rows))
        axes.hlines(places, [row.p50_ms for row in rows], [row.p99_ms for row in rows], COLOUR["s1"], label="to 99 %")
        for place, row in enumerate(rows):
            label = "median" if place == 0 else None
            axes.plot([row.p50_ms], [place], "o", color=COLOUR["s1"], label=label, gid=f"{place}")
            axes.annotate(f"{row.p50_ms:.2f}", (row.p50_ms, place), (-7, 0), textcoords="offset points", **_BESIDE)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.2)
        axes.set_yticks(places, [row.label for row in rows])
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel="time for one window (ms)")
        figure.legend(loc="outside lower left", ncols=2)
        told = {
            f"{place}": f"{row.label}: median {row.p50_ms:.3f} ms, 99th percentile {row.p99_ms:.3f} ms"
            for place, row in enumerate(rows)
        }
        return to_svg(figure, name, "Median and 99th percentile of the latency of every artifact in milliseconds", told)


class Point(NamedTuple):
    """An artifact in the Pareto figure; `p50_ms` is None where nothing here runs it; `checked_by` told the others."""

    label: str
    size_kib: float
    p50_ms: float | None
    snr_db: float
    checked_by: str


def pareto(points: Sequence[Point], name: str = "pareto") -> str:
    """SNR over latency and over size; those that nothing beats in both are named and joined."""
    panels = (
        ("time for one window (ms)", [(each.p50_ms, each) for each in points if each.p50_ms is not None]),
        ("size (KiB)", [(each.size_kib, each) for each in points]),
    )
    shown = [(label, costs) for label, costs in panels if costs]
    told = {}
    with drawing(2.8 * len(shown)) as figure:
        for place, (label, costs) in enumerate(shown):
            axes = figure.add_subplot(len(shown), 1, place + 1)
            front = _front(costs)
            axes.plot([cost for cost, _ in front], [each.snr_db for _, each in front], "-", color=COLOUR["grid"])
            best = {each.label for _, each in front}
            for number, (cost, each) in enumerate(costs):
                gid = f"{place}-{number}"
                role = "s1" if each.label in best else "muted"
                axes.plot([cost], [each.snr_db], "o", color=COLOUR[role], gid=gid, markersize=7)
                told[gid] = (
                    f"{each.label}: {cost:.3g} {label.split('(')[1][:-1]}, {each.snr_db:.1f} dB ({each.checked_by})"
                )
            _name_front(axes, front)
            if "ms" in label:
                axes.set_xscale("log")
                axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
                axes.xaxis.set_minor_formatter(NullFormatter())
            axes.margins(x=0.2, y=0.25)
            axes.set(xlabel=label, ylabel="SNR (dB)")
        return to_svg(figure, name, "Signal-to-noise ratio of every artifact over its latency and over its size", told)


def _front(costs: Sequence[tuple[float, Point]]) -> list[tuple[float, Point]]:
    """Those that no other beats in cost and SNR at once, the cheapest first."""
    front: list[tuple[float, Point]] = []
    for cost, each in sorted(costs, key=lambda pair: (pair[0], -pair[1].snr_db)):
        if not front or each.snr_db > front[-1][1].snr_db:
            front.append((cost, each))
    return front


def _name_front(axes: Axes, front: Sequence[tuple[float, Point]]) -> None:
    """Above and below in turn, and no second name within a decibel: neighbours on the front are often close."""
    apart = [front[0], *(after for before, after in pairwise(front) if after[1].snr_db >= before[1].snr_db + 1)]
    for place, (cost, each) in enumerate(apart):
        away = (0, 7) if place % 2 else (0, -14)
        axes.annotate(each.label, (cost, each.snr_db), away, textcoords="offset points", ha="center", fontsize=8)


POWER_MEAN_MIN = 15
"""Windows run or do not, minute by minute: their power alone is a comb (our choice)."""


FAR_APART = 20
"""Between the mean powers of devices: with more, the axis is logarithmic (our choice)."""


class PowerLine(NamedTuple):
    """A device's day: typical power in each window, and its mean with the optical sensor instead."""

    device: str
    power_uw: Sequence[float]
    ppg_uw: float | None


def power(lines: Sequence[PowerLine], hours: float, name: str = "power") -> str:
    """Power over a day of wear, with the accelerometer; dashed, the mean of the same day with PPG."""
    told = {}
    with drawing(2.8 + 0.2 * -(-len(lines) // 2)) as figure:
        axes = figure.subplots()
        for number, (line, role) in enumerate(zip(lines, cycle(("s1", "s2", "s3", "s4", "s5", "s6")), strict=False)):
            power_uw = _means(line.power_uw, round(hours * 60 / POWER_MEAN_MIN))
            at_h = np.linspace(0, hours, len(power_uw), endpoint=False)
            gid = f"{number}"
            axes.step(at_h, power_uw, where="post", color=COLOUR[role], linewidth=1.2, label=line.device, gid=gid)
            told[gid] = f"{line.device}: {np.mean(line.power_uw):.3g} uW in the mean"
            if line.ppg_uw is not None:
                axes.axhline(line.ppg_uw, color=COLOUR[role], linestyle="--", linewidth=1)
        axes.set(xlabel="hours of wear", ylabel=f"power, mean of {POWER_MEAN_MIN} min (uW)", xlim=(0, hours))
        means_uw = [np.mean(line.power_uw) for line in lines]
        if max(means_uw) > FAR_APART * min(means_uw):
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        figure.legend(loc="outside lower left", ncols=2, columnspacing=1)
        return to_svg(figure, name, "Power through a day of wear on each device, typical, in microwatts", told)


def _means(values: Sequence[float], most: int) -> list[float]:
    """Means of neighbours, at most so many; all values where they are fewer."""
    return [float(part.mean()) for part in np.array_split(np.asarray(values), min(len(values), max(1, most)))]


def layers(operators: Sequence[tuple[str, int]], name: str) -> str:
    """Instructions of each layer of one inference, the network's order from above."""
    everything = sum(count for _, count in operators) or 1
    bars = [
        _Bar(operator, count / 1e3, f"{operator}: {count:,} instructions, {count / everything:.1%}")
        for operator, count in operators
    ]
    alt = "Executed instructions of every layer of one inference"
    return _bars(bars, "instructions (thousands)", name, alt)


def layer_times(operators: Sequence[tuple[str, float]], name: str) -> str:
    """Milliseconds of each layer of one inference, the order of execution from above."""
    everything = sum(ms for _, ms in operators) or 1.0
    bars = [_Bar(operator, ms, f"{operator}: {ms:.4f} ms, {ms / everything:.1%}") for operator, ms in operators]
    return _bars(bars, "time (ms)", name, "Time of every layer of one inference in milliseconds")


class _Bar(NamedTuple):
    label: str
    length: float
    told: str


def _bars(bars: Sequence[_Bar], xlabel: str, name: str, alt: str) -> str:
    """One below the other; each tells its numbers where a pointer rests on it."""
    with drawing(1.0 + 0.2 * len(bars)) as figure:
        axes = figure.subplots()
        for place, bar in enumerate(bars):
            axes.barh(place, bar.length, color=COLOUR["s1"], gid=f"{place}")
        axes.set_yticks(range(len(bars)), [bar.label for bar in bars], fontsize=8)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel=xlabel)
        return to_svg(figure, name, alt, {f"{place}": bar.told for place, bar in enumerate(bars)})


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
