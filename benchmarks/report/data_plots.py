"""The figures of a data report: each takes plain numbers and gives an `<svg>` element."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
from matplotlib.ticker import FuncFormatter, NullFormatter

from edgeacc.benchmarks.report.svg import COLOUR, drawing, to_svg
from edgeacc.evaluation.data_study import Spectrum
from edgeacc.evaluation.heartbeat import Heartbeat

KEPT = "kept"
_REASONS = ("s2", "s3", "s4", "s5", "s6", "muted")
_STEP_BPM = 5


def minutes(by_recording: Sequence[dict[str, float]]) -> str:
    """A bar per recording: minutes kept, then minutes lost by reason."""
    reasons = list(dict.fromkeys(reason for minutes in by_recording for reason in minutes if reason != KEPT))
    colours = {KEPT: "s1"} | dict(zip(reasons, cycle(_REASONS), strict=False))
    with drawing(1.4 + 0.11 * len(by_recording)) as figure:
        axes = figure.subplots()
        left = np.zeros(len(by_recording))
        for reason, role in colours.items():
            lengths = np.array([each.get(reason, 0.0) for each in by_recording])
            axes.barh(range(len(lengths)), lengths, left=left, color=COLOUR[role], label=reason.replace("_", " "))
            left += lengths
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel="minutes", ylabel="recording, by its number")
        figure.legend(loc="outside lower left", ncols=3, columnspacing=1)
        return to_svg(figure, "minutes", "Minutes kept and lost by reason, a bar for each recording")


def rates(hr_bpm: Sequence[float]) -> str:
    """Histogram of the windows' heart rates."""
    values = np.array(hr_bpm)
    edges = np.arange(_STEP_BPM * np.floor(values.min() / _STEP_BPM), values.max() + 2 * _STEP_BPM, _STEP_BPM)
    with drawing(2.6) as figure:
        axes = figure.subplots()
        axes.hist(values, bins=edges.tolist(), color=COLOUR["s1"], edgecolor=COLOUR["card"], linewidth=0.6)
        axes.grid(visible=False, axis="x")
        axes.set(xlabel="heart rate (bpm)", ylabel="windows")
        return to_svg(figure, "rates", "Histogram of the heart rates of the windows")


def spectra(of_signals: Sequence[Spectrum]) -> str:
    """Power density over frequency: the median window, and the band of 90 % of them."""
    with drawing(2.3 * len(of_signals)) as figure:
        for axes, spectrum in zip(np.atleast_1d(figure.subplots(len(of_signals), 1)), of_signals, strict=True):
            frequency_hz = np.array(spectrum.frequency_hz)
            axes.fill_between(frequency_hz, spectrum.low, spectrum.high, color=COLOUR["s1"], alpha=0.25, linewidth=0)
            axes.plot(frequency_hz, spectrum.median, color=COLOUR["s1"])
            strongest = max(spectrum.high)
            axes.set_yscale("log")
            axes.set(title=spectrum.signal, ylabel="1/Hz", ylim=(strongest * 1e-5, strongest * 2))
        axes.set(xlabel="frequency (Hz); line: median window, band: 90 % of them")
        return to_svg(figure, "spectra", "Power spectra of accelerometer and PPG: median window and 90 % of them")


def heartbeats(rows: Sequence[Heartbeat]) -> str:
    """Energy locked to the beats of each recording, a dot, and the largest of its controls, a bar from 1."""
    with drawing(1.3 + 0.13 * len(rows)) as figure:
        axes = figure.subplots()
        places = np.arange(len(rows))
        axes.hlines(places, 1, [row.largest_control for row in rows], COLOUR["muted"], linewidth=4, alpha=0.5)
        for seen, role, label in ((True, "s1", "above all controls"), (False, "s2", "not told from chance")):
            own = [(row.energy, place) for row, place in zip(rows, places, strict=True) if row.seen is seen]
            if own:
                axes.plot(*zip(*own, strict=True), "o", color=COLOUR[role], label=label)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks(places, [str(row.recording) for row in rows], fontsize=7)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel="energy locked to the beats (1: chance)", ylabel="recording")
        figure.legend(loc="outside lower left", ncols=2)
        return to_svg(figure, "heartbeats", "Beat-locked energy of each recording against its largest control")
