import numpy as np
import pytest

from edgeacc.recordings.recording import irregular, lines
from edgeacc.windows.device_beats import beats_within, host_lag_s, padded


def intervals(beats_s, clock="host"):
    return irregular(beats_s[1:], np.diff(beats_s)[:, None], "s", place=lines("made", 1), clock=clock)


def rhythm(seconds=300, seed=0):
    rng = np.random.default_rng(seed)
    return np.cumsum(0.9 + 0.08 * np.sin(np.arange(seconds) / 3) + 0.03 * rng.normal(size=seconds))


def test_beats_of_one_window():
    beats_s = rhythm()
    got = beats_within(intervals(beats_s), 100.0, 60.0)
    inside = beats_s[(beats_s >= 100) & (beats_s < 160)] - 100
    np.testing.assert_allclose(got, inside, atol=1e-5)


def test_a_missing_interval_leaves_a_break_and_both_its_beats():
    whole = intervals(rhythm())
    kept = np.arange(len(whole.at_s)) != np.searchsorted(whole.at_s, 130)
    broken = irregular(whole.at_s[kept], whole.samples_CN[:, kept].T, "s", place=lines("made", 1))
    got = beats_within(broken, 100.0, 60.0)
    assert np.isnan(got).sum() == 1
    np.testing.assert_allclose(got[~np.isnan(got)], beats_within(whole, 100.0, 60.0), atol=1e-5)
    assert np.nanmax(np.diff(got)) < 1.2


def test_too_little_coverage_gives_none():
    whole = intervals(rhythm())
    kept = (whole.at_s < 115) | (whole.at_s > 130)
    part = irregular(whole.at_s[kept], whole.samples_CN[:, kept].T, "s", place=lines("made", 1))
    assert len(beats_within(part, 100.0, 60.0)) == 0
    assert len(beats_within(part, 118.0 - 60, 60.0)) > 50


@pytest.mark.parametrize("lag_s", [-7.3, 0.0, 14.4])
def test_the_hosts_lag_is_found(lag_s):
    beats_s = rhythm()
    late = intervals(beats_s + lag_s)
    found = beats_s + np.random.default_rng(1).normal(size=len(beats_s)) * 0.01
    assert host_lag_s(late, np.delete(found, slice(None, None, 17))) == pytest.approx(lag_s, abs=0.5)


def test_intervals_of_somebody_else_have_no_lag():
    rng = np.random.default_rng(5)
    other = np.cumsum(0.9 + 0.15 * rng.normal(size=300).clip(-2, 2))
    assert host_lag_s(intervals(other), rhythm()) is None
    assert host_lag_s(intervals(rhythm(20)), rhythm(20)) is None


def test_rows_are_padded_with_nan():
    rows = padded([np.array([1, 2], np.float32), np.array([], np.float32)], fewest=3)
    assert rows.shape == (2, 3)
    assert rows.isnan().tolist() == [[False, False, True], [True, True, True]]
