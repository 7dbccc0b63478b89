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


@pytest.mark.integration
@settings(max_examples=10, deadline=None)
@given(st.floats(-2.5, 2.0), st.sampled_from([-1.0, 0.0, 1.0]))
def test_offset_and_drift_are_found(offset_s, drift_s_per_h):
    clock = Clock(offset_s, drift_s_per_h)
    found = searched(clock)
    for at_s in AT_S:
        assert found.best.delay_s(at_s) == pytest.approx(clock.delay_s(at_s), abs=BREADTH_S)
    assert found.evidence() > 1


def test_no_window_takes_part_in_its_own_clock():
    acc, beats = pair(Clock(1.2), windows=3)
    before = ClockSearch(acc, beats, AT_S[:3], RATE).of_others()
    assert before[1].delay_s(AT_S[1]) == pytest.approx(1.2, abs=BREADTH_S)
    louder, _ = pair(Clock(-1.5), windows=3, snr=20.0)
    acc[1] = louder[1]
    search = ClockSearch(acc, beats, AT_S[:3], RATE)
    assert search.of_others()[1] == before[1]
    assert search.of_others()[0] != before[0]


@pytest.mark.integration
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
