"""Energy: cycles x energy of a cycle, sleep, sensor, wake-ups and radio, each a band; unknown stays unknown."""

from collections.abc import Mapping
from typing import NamedTuple

from edgeacc.firmware_sim.band import Band, total
from edgeacc.firmware_sim.profile import Accelerometer, Battery, OperatingPoint, Optical, Target

DAY_S = 86_400.0
MONTH_DAYS = 30.0
J_PER_MWH = 3.6
"""1 mWh; of one mAh at one volt too."""


class Parts(NamedTuple):
    """Energy by part in mJ; None is unknown. Without a radio that is asked for, its part is not there."""

    mj: Mapping[str, Band | None]

    @property
    def unknown(self) -> list[str]:
        """The parts that are not known."""
        return [name for name, part in self.mj.items() if part is None]

    @property
    def total_mj(self) -> Band | None:
        """The sum; None where a part is unknown."""
        known = [part for part in self.mj.values() if part is not None]
        return total(known) if len(known) == len(self.mj) else None


def active_uj(cycles: Band | None, point: OperatingPoint) -> Band | None:
    """Energy of so many cycles of the running core."""
    if cycles is None or point.active_pj_per_cycle is None:
        return None
    return cycles.times(point.active_pj_per_cycle.band).times(1e-6)


def wake_up_uj(target: Target) -> Band | None:
    """Energy of one wake-up: the time until the core runs, at the power of the running core (an upper bound)."""
    energy, time = target.point.active_pj_per_cycle, target.device.wake_us
    if energy is None or time is None:
        return None
    return time.band.times(target.point.clock_mhz.band).times(energy.band).times(1e-6)


def sleep_uw(target: Target) -> Band | None:
    """Power while the core sleeps and all RAM is kept."""
    current = target.device.sleep_ua
    return None if current is None else current.band.times(target.point.supply_v.band)


def radio_uj(target: Target) -> Band | None:
    """Energy of sending one embedding; None for a device without a radio, or an unknown one."""
    radio = target.device.radio
    if radio is None:
        return None
    return radio.active_ma.band.times(target.point.supply_v.band).times(radio.event_ms.band)


def accelerometer_uw(sensor: Accelerometer) -> Band:
    """Power of the accelerometer while it samples."""
    return sensor.active_ua.band.times(sensor.supply_v.band)


def optical_uw(front_end: Optical, gate: Accelerometer) -> Band:
    """Power of one optical channel with its LED at its own rate, and of the accelerometer in wake-up mode beside it."""
    watching = gate.wake_up_ua.band.times(gate.supply_v.band) if gate.wake_up_ua is not None else accelerometer_uw(gate)
    return total([front_end.power_uw.band, watching])


def battery_days(battery: Battery, day_mj: Band | None) -> Band | None:
    """How long a full battery lasts at so much energy a day; `low` is the shortest."""
    if day_mj is None:
        return None
    full_j = battery.capacity_mah.band.times(battery.voltage_v.band).times(J_PER_MWH)
    usable_j = full_j.times(battery.usable_share.band)
    lost_j = full_j.times(battery.self_discharge_share_per_month.band).times(1 / MONTH_DAYS)
    drawn_j = total([day_mj.times(1e-3).over(battery.regulator_efficiency.band), lost_j])
    return usable_j.over(drawn_j)
