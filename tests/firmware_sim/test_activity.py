"""The simulated wearer: a plausible day, the same twice, each activity as moved as it should be."""

from collections import Counter

import numpy as np
import pytest

from edgeacc.cohort.grid import SAMPLES
from edgeacc.firmware_sim.activity import MINUTES_PER_DAY, PLAN, RANGE_G, Activity, acceleration, plan
from edgeacc.signals.gate import motion_mg


def minutes(activities, seed=0):
    """(B, 3, SAMPLES) one window a minute."""
    blocks = [block.reshape(3, -1, SAMPLES).transpose(1, 0, 2) for block in acceleration(activities, seed)]
    return np.concatenate(blocks)


@pytest.fixture(scope="module")
def each_20_minutes():
    wanted = [activity for activity in Activity for _ in range(20)]
    motion = motion_mg(minutes(wanted))
    return {activity: motion[20 * place : 20 * (place + 1)] for place, activity in enumerate(Activity)}


def test_the_plan_is_a_day():
    assert sum(length for _, length in PLAN) == MINUTES_PER_DAY


@pytest.mark.parametrize("seed", range(5))
def test_a_day_has_every_activity_and_whole_length(seed):
    found = Counter(plan(24, seed))
    assert found.total() == MINUTES_PER_DAY
    assert set(found) == set(Activity)
    assert 330 < found[Activity.sleep] < 620


def test_days_differ_and_repeat():
    assert plan(24, 0) == plan(24, 0)
    assert plan(24, 0) != plan(24, 1)
    two = plan(48, 0)
    assert len(two) == 2 * MINUTES_PER_DAY
    assert two[:MINUTES_PER_DAY] != two[MINUTES_PER_DAY:]


def test_a_day_begins_on_waking():
    assert plan(0.5, 0) == [Activity.chores] * 30


def test_walking_and_running_never_pass_the_gate(each_20_minutes):
    assert each_20_minutes[Activity.walking].min() > 60
    assert each_20_minutes[Activity.running].min() > 300


def test_sleep_mostly_passes_and_a_desk_sometimes(each_20_minutes):
    asleep, seated = (np.mean(each_20_minutes[name] < 30) for name in (Activity.sleep, Activity.desk))
    assert asleep > 0.6
    assert 0.05 < seated < 0.6


def test_the_same_seed_gives_the_same_samples():
    wanted = [Activity.sleep, Activity.chores, Activity.running]
    first, again, other = minutes(wanted, 7), minutes(wanted, 7), minutes(wanted, 8)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_samples_are_within_the_range_and_hold_gravity():
    found = minutes([Activity.running, Activity.sleep])
    assert np.abs(found).max() <= RANGE_G
    assert np.linalg.norm(found[1].mean(-1)) == pytest.approx(1, abs=0.05)


def test_gravity_goes_on_from_minute_to_minute():
    found = minutes([Activity.chores] * 3)
    step = np.abs(found[1:, :, 0] - found[:-1, :, -1]).max()
    assert step < 0.8
