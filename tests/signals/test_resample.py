import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.signals.filters import filtered, low_pass_taps
from edgeacc.signals.resample import resample, to_grid, whole_ratio


def tone(hz, rate_hz, count):
    return np.sin(2 * np.pi * hz * np.arange(count) / rate_hz)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(32, 64), (52, 64), (100, 64), (256, 64), (64, 25)])
def test_content_below_the_edge_is_kept_in_place(from_hz, to_hz):
    hz = 0.35 * min(from_hz, to_hz)
    x = 1.0 + tone(hz, from_hz, from_hz * 20)[None]
    y = resample(x, from_hz, to_hz)
    assert y.shape[1] == (x.shape[1] - 1) * to_hz // from_hz + 1
    expected = 1.0 + tone(hz, to_hz, y.shape[1])
    inside = slice(2 * to_hz, -2 * to_hz)
    np.testing.assert_allclose(y[0, inside], expected[inside], atol=3e-3)


def test_content_above_the_new_half_rate_is_stopped():
    y = resample(tone(45, 256, 5120)[None], 256, 64)
    assert np.abs(y[0, 128:-128]).max() < 3e-3


@pytest.mark.parametrize(("from_hz", "to_hz"), [(32.0, 64.0), (125.0, 64.0), (64.0, 25.0), (99.9, 64.0)])
def test_it_is_stretching_filtering_and_thinning_with_reflected_edges(from_hz, to_hz):
    x = np.random.default_rng(0).normal(size=(2, 300)).cumsum(1)
    up, down = whole_ratio(from_hz, to_hz)
    half_hz = min(from_hz, to_hz) / 2
    stretched = np.zeros((2, 299 * up + 1))
    stretched[:, ::up] = x - x[:, :1]
    expected = filtered(stretched, up * low_pass_taps(from_hz * up, 0.9 * half_hz, 0.2 * half_hz))[:, ::down]
    np.testing.assert_allclose(resample(x, from_hz, to_hz), expected + x[:, :1], atol=1e-9)


def test_memory_does_not_grow_with_the_ratio():
    x = np.random.default_rng(0).normal(size=(1, 125 * 300))
    tracemalloc.start()
    resample(x, 125.0, 64.0)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 10 * x.nbytes  # at the rate between the two it is 64 times x


def test_a_constant_stays_and_equal_rates_do_nothing():
    x = np.full((3, 500), 0.981)
    np.testing.assert_array_equal(resample(x, 32, 64), np.full((3, 999), 0.981))
    assert resample(x, 64, 64) is x


def test_rates_without_a_whole_ratio_and_short_signals_are_refused():
    with pytest.raises(BadInput, match="in no whole ratio"):
        resample(np.zeros((1, 1000)), 51.7061234, 64)
    with pytest.raises(BadInput, match="too few to resample"):
        resample(np.zeros((1, 5)), 32, 64)


def test_irregular_samples_land_on_the_grid():
    rng = np.random.default_rng(0)
    t_s = np.arange(0, 30, 1 / 52) + rng.uniform(-2e-3, 2e-3, size=30 * 52)
    grid_s = np.arange(1, 29, 1 / 64)
    y = to_grid(t_s, np.sin(2 * np.pi * 6 * t_s)[None], grid_s)
    np.testing.assert_allclose(y[0], np.sin(2 * np.pi * 6 * grid_s), atol=0.01)


def test_the_outside_becomes_nan():
    t_s = np.arange(0, 10, 0.02)
    grid_s = np.arange(-1, 11, 1 / 64)
    y = to_grid(t_s, np.ones((2, len(t_s))), grid_s)
    missing = (grid_s < 0) | (grid_s > t_s[-1])
    np.testing.assert_array_equal(np.isnan(y[0]), missing)
    np.testing.assert_allclose(y[:, ~missing], 1)


@settings(deadline=None, max_examples=25)
@given(st.integers(20, 120), st.integers(20, 120), st.integers(0, 2**32 - 1))
def test_any_two_whole_rates(from_hz, to_hz, seed):
    x = np.random.default_rng(seed).normal(size=(1, 20 * from_hz))
    y = resample(x, float(from_hz), float(to_hz))
    assert y.shape[1] == (x.shape[1] - 1) * to_hz // from_hz + 1
    assert np.abs(y).max() < 3 * np.abs(x).max()
