import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeacc.signals.contract import DEFAULT
from edgeacc.signals.quality import Fault, acc_faults, fill_gaps, ppg_faults

RATE_HZ = 32.0


def still_acc():
    return np.random.default_rng(0).normal(scale=0.002, size=(3, 1920)) + np.array([[0.1], [0.2], [0.97]])


def pulse():
    return np.sin(2 * np.pi * 1.1 * np.arange(3840) / 64)[None]


def test_a_clean_window_has_no_fault():
    assert acc_faults(still_acc(), RATE_HZ, DEFAULT) == []
    assert ppg_faults(pulse(), 64.0, DEFAULT) == []


def test_gaps_up_to_a_fifth_of_a_second_are_no_fault():
    acc_g = still_acc()
    acc_g[1, 500:506] = np.nan
    assert acc_faults(acc_g, RATE_HZ, DEFAULT) == []
    acc_g[1, 506] = np.nan
    assert acc_faults(acc_g, RATE_HZ, DEFAULT) == [Fault.GAP]
    ppg = pulse()
    ppg[0, :14] = np.nan
    assert ppg_faults(ppg, 64.0, DEFAULT) == [Fault.GAP]


def test_saturation_is_more_than_a_few_samples_at_the_end_of_the_range():
    acc_g = still_acc()
    acc_g[0, 10:13] = 8.0
    assert acc_faults(acc_g, RATE_HZ, DEFAULT) == []
    acc_g[0, 900] = -8.0
    assert acc_faults(acc_g, RATE_HZ, DEFAULT) == [Fault.SATURATED]
    acc_g = still_acc()
    acc_g[2, 100:104] = 2.0
    assert acc_faults(acc_g, RATE_HZ, DEFAULT, range_g=2.0) == [Fault.SATURATED]
    assert acc_faults(acc_g, RATE_HZ, DEFAULT) == []


def test_an_axis_that_freezes_for_half_the_window():
    acc_g = still_acc()
    acc_g[1, 300 : 300 + 961] = 0.25
    assert acc_faults(acc_g, RATE_HZ, DEFAULT) == []
    acc_g[1, 300 : 300 + 963] = 0.25
    assert acc_faults(acc_g, RATE_HZ, DEFAULT) == [Fault.FROZEN_AXIS]


def test_a_ppg_clipped_flat():
    ppg = pulse()
    ppg[0, 1000:1040] = 1.0
    assert ppg_faults(ppg, 64.0, DEFAULT) == [Fault.FLAT_PPG]


def test_several_faults_come_in_their_order():
    acc_g = np.full((3, 1920), 8.0)
    acc_g[0, :20] = np.nan
    assert acc_faults(acc_g, RATE_HZ, DEFAULT) == [Fault.GAP, Fault.SATURATED, Fault.FROZEN_AXIS]


@pytest.mark.parametrize("world", [np.asarray, torch.tensor])
def test_a_gap_is_filled_by_a_straight_line(world):
    x = world(np.array([[0.0, 1.0, np.nan, np.nan, 4.0, np.nan]]))
    filled = np.asarray(fill_gaps(x, 1.0, 2.0))
    np.testing.assert_allclose(filled, [[0, 1, 2, 3, 4, 4]])
    short = np.asarray(fill_gaps(x, 1.0, 1.0))
    np.testing.assert_allclose(short, [[0, 1, np.nan, np.nan, 4, 4]])


@settings(deadline=None, max_examples=50)
@given(
    hnp.arrays(np.float64, (2, 40), elements=st.one_of(st.just(np.nan), st.floats(-10, 10))),
    st.integers(0, 40),
)
def test_filling_keeps_what_is_there_and_both_worlds_agree(x, longest):
    filled = fill_gaps(x, 1.0, float(longest))
    np.testing.assert_allclose(fill_gaps(torch.tensor(x), 1.0, float(longest)).numpy(), filled, atol=1e-12)
    there = ~np.isnan(x)
    np.testing.assert_array_equal(filled[there], x[there])
    if longest == 40 and there.any(-1).all():
        assert np.isfinite(filled).all()
    assert np.nanmax(np.abs(filled), initial=0) <= np.nanmax(np.abs(x), initial=0)
