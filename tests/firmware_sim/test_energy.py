"""Energy: by hand, in the units that the names say, and null where a part is unknown."""

import pytest

from edgeacc.firmware_sim.band import Band, total
from edgeacc.firmware_sim.energy import (
    Parts,
    accelerometer_uw,
    active_uj,
    battery_days,
    optical_uw,
    radio_uj,
    sleep_uw,
    wake_up_uj,
)
from edgeacc.firmware_sim.profile import accelerometers, batteries, opticals, target

TEN = Band(10, 10, 10)


def unknown_energy(name):
    device, point = target(name)
    return target(name)._replace(point=point.model_copy(update={"active_pj_per_cycle": None}), device=device)


def test_a_million_cycles():
    assert active_uj(Band(1e6, 1e6, 1e6), target("stm32l4r5").point) == pytest.approx((322.8, 350.6, 365.3))


def test_the_supply_changes_the_energy():
    low, high = (active_uj(TEN, target(name).point).typical for name in ("stm32l4r5", "stm32l4r5@ldo-3v0"))
    assert high / low == pytest.approx(649.5 / 350.6)


def test_unknown_stays_unknown():
    assert active_uj(None, target("stm32l4r5").point) is None
    assert active_uj(TEN, unknown_energy("stm32l4r5").point) is None
    assert wake_up_uj(unknown_energy("stm32l4r5")) is None
    nothing = target("stm32l4r5").device.model_copy(update={"sleep_ua": None})
    assert sleep_uw(target("stm32l4r5")._replace(device=nothing)) is None
    assert radio_uj(target("stm32l4r5")) is None


def test_a_wake_up():
    assert wake_up_uj(target("stm32l4r5")).typical == pytest.approx(10 * 120 * 350.6e-6)


def test_sleep():
    assert sleep_uw(target("nrf52840")) == pytest.approx((9.48, 9.48, 9.48))


def test_one_embedding_by_radio():
    assert radio_uj(target("nrf52840")).typical == pytest.approx(8.1e-3 * 3.0 * 2.5e-3 * 1e6)


def test_sensors():
    assert accelerometer_uw(accelerometers()["adxl362"]).low == pytest.approx(3.6)
    found = optical_uw(opticals()["adpd4000"], accelerometers()["adxl362"])
    assert found.low == pytest.approx(50 + 0.54)


def test_an_accelerometer_without_a_wake_up_mode_samples_beside_the_optical_front_end():
    gate = accelerometers()["lsm6dso"]
    found = optical_uw(opticals()["adpd4000"], gate)
    assert found.low == pytest.approx(50 + accelerometer_uw(gate).low)


def test_parts_add_up_or_are_unknown():
    assert Parts({"sleep": TEN, "sensor": TEN}).total_mj == Band(20, 20, 20)
    parts = Parts({"sleep": TEN, "compute": None})
    assert (parts.total_mj, parts.unknown) == (None, ["compute"])


def test_battery_life_by_hand():
    battery = batteries()["lipo-100"]
    full_j = 100 * 3.75 * 3.6
    wanted = full_j * 0.9 / (10.0 / 0.88 + full_j * 0.03 / 30)
    assert battery_days(battery, Band(1e4, 1e4, 1e4)).typical == pytest.approx(wanted)
    assert battery_days(battery, None) is None


def test_a_battery_lasts_less_at_more_energy_a_day():
    few = battery_days(batteries()["cr2032"], Band(1e3, 1e3, 1e3))
    many = battery_days(batteries()["cr2032"], Band(1e5, 1e5, 1e5))
    assert all(more > less for more, less in zip(few, many, strict=True))
    assert few.low < few.typical < few.high


def test_the_sum_of_none_is_zero():
    assert total([]) == Band(0, 0, 0)
