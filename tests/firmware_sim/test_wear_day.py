"""A day of wear: energy adds up by hand, gated windows cost no network, unknown stays unknown, PPG beside it."""

import numpy as np
import pytest

from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.plots import draw_all
from edgeacc.firmware_sim.profile import accelerometers, batteries, opticals, target
from edgeacc.firmware_sim.wear_day import Wearable, wear_day
from edgeacc.signals.contract import DEFAULT

TWENTY_M = Band(20e6, 20e6, 20e6)
TWO_HOURS_S = 7200


@pytest.fixture
def worn():
    def make(name="nrf52840", *, radio=False):
        chosen = accelerometers()["adxl367"], opticals()["adpd4000"], batteries()["lipo-100"]
        return Wearable(target(name), *chosen, radio)

    return make


def test_every_window_is_run_or_gated(two_hours, worn):
    day = wear_day(two_hours, DEFAULT, worn(), TWENTY_M)
    assert (day.windows, day.hours) == (120, 2)
    assert day.windows_run == two_hours.still_B.sum()
    assert day.windows_run + day.windows_gated == day.windows
    assert day.windows_late == Band(0, 0, 0)


def test_parts_by_hand(two_hours, worn):
    day = wear_day(two_hours, DEFAULT, worn(), TWENTY_M)
    energy = day.accelerometer.energy_mj
    assert energy["sensor"].typical == pytest.approx(0.89e-3 * 2.0 * TWO_HOURS_S)
    assert energy["sleep"].typical == pytest.approx(3.16e-3 * 3.0 * TWO_HOURS_S)
    assert day.accelerometer.wake_ups.typical == pytest.approx(100 * TWO_HOURS_S / (0.75 * 170))
    cycles = day.windows_run * (20e6 + 3 * 3840 * 119 * 8.9)
    assert energy["network"].typical == pytest.approx(cycles * 154.7e-9)
    assert energy["reading"].typical == pytest.approx(100 * TWO_HOURS_S * 4000 * 154.7e-9)
    assert day.accelerometer.total_mj.typical == pytest.approx(sum(part.typical for part in energy.values()))
    assert day.accelerometer.mean_power_uw.typical == pytest.approx(
        1e3 * day.accelerometer.total_mj.typical / TWO_HOURS_S
    )


def test_the_optical_side_by_hand(two_hours, worn):
    day = wear_day(two_hours, DEFAULT, worn(), TWENTY_M)
    assert day.ppg.energy_mj["sensor"].low == pytest.approx((50 + 0.18 * 2.0) * 1e-3 * TWO_HOURS_S)
    assert day.ppg.energy_mj["network"] == day.accelerometer.energy_mj["network"]
    assert day.ppg.battery_days.typical < day.accelerometer.battery_days.typical


def test_power_over_time_integrates_to_the_day(two_hours, worn):
    day = wear_day(two_hours, DEFAULT, worn(), TWENTY_M)
    assert np.mean(day.power_uw) == pytest.approx(day.accelerometer.mean_power_uw.typical, rel=1e-4)
    steady, running = (np.array(day.power_uw)[two_hours.still_B == state] for state in (False, True))
    assert len(set(steady)) == len(set(running)) == 1
    assert running[0] > steady[0]


def test_the_radio_only_if_asked(two_hours, worn):
    assert "radio" not in wear_day(two_hours, DEFAULT, worn(), TWENTY_M).accelerometer.energy_mj
    day = wear_day(two_hours, DEFAULT, worn(radio=True), TWENTY_M)
    assert day.accelerometer.energy_mj["radio"].typical == pytest.approx(day.windows_run * 8.1 * 3.0 * 2.5e-3)


def test_a_radio_that_a_device_does_not_have_is_unknown(two_hours, worn):
    day = wear_day(two_hours, DEFAULT, worn("stm32l4r5", radio=True), TWENTY_M)
    assert day.accelerometer.unknown == ["radio"]
    assert day.accelerometer.total_mj is None
    assert day.power_uw is None


def test_an_unknown_latency_leaves_the_rest(two_hours, worn):
    day = wear_day(two_hours, DEFAULT, worn(), None)
    assert day.windows_late is None
    assert day.accelerometer.unknown == ["network"]
    assert day.accelerometer.energy_mj["sensor"] is not None
    assert day.accelerometer.battery_days is None


def test_a_network_slower_than_its_windows_is_late(two_hours, worn):
    day = wear_day(two_hours, DEFAULT, worn(), Band(1e9, 5e9, 5e9))
    assert day.windows_late == Band(0, day.windows_run, day.windows_run)


def test_two_runs_are_equal_to_the_last_digit(two_hours, worn):
    first, again = (wear_day(two_hours, DEFAULT, worn(), TWENTY_M).model_dump_json() for _ in range(2))
    assert first == again


@pytest.mark.integration
def test_pictures_are_drawn_and_the_same_twice(two_hours, worn, tmp_path):
    days = {name: wear_day(two_hours, DEFAULT, worn(name), TWENTY_M) for name in ("nrf52840", "stm32u575")}
    contents = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        names = draw_all(days, two_hours, DEFAULT, folder)
        contents.append([(folder / name).read_bytes() for name in names])
    assert names == ["power.png", "energy.png", "battery.png"]
    assert contents[0] == contents[1]


def test_nothing_known_is_not_drawn(two_hours, worn, tmp_path):
    days = {"nrf52840": wear_day(two_hours, DEFAULT, worn(), None)}
    assert draw_all(days, two_hours, DEFAULT, tmp_path) == []
