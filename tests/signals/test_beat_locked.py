"""Beat trains, and the accelerometer's energy locked to them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.signals.beat_locked import beat_trains, energy_by_delay

RATE = 64.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.05, 9.9), min_size=1, max_size=12))
def test_trains_keep_the_number_and_the_time_of_beats(times):
    trains = beat_trains(torch.tensor([[*times, math.nan]], dtype=torch.float32), RATE, 640)
    index = torch.arange(640) / RATE
    assert trains.beats_N.tolist() == [len(times)]
    assert float(trains.train_NT.sum()) == pytest.approx(len(times), abs=1e-4)
    assert float((trains.train_NT[0] * index).sum()) == pytest.approx(sum(times), abs=0.01)


def test_beats_outside_the_window_do_not_count():
    trains = beat_trains(torch.tensor([[-0.1, 0.0, 9.984375, 10.0, math.nan]]), RATE, 640)
    assert trains.beats_N.tolist() == [2]
    assert trains.train_NT[0, [0, 639]].tolist() == [1.0, 1.0]


def locked_to(beats_K, samples, by):
    """A short deflection on one axis `by` samples after every beat."""
    acc = torch.zeros(1, 3, samples)
    for place in (beats_K * RATE).round().long() + by:
        if 0 <= place < samples - 1:
            acc[0, 1, place] += 1
            acc[0, 1, place + 1] -= 1
    return acc + 0.05 * torch.randn(acc.shape, generator=torch.Generator().manual_seed(0))


@settings(max_examples=20, deadline=None)
@given(st.integers(-128, 128))
def test_the_delay_that_brings_the_accelerometer_to_the_beats_is_found(by):
    beats = torch.linspace(0.5, 29.5, 31) + 0.05 * torch.randn(31, generator=torch.Generator().manual_seed(1))
    delays = range(-160, 161, 4)
    energy = energy_by_delay(locked_to(beats, 1920, by), beat_trains(beats[None], RATE, 1920), RATE, delays)
    assert energy.shape == (1, len(delays))
    assert abs(delays[int(energy[0].argmax())] + by) <= 26  # inside the lags in which a deflection may come


def test_of_a_constant_accelerometer_nothing_is_locked():
    trains = beat_trains(torch.tensor([[1.0, 2.0, 3.0]]), RATE, 640)
    assert float(energy_by_delay(torch.zeros(1, 3, 640), trains, RATE, range(1)).max()) == 0
