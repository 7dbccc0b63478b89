"""The pulse's quality: high where pulses are alike, none where there is no pulse; beside neurokit2's index."""

import neurokit2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.signals.beats import detect_beats
from edgeacc.signals.contract import DEFAULT
from edgeacc.signals.prepare import prepare_ppg
from edgeacc.signals.pulse_quality import ACCEPTABLE, pulse_quality

RATE = DEFAULT.rate_hz


def pulse(hr_bpm=70.0, noise=0.0, seed=0, seconds=60):
    """A pulse of two waves with breathing in its rate."""
    generator = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * RATE)) / RATE
    phase = np.cumsum(hr_bpm / 60 * (1 + 0.03 * np.sin(2 * np.pi * 0.25 * time_s)) / RATE) % 1.0
    wave = np.exp(-(((phase - 0.25) / 0.08) ** 2)) + 0.4 * np.exp(-(((phase - 0.55) / 0.12) ** 2))
    return torch.from_numpy(wave + noise * generator.standard_normal(len(wave))).float()[None, None]


def quality(ppg_BCT):
    prepared = prepare_ppg(ppg_BCT, DEFAULT)
    return float(pulse_quality(prepared, detect_beats(prepared, RATE), RATE)[0])


@settings(max_examples=15, deadline=None)
@given(st.floats(45, 150))
def test_a_clean_pulse_of_any_rate_is_acceptable(hr_bpm):
    assert quality(pulse(hr_bpm)) > 0.95 > ACCEPTABLE


def test_noise_lowers_it_to_nothing():
    by_noise = [quality(pulse(noise=noise)) for noise in (0.0, 0.3, 1.0, 3.0)]
    assert by_noise == sorted(by_noise, reverse=True)
    assert by_noise[0] > 0.95
    assert by_noise[-1] < 0.3


def test_without_a_pulse_there_is_none():
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, 3840))).float()
    assert quality(noise) < 0.3
    nothing = pulse_quality(torch.zeros(1, 1, 3840), torch.full((1, 5), torch.nan), RATE)
    assert nothing.tolist() == [0.0]


def test_a_half_whose_beats_cannot_be_halves_it():
    prepared = prepare_ppg(pulse(), DEFAULT)
    beats = detect_beats(prepared, RATE)
    early = [k for k in range(4, beats.shape[1], 4) if beats[0, k] > 30]
    beats[0, early] = beats[0, [k - 1 for k in early]] + 0.2
    assert float(pulse_quality(prepared, beats, RATE)[0]) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
def test_it_agrees_with_neurokit2(noise):
    prepared = prepare_ppg(pulse(noise=noise), DEFAULT)
    beats = detect_beats(prepared, RATE)
    places = (beats[0][beats[0].isfinite()] * RATE).round().int().numpy()
    signal = prepared[0, 0].numpy()
    theirs = neurokit2.ppg_quality(signal, peaks=places, sampling_rate=int(RATE), method="templatematch")
    assert float(pulse_quality(prepared, beats, RATE)[0]) == pytest.approx(float(np.nanmean(theirs)), abs=0.05)
