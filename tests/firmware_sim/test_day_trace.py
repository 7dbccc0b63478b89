"""Which windows run: through the contract's gate, or by what a store kept and rejected."""

import numpy as np
import pytest

from edgeacc.errors import BadInput
from edgeacc.firmware_sim.day_trace import check_hours, cohort_trace, minutes_by_activity, store_trace
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.windows.store import Store


class Manifest:
    """What `store_trace` asks of a store's manifest."""

    def __init__(self, moving, source="recordings", contract=DEFAULT):
        self.contract, self.source, self.rejected = contract, source, {"motion": moving, "gap": 5}


class Counted(Store):
    """A store of 300 windows that holds no files."""

    def count(self, split):
        return 300


def store(tmp_path, *arguments, **named):
    return Counted(tmp_path, Manifest(*arguments, **named))


def test_the_gate_decides(two_hours):
    assert len(two_hours.still_B) == len(two_hours.activity_B) == 120
    assert np.array_equal(two_hours.still_B, two_hours.motion_mg_B < DEFAULT.low_motion_mg)
    assert 0 < two_hours.still_B.sum() < 120
    assert two_hours.mean_movement_mg > 1


def test_the_same_seed_gives_the_same_day(two_hours):
    again = cohort_trace(DEFAULT, 2.0, seed=3)
    assert again.motion_mg_B.tobytes() == two_hours.motion_mg_B.tobytes()


def test_windows_of_another_length():
    found = cohort_trace(DEFAULT.with_window(50.0), 0.5, seed=0)
    assert len(found.still_B) == 36
    assert sum(minutes_by_activity(found, DEFAULT.with_window(50.0)).values()) == pytest.approx(30)


def test_the_shortest_wear_is_one_window():
    contract = DEFAULT.with_window(80.0)
    assert len(cohort_trace(contract, 80 / 3600, seed=0).still_B) == 1


def test_progress_is_told():
    told = []
    cohort_trace(DEFAULT, 1.5, 0, lambda done, total, note="": told.append((done, total)))
    assert told == [(60, 90), (90, 90)]


def test_minutes_by_activity(two_hours):
    found = minutes_by_activity(two_hours, DEFAULT)
    assert sum(found.values()) == 120
    assert found["chores"] > 20


@pytest.mark.parametrize("hours", [0, -1, 0.001, 169, float("nan")])
def test_hours_that_are_no_wear_are_refused(hours):
    with pytest.raises(BadInput, match="hours of wear"):
        check_hours(hours, DEFAULT)


def test_another_rate_is_refused():
    with pytest.raises(BadInput, match="100 Hz"):
        cohort_trace(SignalContract(rate_hz=100.0), 1.0, 0)


def test_a_store_gives_its_share_of_still_windows(tmp_path):
    found = store_trace(store(tmp_path, 400), DEFAULT, 24, seed=0)
    assert found.still_B.mean() == pytest.approx(0.75, abs=0.04)
    assert set(found.activity_B) == {"unknown"}
    assert "300 min kept, 100 min rejected" in found.name
    assert minutes_by_activity(found, DEFAULT) == {"unknown": 1440}


def test_a_store_in_which_nothing_moves_is_refused(tmp_path):
    with pytest.raises(BadInput, match="simulated windows"):
        store_trace(store(tmp_path, 0, source="cohort"), DEFAULT, 24, seed=0)


def test_a_store_of_another_contract_is_refused(tmp_path):
    with pytest.raises(BadInput, match="another contract"):
        store_trace(store(tmp_path, 0, contract=DEFAULT.with_window(30.0)), DEFAULT, 24, seed=0)
