"""A day of wear: windows run, gated and late, energy by part, power over time, battery life; and the same for PPG."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from edgeacc.files import read_model
from edgeacc.firmware_sim.band import NOTHING, Band, total
from edgeacc.firmware_sim.day_trace import DayTrace, minutes_by_activity
from edgeacc.firmware_sim.energy import (
    DAY_S,
    Parts,
    accelerometer_uw,
    active_uj,
    battery_days,
    optical_uw,
    radio_uj,
    sleep_uw,
    wake_up_uj,
)
from edgeacc.firmware_sim.latency import milliseconds
from edgeacc.firmware_sim.profile import FOLDER, Accelerometer, Battery, Cycles, Optical, Share, Target
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.filters import band_pass_taps

AXES = 3


class Firmware(BaseModel):
    """What the firmware around the network costs; see `profiles/firmware.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reading_cycles_per_set: Cycles
    input_cycles_per_tap: Cycles
    fifo_watermark: Share


class Wearable(NamedTuple):
    """What is worn."""

    target: Target
    accelerometer: Accelerometer
    optical: Optical
    battery: Battery
    radio: bool


class Side(BaseModel):
    """One way to sense through the day; bands are low, typical, high; None is unknown."""

    model_config = ConfigDict(frozen=True)

    sensor: str
    wake_ups: Band
    energy_mj: dict[str, Band | None]
    total_mj: Band | None
    mean_power_uw: Band | None
    battery_days: Band | None
    unknown: list[str]


class WearDay(BaseModel):
    """The result of a day of wear on one device.

    Attributes:
        power_uw: typical power in each window with the accelerometer; None where a part is unknown.
        windows_late: run windows whose embedding comes after the next window has ended.
    """

    model_config = ConfigDict(frozen=True)

    trace: str
    hours: float
    battery: str
    activity_min: dict[str, float]
    mean_movement_mg: float | None
    windows: int
    windows_run: int
    windows_gated: int
    windows_late: Band | None
    accelerometer: Side
    ppg: Side
    power_uw: list[float] | None


@lru_cache(maxsize=1)
def firmware() -> Firmware:
    """The costs of the firmware around the network."""
    return read_model(FOLDER / "firmware.toml", Firmware)


def wear_day(trace: DayTrace, contract: SignalContract, worn: Wearable, inference_cycles: Band | None) -> WearDay:
    """Count the day's energy.

    Args:
        trace: which windows run.
        contract: rate, window and filters.
        worn: device, sensors and battery.
        inference_cycles: of the network on one window; None is unknown.
    """
    count, run = len(trace.still_B), int(trace.still_B.sum())
    seconds = count * contract.window_s
    window_cycles = None if inference_cycles is None else total([inference_cycles, _preparation(contract)])
    acc = _accelerometer_parts(worn, contract, seconds, run, window_cycles)
    ppg = _ppg_parts(worn, seconds, run, window_cycles)
    return WearDay(
        trace=trace.name,
        hours=seconds / 3600,
        battery=worn.battery.name,
        activity_min=minutes_by_activity(trace, contract),
        mean_movement_mg=trace.mean_movement_mg,
        windows=count,
        windows_run=run,
        windows_gated=count - run,
        windows_late=_late(milliseconds(window_cycles, worn.target.point), contract, run),
        accelerometer=_side(worn.accelerometer.name, acc, worn.battery, seconds),
        ppg=_side(worn.optical.name, ppg, worn.battery, seconds),
        power_uw=_power_uw(trace, contract, acc.parts),
    )


class _Counted(NamedTuple):
    wake_ups: Band
    parts: Parts


def _accelerometer_parts(
    worn: Wearable, contract: SignalContract, seconds: float, run: int, window_cycles: Band | None
) -> _Counted:
    rate_hz = worn.accelerometer.rate_hz.band
    wake_ups = _wake_ups(rate_hz, worn.accelerometer.fifo_sets.band, seconds)
    reading = rate_hz.times(seconds).times(firmware().reading_cycles_per_set.band)
    sensor = accelerometer_uw(worn.accelerometer).times(seconds * 1e-3)
    return _counted(worn, seconds, run, window_cycles, sensor=sensor, wake_ups=wake_ups, reading=reading)


def _ppg_parts(worn: Wearable, seconds: float, run: int, window_cycles: Band | None) -> _Counted:
    """The optical front end samples all day; the accelerometer only watches for movement; the network runs as often."""
    rate_hz = worn.optical.rate_hz.band
    wake_ups = _wake_ups(rate_hz, worn.optical.fifo_samples.band, seconds)
    reading = rate_hz.times(seconds / AXES).times(firmware().reading_cycles_per_set.band)
    sensor = optical_uw(worn.optical, worn.accelerometer).times(seconds * 1e-3)
    return _counted(worn, seconds, run, window_cycles, sensor=sensor, wake_ups=wake_ups, reading=reading)


def _counted(
    worn: Wearable,
    seconds: float,
    run: int,
    window_cycles: Band | None,
    *,
    sensor: Band,
    wake_ups: Band,
    reading: Band,
) -> _Counted:
    target = worn.target
    asleep, waking = sleep_uw(target), wake_up_uj(target)
    sent = radio_uj(target) if worn.radio else NOTHING
    parts: dict[str, Band | None] = {
        "sensor": sensor,
        "sleep": None if asleep is None else asleep.times(seconds * 1e-3),
        "wake_ups": None if waking is None else waking.times(wake_ups).times(1e-3),
        "reading": _milli(active_uj(reading, target.point)),
        "network": _milli(active_uj(None if window_cycles is None else window_cycles.times(run), target.point)),
    }
    if worn.radio:
        parts["radio"] = None if sent is None else sent.times(run * 1e-3)
    return _Counted(wake_ups, Parts(parts))


def _milli(micro: Band | None) -> Band | None:
    return None if micro is None else micro.times(1e-3)


def _wake_ups(rate_hz: Band, depth: Band, seconds: float) -> Band:
    return rate_hz.times(seconds).over(depth.times(firmware().fifo_watermark.band))


def _preparation(contract: SignalContract) -> Band:
    """Cycles of filter, standard scores and rounding of one window that passed the gate."""
    taps = len(band_pass_taps(contract.rate_hz, contract.acc_band_hz))
    return firmware().input_cycles_per_tap.band.times(AXES * contract.samples * taps)


def _late(window_ms: Band | None, contract: SignalContract, run: int) -> Band | None:
    if window_ms is None:
        return None
    return Band(*(float(run) if end > 1e3 * contract.window_s else 0.0 for end in window_ms))


def _side(sensor: str, counted: _Counted, battery: Battery, seconds: float) -> Side:
    whole = counted.parts.total_mj
    a_day = None if whole is None else whole.times(DAY_S / seconds)
    return Side(
        sensor=sensor,
        wake_ups=counted.wake_ups,
        energy_mj=dict(counted.parts.mj),
        total_mj=whole,
        mean_power_uw=None if whole is None else whole.times(1e3 / seconds),
        battery_days=battery_days(battery, a_day),
        unknown=counted.parts.unknown,
    )


def _power_uw(trace: DayTrace, contract: SignalContract, parts: Parts) -> list[float] | None:
    """Typical power of each window: what goes on all the time, and the network where it runs."""
    if parts.total_mj is None:
        return None
    per_run = ("network", "radio")
    steady_uw = 1e3 * _typical(parts.mj, [name for name in parts.mj if name not in per_run])
    run_mj = _typical(parts.mj, [name for name in parts.mj if name in per_run])
    run = max(1, int(trace.still_B.sum()))
    all_s = len(trace.still_B) * contract.window_s
    power = steady_uw / all_s + trace.still_B * (1e3 * run_mj / run / contract.window_s)
    return [float(value) for value in np.round(power, 3)]


def _typical(mj: Mapping[str, Band | None], names: list[str]) -> float:
    return sum(part.typical for name in names if (part := mj[name]) is not None)
