"""The measures on signals whose answers are known."""

import math

import pytest
import torch

from edgeacc.cohort.measures import BEFORE_S, beat_locked, measures

RATE_HZ = 64.0
SAMPLES = 3840


def heart(seed=0, *, noise_mg, height_mg=8.0, late_s=0.25, hz=6.0):
    """Beats once a second, each leaving a 6-Hz wavelet on z whose middle is `late_s` after R; PPG as wide waves."""
    generator = torch.Generator().manual_seed(seed)
    r_peaks_BK = torch.arange(0.5, 59.5, 1.0)[None].repeat(4, 1)
    since_s = (torch.arange(SAMPLES) / RATE_HZ)[None] - r_peaks_BK[0, :, None]
    wavelet = torch.cos(2 * math.pi * hz * (since_s - late_s)) * torch.exp(-0.5 * ((since_s - late_s) / 0.06) ** 2)
    acc_g = 0.001 * noise_mg * torch.randn(4, 3, SAMPLES, generator=generator)
    acc_g[:, 2] += 0.001 * height_mg / 1.38 * wavelet.sum(0) + 1
    pulse = torch.exp(-0.5 * ((since_s - 0.35) / 0.07) ** 2).sum(0)
    ppg = pulse + 0.02 * torch.randn(4, 4, SAMPLES, generator=generator)
    return measures(acc_g, ppg, r_peaks_BK, RATE_HZ)


def test_a_wavelet_is_measured_as_it_was_made():
    got = {name: values.median().item() for name, values in heart(noise_mg=0.5).items()}
    assert got["beat_height_mg"] == pytest.approx(8, rel=0.1)
    assert got["main_deflection_s"] == pytest.approx(0.25, abs=0.008)
    assert got["energy_50_hz"] == pytest.approx(6, abs=0.5)
    assert got["best_axis_share"] > 0.95
    assert got["ppg_slope_s"] == pytest.approx(0.28, abs=0.01)
    assert got["spectral_hr_error_bpm"] < 1


def test_white_noise_is_measured_by_band():
    got = {name: values.median().item() for name, values in heart(noise_mg=2.0, height_mg=0.0).items()}
    density_mg = 2.0 / math.sqrt(RATE_HZ / 2)
    assert got["floor_ug"] == pytest.approx(1000 * density_mg, rel=0.05)
    assert got["tremor_mg"] == pytest.approx(density_mg * math.sqrt(6), rel=0.1)
    assert got["breathing_mg"] == pytest.approx(density_mg * math.sqrt(0.35), rel=0.25)
    assert got["best_axis_share"] < 0.6


def test_the_snr_is_that_of_one_beat():
    got = heart(noise_mg=2.0)
    average_mg2 = heart(noise_mg=1e-3)["beat_snr"]  # no noise: only rounding is left
    assert average_mg2.min() > 1e3
    wavelet_mg2 = 5.8**2 * 0.06 * math.sqrt(math.pi) / 2 / 0.8
    noise_mg2 = 2.0**2 * 23 / 32
    assert got["beat_snr"].median().item() == pytest.approx(wavelet_mg2 / noise_mg2 + 1 / 14, rel=0.25)


def test_only_whole_beats_of_the_record_count():
    x_BCT = torch.arange(SAMPLES, dtype=torch.float32)[None, None]
    r_peaks_BK = torch.tensor([[2.0, 10.0, 19.5, torch.nan]])
    average = beat_locked(x_BCT, r_peaks_BK, RATE_HZ, (5.0, 20.0))
    assert average.beat_BCN[0, 0, 0].item() == pytest.approx((10 - BEFORE_S) * RATE_HZ, abs=1)
    assert average.residual_BC.item() == pytest.approx(0, abs=1e-3)
