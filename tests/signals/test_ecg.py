"""R peaks: those of a simulated ECG, however it is turned, scaled or disturbed."""

import neurokit2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.signals.ecg import r_peaks

WAVES = ((-0.20, 0.02, 0.15), (-0.03, 0.009, -0.12), (0.0, 0.011, 1.0), (0.03, 0.010, -0.25), (0.25, 0.04, 0.35))
"""P, Q, R, S and T: time after the R peak, breadth (both s), height."""


def simulated(hr_bpm=70.0, rate_hz=250, noise=0.0, seed=1, seconds=60):
    """An ECG of known R peaks, with respiratory sinus arrhythmia and a wandering baseline."""
    generator = np.random.default_rng(seed)
    intervals_s = 60 / hr_bpm * (1 + 0.05 * generator.standard_normal(int(seconds * hr_bpm / 60) + 5).clip(-2, 2))
    peaks_s = 0.4 + intervals_s.cumsum()
    time_s = np.arange(seconds * rate_hz) / rate_hz
    squeeze = min(1.0, 60 / hr_bpm)
    ecg = 0.3 * np.sin(2 * np.pi * 0.25 * time_s)
    for at_s, breadth_s, height in WAVES:
        slow = squeeze if breadth_s > 0.015 else 1.0
        for peak_s in peaks_s:
            ecg += height * np.exp(-0.5 * ((time_s - peak_s - at_s * slow) / (breadth_s * slow)) ** 2)
    return ecg + noise * generator.standard_normal(len(ecg)), peaks_s[peaks_s < seconds]


def compared(found, true, tolerance_s=0.01):
    """Sensitivity and positive predictive value, edges left out."""
    inner = true[(true > 1) & (true < true[-1] - 1)]
    mine = found[(found > inner[0] - 0.1) & (found < inner[-1] + 0.1)]
    near = np.abs(inner[:, None] - mine[None]).min(1) < tolerance_s
    right = np.abs(mine[:, None] - inner[None]).min(1) < tolerance_s
    return near.mean(), right.mean()


@pytest.mark.integration
@pytest.mark.parametrize("hr_bpm", [45, 70, 120, 170])
@pytest.mark.parametrize("rate_hz", [100, 250, 700])
def test_all_beats_and_no_others(hr_bpm, rate_hz):
    ecg, true = simulated(hr_bpm, rate_hz)
    assert compared(r_peaks(ecg, rate_hz), true) == (1.0, 1.0)


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_in_noise_as_well_as_neurokit2(noise):
    ecg, true = simulated(noise=noise)
    mine = compared(r_peaks(ecg, 250), true, 0.03)
    theirs = neurokit2.ecg_peaks(neurokit2.ecg_clean(ecg, 250), 250)[1]["ECG_R_Peaks"] / 250
    assert min(mine) >= min(compared(theirs, true, 0.03)) - 0.01
    assert min(mine) > 0.98


@pytest.mark.integration
@settings(max_examples=8, deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(-1e3, 1e3), st.booleans())
def test_unit_offset_and_sign_do_not_matter(scale, offset, inverted):
    ecg, _ = simulated()
    straight = r_peaks(ecg, 250)
    turned = r_peaks((-scale if inverted else scale) * (ecg + offset), 250)
    assert len(turned) == len(straight)
    assert np.abs(turned - straight).max() < 0.02


def test_near_a_gap_nothing_is_found():
    ecg, true = simulated()
    ecg[5000:6000] = np.nan
    found = r_peaks(ecg, 250)
    assert not ((found > 20) & (found < 24)).any()
    assert compared(found, true[(true < 19) | (true > 25)])[0] > 0.95


def test_between_gaps_too_close_nothing_is_made_up():
    ecg, true = simulated(noise=0.02)
    for start in range(20, 40, 4):
        ecg[round((start + 1.3) * 250) : (start + 4) * 250] = np.nan
    found = r_peaks(ecg, 250)
    near = np.abs(found[:, None] - true[None]).min(1)
    assert (near < 0.02).all()


def test_an_electrode_that_is_off_has_no_beats():
    ecg, true = simulated()
    ecg[20 * 250 : 40 * 250] = 0.002 * np.random.default_rng(0).standard_normal(5000)
    found = r_peaks(ecg, 250)
    assert not ((found > 20.5) & (found < 39.5)).any()
    assert compared(found, true[true < 19])[0] == 1.0


def test_of_nothing_nothing_is_found():
    assert len(r_peaks(np.zeros(10_000), 250)) == 0
    assert len(r_peaks(np.full(10_000, np.nan), 250)) == 0
    assert len(r_peaks(np.ones(10), 250)) == 0
    with pytest.raises(ValueError, match="60"):
        r_peaks(np.zeros(1000), 32)
