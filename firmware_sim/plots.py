"""The pictures of a day of wear: power over time, energy by part, battery life."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from edgeacc.firmware_sim.activity import Activity
from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.day_trace import DayTrace
from edgeacc.firmware_sim.wear_day import Side, WearDay
from edgeacc.signals.contract import SignalContract

DPI = 110
ACCELEROMETER, OPTICAL = "#4477aa", "#228833"
PART_COLOURS = {
    "sensor": "#4477aa",
    "sleep": "#bbbbbb",
    "wake_ups": "#ccbb44",
    "reading": "#66ccee",
    "network": "#ee6677",
    "radio": "#aa3377",
}
ACTIVITY_COLOURS = {
    Activity.sleep: "#4477aa",
    Activity.desk: "#66ccee",
    Activity.chores: "#ccbb44",
    Activity.walking: "#ee6677",
    Activity.running: "#aa3377",
}
"""Tol's bright set, told apart by colour-blind readers too."""
SMOOTH_MIN = 10


def draw_all(days: Mapping[str, WearDay], trace: DayTrace, contract: SignalContract, folder: Path) -> list[str]:
    """Write the pictures of the devices whose energy is known, as PNG.

    Args:
        days: by device.
        trace: what the days were made from.
        contract: the window's length.
        folder: an existing one.

    Returns:
        The files' names; none where no device's energy is known.
    """
    known = {name: day for name, day in days.items() if day.accelerometer.total_mj and day.ppg.total_mj}
    if not known:
        return []
    pictures = {
        "power.png": power_figure(known, trace, contract),
        "energy.png": energy_figure(known),
        "battery.png": battery_figure(known),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=DPI, metadata={"Software": None})
    return list(pictures)


def power_figure(days: Mapping[str, WearDay], trace: DayTrace, contract: SignalContract) -> Figure:
    """Power through the day, a panel a device: with the accelerometer, and with the optical front end instead."""
    figure = Figure(figsize=(10, 1.6 + 2.0 * len(days)), layout="constrained")
    heights = [2.0] * len(days) + [0.5]
    *panels, strip = figure.subplots(len(days) + 1, 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    time_h = (np.arange(len(trace.still_B)) + 0.5) * contract.window_s / 3600
    for axes, (name, day) in zip(panels, days.items(), strict=True):
        _power(axes, time_h, day, contract)
        axes.set_title(f"{name}: {day.accelerometer.sensor} or {day.ppg.sensor}", fontsize=10, loc="left")
    _activities(strip, time_h, trace, contract)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _power(axes: Axes, time_h: np.ndarray, day: WearDay, contract: SignalContract) -> None:
    power_uw = np.array(day.power_uw)
    optical = day.ppg.mean_power_uw
    axes.plot(time_h, power_uw, color=ACCELEROMETER, alpha=0.25, linewidth=0.6, label="accelerometer, each window")
    width = max(1, round(SMOOTH_MIN * 60 / contract.window_s))
    if width < len(power_uw):
        smooth = np.convolve(power_uw, np.ones(width) / width, mode="valid")
        axes.plot(
            time_h[: len(smooth)] + (width - 1) / 2 * contract.window_s / 3600,
            smooth,
            color=ACCELEROMETER,
            label=f"accelerometer, {SMOOTH_MIN}-min mean",
        )
    if optical is not None:
        axes.axhspan(optical.low, optical.high, color=OPTICAL, alpha=0.12)
        axes.axhline(optical.typical, color=OPTICAL, linestyle="--", label="PPG: mean, and low to high")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("power (µW)")
    axes.grid(alpha=0.3)


def _activities(axes: Axes, time_h: np.ndarray, trace: DayTrace, contract: SignalContract) -> None:
    """What the wearer did; of a store, where that is unknown, which windows ran."""
    width_h = contract.window_s / 3600
    doing = np.array(trace.activity_B)
    shown = [(doing == activity.value, colour, activity.value) for activity, colour in ACTIVITY_COLOURS.items()]
    xlabel = "time since waking (h)"
    if not any(where_B.any() for where_B, _, _ in shown):
        shown = [(trace.still_B, ACCELEROMETER, "run"), (~trace.still_B, PART_COLOURS["sleep"], "gated for motion")]
        xlabel = "time (h); the order of windows is drawn, not recorded"
    for where_B, colour, label in shown:
        if where_B.any():
            axes.bar(time_h[where_B], 1, width_h, color=colour, label=label)
    axes.set(yticks=[], ylim=(0, 1), xlim=(0, float(time_h[-1] + width_h / 2)), xlabel=xlabel)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -1.1), ncols=len(ACTIVITY_COLOURS), frameon=False)


def energy_figure(days: Mapping[str, WearDay]) -> Figure:
    """Typical energy of the day by part: a bar for the accelerometer and one for the optical front end, a device."""
    figure = Figure(figsize=(10, 1.8 + 0.8 * len(days)), layout="constrained")
    axes = figure.subplots()
    rows = [(name, side) for name, day in days.items() for side in (day.accelerometer, day.ppg)]
    wholes = [side.total_mj.typical for _, side in rows if side.total_mj is not None]
    for part, colour in PART_COLOURS.items():
        shares = [100 * _share(side, part) for _, side in rows]
        if any(shares):
            left = [100 * sum(_share(side, name) for name in _before(part)) for _, side in rows]
            axes.barh(range(len(rows)), shares, left=left, color=colour, label=part.replace("_", "-"))
    for row, whole in enumerate(wholes):
        axes.annotate(f"{_digits(whole / 1000)} J", (101, row), va="center", fontsize=9)
    axes.set_yticks(range(len(rows)), [f"{name}, {side.sensor}" for name, side in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set(xlim=(0, 112), xlabel="typical energy of the day by part (%), and in all")
    figure.legend(loc="outside lower center", ncols=len(PART_COLOURS))
    return figure


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _before(part: str) -> list[str]:
    return list(PART_COLOURS)[: list(PART_COLOURS).index(part)]


def _share(side: Side, part: str) -> float:
    band = side.energy_mj.get(part)
    return 0.0 if band is None or side.total_mj is None else band.typical / side.total_mj.typical


def battery_figure(days: Mapping[str, WearDay]) -> Figure:
    """Battery life, low to high with a mark at typical, with the accelerometer and with the optical front end."""
    figure = Figure(figsize=(10, 1.8 + 0.55 * len(days)), layout="constrained")
    axes = figure.subplots()
    for label, colour, shift, told_points, sides in (
        ("accelerometer", ACCELEROMETER, -0.15, 6, [day.accelerometer for day in days.values()]),
        ("PPG", OPTICAL, 0.15, -13, [day.ppg for day in days.values()]),
    ):
        known = [(row + shift, side.battery_days) for row, side in enumerate(sides) if side.battery_days is not None]
        _bands(axes, known, told_points, colour, label)
    axes.set_yticks(range(len(days)), list(days))
    axes.set_ylim(len(days) - 0.5, -0.6)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    battery = next(iter(days.values())).battery
    axes.set(xlabel=f"days on {battery}, for this function alone (line: low to high, mark: typical)")
    axes.grid(alpha=0.3, axis="x")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _bands(axes: Axes, known: Sequence[tuple[float, Band]], told_points: int, colour: str, label: str) -> None:
    """Each at its row, with its typical days told so many points above, so that neighbours do not cover one another."""
    for row, band in known:
        axes.plot([band.low, band.high], [row, row], color=colour, linewidth=3, alpha=0.4)
        place = (band.typical, row)
        axes.annotate(f"{band.typical:.3g}", place, (0, told_points), textcoords="offset points", fontsize=8)
    axes.plot([band.typical for _, band in known], [row for row, _ in known], "o", color=colour, label=label)
