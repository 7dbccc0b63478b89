"""Two clocks are told apart by the heartbeat, and by nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.windows.clocks import LARGEST_OFFSET_S, Clock, ClockSearch

RATE, SAMPLES = 64.0, 1920
AT_S = np.arange(12) * 240.0
BREADTH_S = 0.35
"""A deflection may come anywhere in 0.7 s around a beat, so a clock is told no better than that."""


def pair(clock=None, seed=0, windows=12, snr=1.0):
    """Beats of each window, and an accelerometer that shows them early by the clock; noise only without one."""
    generator = torch.Generator().manual_seed(seed)
    interval = 0.9 + 0.15 * torch.randn(windows, 40, generator=generator).clamp(-2, 2)
    beats = interval.cumsum(1)
    acc = torch.randn(windows, 3, SAMPLES, generator=generator)
    shape = snr * 3 * torch.sin(2 * torch.pi * 8 * torch.arange(16) / RATE)
    for row in range(windows if clock else 0):
        for beat in beats[row]:
            place = round((float(beat) - clock.delay_s(AT_S[row])) * RATE)
            if 0 <= place < SAMPLES - 16:
                acc[row, 1, place : place + 16] += shape
    return acc, beats.where(beats < SAMPLES / RATE, torch.nan)


def searched(clock=None, windows=12, **more):
    acc, beats = pair(clock, windows=windows, **more)
    return ClockSearch(acc, beats, AT_S[:windows], RATE)


@settings(max_examples=10, deadline=None)
@given(st.floats(-2.5, 2.0), st.sampled_from([-1.0, 0.0, 1.0]))
def test_offset_and_drift_are_found(offset_s, drift_s_per_h):
    clock = Clock(offset_s, drift_s_per_h)
    found = searched(clock)
    for at_s in AT_S:
        assert found.best.delay_s(at_s) == pytest.approx(clock.delay_s(at_s), abs=BREADTH_S)
    assert found.evidence() > 1


def test_each_window_gets_the_clock_of_the_others():
    clock = Clock(1.2, 0.0)
    acc, beats = pair(clock)
    acc[3] = torch.roll(acc[3], 64, dims=-1)  # one window that says something else
    found = ClockSearch(acc, beats, AT_S, RATE)
    others = found.of_others()
    assert others[3].delay_s(AT_S[3]) == pytest.approx(1.2, abs=BREADTH_S)
    without = ClockSearch(acc[[0, 1, 2, 4, 5]], beats[[0, 1, 2, 4, 5]], AT_S[[0, 1, 2, 4, 5]], RATE).best
    assert without.delay_s(AT_S[3]) == pytest.approx(1.2, abs=BREADTH_S)


def test_noise_tells_nothing():
    told = [searched(seed=seed).evidence() > 1 for seed in range(10)]
    assert sum(told) <= 2


def test_gaps_count_as_nothing():
    acc, beats = pair(Clock(1.0))
    acc[0] = torch.nan
    assert ClockSearch(acc, beats, AT_S, RATE).best.delay_s(0) == pytest.approx(1.0, abs=BREADTH_S)


def test_clocks_add_up():
    assert Clock(1.0, 0.5).plus(Clock(-0.25, 0.25)) == Clock(0.75, 0.75)
    assert Clock(1.0, 0.5).delay_s(7200) == 2.0
    assert all(abs(clock.delay_s(AT_S.mean())) <= LARGEST_OFFSET_S + 1e-9 for clock in searched().clocks)
