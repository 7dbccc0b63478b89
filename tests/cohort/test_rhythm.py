"""The rhythm: variability as asked for, breathing that fits, beats that follow the integral of the rate."""

import math

import pytest
import torch

from edgeacc.cohort.random import Key
from edgeacc.cohort.rhythm import RhythmState, beat, in_window
from edgeacc.signals.beats import exact_rate_and_variability


def state(count, hr_bpm=70.0, breathing_hz=0.25, slow_s2=0.0, mayer_s2=0.0, breathing_s2=0.0):
    values = (1.0, hr_bpm, breathing_hz, slow_s2, mayer_s2, breathing_s2)
    return RhythmState(*(torch.full((count,), value) for value in values))


def rhythm_of(wanted, *, other=False):
    count = len(wanted.hr_bpm)
    key = Key(5, torch.zeros(count, dtype=torch.int64), torch.arange(count))
    beats = beat(wanted, key, other=other)
    return beats, exact_rate_and_variability(in_window(beats.r_peak_s_BK, beats.real_BK))


@pytest.mark.parametrize("hr_bpm", [41.0, 70.0, 119.0])
def test_without_variability_the_beats_are_even(hr_bpm):
    _, rhythm = rhythm_of(state(20, hr_bpm))
    torch.testing.assert_close(rhythm.hr_bpm_B, torch.full((20,), hr_bpm), rtol=1e-4, atol=0)
    assert rhythm.sdnn_ms_B.max() < 0.1
    assert rhythm.rmssd_ms_B.max() < 0.1


@pytest.mark.parametrize(("band", "hz"), [("mayer_s2", 0.1), ("breathing_s2", 0.25)])
def test_a_bands_power_gives_its_sdnn_and_rmssd(band, hz):
    _, rhythm = rhythm_of(state(400, **{band: 0.03**2}))
    sdnn_ms = rhythm.sdnn_ms_B.square().mean().sqrt()
    rmssd_ms = rhythm.rmssd_ms_B.square().mean().sqrt()
    angle = math.pi * hz * 60 / 70
    kept_ms = 30 * math.sin(angle) / angle  # the integral averages over one beat
    assert sdnn_ms.item() == pytest.approx(kept_ms, rel=0.04)
    assert rmssd_ms.item() == pytest.approx(2 * math.sin(angle) * kept_ms, rel=0.04)


def test_a_minute_sees_only_the_faster_part_of_slow_waves():
    _, rhythm = rhythm_of(state(400, slow_s2=0.03**2))
    share = (1 + 1 / 2 + 1 / 3) / math.log(0.04 * 300)  # bins at 1, 2 and 3 / 64 Hz
    assert rhythm.sdnn_ms_B.square().mean().sqrt().item() == pytest.approx(30 * math.sqrt(share), rel=0.05)
    assert rhythm.rmssd_ms_B.square().mean().sqrt() < 5


def test_breathing_has_unit_variance_and_its_rate():
    beats, _ = rhythm_of(state(200, breathing_hz=0.3))
    breathing_BT = torch.fft.irfft(beats.breathing_spectrum_BF, n=4096)
    assert breathing_BT.var(1).mean().item() == pytest.approx(1, rel=0.1)
    line_hz = beats.breathing_spectrum_BF.abs().square().mean(0).argmax().item() / 64
    assert line_hz == pytest.approx(0.3, abs=1 / 64)
    assert beats.breathing_BK[beats.real_BK > 0].std().item() == pytest.approx(1, rel=0.1)


def test_another_series_is_independent():
    wanted = state(50, breathing_s2=0.03**2, mayer_s2=0.03**2)
    (one, first), (other, second) = rhythm_of(wanted), rhythm_of(wanted, other=True)
    assert (one.r_peak_s_BK[:, 5] - other.r_peak_s_BK[:, 5]).abs().min() > 0
    intervals = [beats.r_peak_s_BK[:, 1:60].diff(dim=1).flatten() for beats in (one, other)]
    assert abs(torch.corrcoef(torch.stack(intervals))[0, 1]) < 0.1
    assert first.hr_bpm_B.mean().item() == pytest.approx(second.hr_bpm_B.mean().item(), rel=0.02)
