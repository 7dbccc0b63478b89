"""The beat detector: on pulses whose times are known, on the cohort, and against neurokit2."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.cohort import CohortConfig, simulate
from edgeacc.signals.beats import (
    FEWEST_INTERVALS,
    detect_beats,
    exact_rate_and_variability,
    most_beats,
    rate_and_variability,
)
from edgeacc.signals.contract import DEFAULT
from edgeacc.signals.prepare import prepare_ppg

RATE_HZ = 64.0
MATCH_S = 0.1
FAIR_DB = 10.0


def pulses(times_s, duration_s=60.0, width_s=0.07):
    """One channel of Gaussian pulses whose steepest upstrokes are at these times."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    waves = np.exp(-0.5 * ((time_s - np.asarray(times_s)[:, None] - width_s) / width_s) ** 2)
    return torch.tensor(waves.sum(0), dtype=torch.float32)[None, None]


def found(ppg_BCT):
    beats_K = detect_beats(ppg_BCT, RATE_HZ)[0]
    return beats_K[beats_K.isfinite()].numpy()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.5, 1.4), st.floats(0.0, 0.06))
def test_known_beats_are_found(seed, interval_s, spread_s):
    rng = np.random.default_rng(seed)
    times_s = np.cumsum(np.full(300, interval_s) + spread_s * rng.uniform(-1, 1, 300))
    times_s = times_s[times_s < 59.5]
    got_s = found(pulses(times_s))
    assert len(got_s) == len(times_s)
    late_s = got_s - times_s
    assert np.abs(late_s).max() < 0.008  # the slope's smoothing moves the steepest point of a 70-ms wave by 6 ms
    assert np.abs(late_s - np.median(late_s)).max() < 0.001


def test_beats_do_not_depend_on_scale_offset_or_a_second_channel():
    times_s = np.arange(0.6, 59, 0.9)
    one = pulses(times_s)
    several = torch.cat([one, one * 3 + 5], 1)
    np.testing.assert_allclose(found(several), found(one), atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 3.0, float("nan")])
def test_a_window_without_pulses_has_no_beats(value):
    beats_BK = detect_beats(torch.full((2, 4, 3840), value), RATE_HZ)
    assert beats_BK.shape == (2, most_beats(60))
    assert beats_BK.isnan().all()


def test_one_bad_window_leaves_the_others_alone():
    good = pulses(np.arange(0.6, 59, 0.9))
    both = torch.cat([torch.full_like(good, torch.nan), good])
    beats_BK = detect_beats(both, RATE_HZ)
    assert beats_BK[0].isnan().all()
    torch.testing.assert_close(beats_BK[1], detect_beats(good, RATE_HZ)[0], equal_nan=True)


def beats_from(intervals_s, width=100):
    times_s = np.concatenate([[0.3], 0.3 + np.cumsum(intervals_s)])
    row = np.full(width, np.nan, np.float32)
    row[: len(times_s)] = times_s
    return torch.tensor(row)[None]


def test_statistics_follow_their_definitions():
    intervals_s = 0.85 + 0.04 * np.random.default_rng(0).standard_normal(60)
    rhythm = rate_and_variability(beats_from(intervals_s))
    assert rhythm.hr_bpm_B.item() == pytest.approx(60 / intervals_s.mean(), rel=1e-5)
    assert rhythm.sdnn_ms_B.item() == pytest.approx(1000 * intervals_s.std(ddof=1), rel=1e-3)
    assert rhythm.rmssd_ms_B.item() == pytest.approx(1000 * np.sqrt(np.mean(np.diff(intervals_s) ** 2)), rel=1e-3)


def test_a_missed_and_a_false_beat_are_left_out():
    intervals_s = 0.85 + 0.02 * np.random.default_rng(1).standard_normal(60)
    clean = rate_and_variability(beats_from(intervals_s))
    spoilt_s = np.concatenate([intervals_s[:20], [intervals_s[20] + intervals_s[21]], [0.3, 0.55], intervals_s[23:]])
    spoilt = rate_and_variability(beats_from(spoilt_s))
    assert spoilt.hr_bpm_B.item() == pytest.approx(clean.hr_bpm_B.item(), rel=0.01)
    assert spoilt.sdnn_ms_B.item() == pytest.approx(clean.sdnn_ms_B.item(), rel=0.1)
    assert spoilt.rmssd_ms_B.item() == pytest.approx(clean.rmssd_ms_B.item(), rel=0.1)
    assert exact_rate_and_variability(beats_from(spoilt_s)).sdnn_ms_B > 3 * clean.sdnn_ms_B


@pytest.mark.parametrize("count", [0, 1, FEWEST_INTERVALS - 1])
def test_too_few_beats_give_nan(count):
    assert torch.stack(rate_and_variability(beats_from(np.full(count, 0.8)))).isnan().all()


@pytest.fixture(scope="module")
def fair():
    """Cohort windows whose PPG is fair: nominal SNR above 10 dB (84 % of all)."""
    windows = simulate(CohortConfig(participants=40, windows_per_participant=1, seed=1), torch.arange(40))
    keep = windows.labels["ppg_snr_db"] > FAIR_DB
    ppg_BCT = prepare_ppg(windows.ppg_BCT[keep], DEFAULT)
    return ppg_BCT, windows.r_peaks_BK[keep]


def matches(times_s, reference_s, offset_s):
    """Differences from each reference to the nearest time, less the offset, within `MATCH_S`."""
    away_s = np.asarray(times_s)[:, None] - np.asarray(reference_s) - offset_s
    nearest_s = away_s[np.abs(away_s).argmin(0), np.arange(len(reference_s))]
    return nearest_s[np.abs(nearest_s) < MATCH_S]


def score(pairs):
    """Sensitivity, precision, and the spread of the timing error after each window's own offset, in ms."""
    hits, wanted, told, errors = 0, 0, 0, []
    for times_s, reference_s in pairs:
        inner_s = reference_s[(reference_s > 0.7) & (reference_s < 59)]
        ahead_s = times_s[:, None] - inner_s
        offset_s = np.median(ahead_s[(ahead_s > 0.1) & (ahead_s < 0.5)])
        matched_s = matches(times_s, inner_s, offset_s)
        hits, wanted = hits + len(matched_s), wanted + len(inner_s)
        told += ((times_s > 0.7 + offset_s) & (times_s < 59 + offset_s)).sum()
        errors.append(matched_s)
    return hits / wanted, hits / told, 1000 * np.concatenate(errors).std()


def finite(row):
    return row[row.isfinite()].numpy()


def test_beats_of_fair_ppg_against_the_true_ones(fair):
    ppg_BCT, r_peaks_BK = fair
    beats_BK = detect_beats(ppg_BCT, RATE_HZ)
    sensitivity, precision, error_ms = score(
        [(finite(b), finite(r)) for b, r in zip(beats_BK, r_peaks_BK, strict=True)]
    )
    assert sensitivity > 0.99
    assert precision > 0.99
    assert error_ms < 15


def test_not_worse_than_neurokit2(fair):
    ppg_BCT, r_peaks_BK = fair
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # neurokit2 0.2 warns of pandas' future behaviour when imported and when run
        from neurokit2 import ppg_findpeaks

        peaks = [ppg_findpeaks(x.mean(0).numpy(), sampling_rate=64)["PPG_Peaks"] / RATE_HZ for x in ppg_BCT]
    theirs = score([(p + 0.0, finite(r)) for p, r in zip(peaks, r_peaks_BK, strict=True)])
    beats_BK = detect_beats(ppg_BCT, RATE_HZ)
    ours = score([(finite(b), finite(r)) for b, r in zip(beats_BK, r_peaks_BK, strict=True)])
    print("sensitivity, precision, timing error [ms]: ours", ours, "neurokit2", theirs)
    assert ours[0] > theirs[0] - 0.002
    assert ours[1] > theirs[1] - 0.002
    assert ours[2] < theirs[2]
