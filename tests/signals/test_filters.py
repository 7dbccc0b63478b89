import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from edgeacc.errors import BadInput
from edgeacc.signals.filters import band_pass, band_pass_taps, low_pass_taps

RATE_HZ = 64.0
ACC_HZ, PPG_HZ = (4.0, 18.0), (0.4, 8.0)


def response(band_hz, at_hz):
    _, h = signal.freqz(band_pass_taps(RATE_HZ, band_hz), worN=np.asarray(at_hz, float), fs=RATE_HZ)
    return np.abs(h)


@pytest.mark.parametrize(
    ("band_hz", "stopped_hz", "passed_hz"),
    [
        (ACC_HZ, (*np.linspace(0, 3, 61), *np.linspace(19, 32, 61)), np.linspace(5, 17, 121)),
        (PPG_HZ, (*np.linspace(0, 0.2, 21), *np.linspace(8.25, 32, 61)), np.linspace(0.61, 7.79, 121)),
    ],
)
def test_response_is_as_the_docstring_says(band_hz, stopped_hz, passed_hz):
    assert response(band_hz, stopped_hz).max() < 0.002
    assert np.abs(response(band_hz, passed_hz) - 1).max() < 0.002
    assert response(band_hz, band_hz) == pytest.approx([0.5, 0.5], abs=0.01)


@pytest.mark.parametrize("band_hz", [ACC_HZ, PPG_HZ])
def test_taps_are_symmetric_odd_and_sum_to_zero(band_hz):
    taps = band_pass_taps(RATE_HZ, band_hz)
    assert len(taps) % 2 == 1
    np.testing.assert_allclose(taps, taps[::-1], atol=1e-15)
    assert abs(taps.sum()) < 1e-12


@pytest.mark.parametrize("world", [np.asarray, torch.tensor])
def test_nothing_moves_in_time(world):
    impulse = np.zeros((1, 3840), np.float32)
    impulse[0, 1000] = 1
    for band_hz in (ACC_HZ, PPG_HZ):
        assert int(band_pass(world(impulse), RATE_HZ, band_hz)[0].argmax()) == 1000
    t_s = np.arange(3840) / RATE_HZ
    tone = np.sin(2 * np.pi * 7 * t_s).astype(np.float32)[None]
    got = np.asarray(band_pass(world(tone), RATE_HZ, ACC_HZ))
    np.testing.assert_allclose(got[0, 64:-64], tone[0, 64:-64], atol=2e-3)


def test_gravity_breathing_and_movement_vanish_from_the_accelerometer():
    t_s = np.arange(3840) / RATE_HZ
    slow = 1.0 + 0.03 * np.sin(2 * np.pi * 0.25 * t_s) + 0.03 * np.sin(2 * np.pi * 1.9 * t_s)
    heart = 0.002 * np.sin(2 * np.pi * 6 * t_s)
    got = band_pass((slow + heart)[None], RATE_HZ, ACC_HZ)[0, 64:-64]
    assert np.abs(got - heart[64:-64]).max() < 1e-4


@pytest.mark.parametrize("band_hz", [ACC_HZ, PPG_HZ])
@pytest.mark.parametrize("offset", [0.0, 1.0, 2.6e5])
def test_numpy_and_torch_agree_to_1e_5(band_hz, offset):
    # A PPG of large counts also has large pulses: its quantum in float32 would else be all there is.
    x = (np.random.default_rng(0).normal(size=(3, 2, 3840)) * max(1, offset / 100) + offset).astype(np.float32)
    reference = band_pass(x, RATE_HZ, band_hz)
    got = band_pass(torch.tensor(x), RATE_HZ, band_hz).numpy()
    assert np.abs(got - reference).max() / reference.std() < 1e-5


@settings(deadline=None, max_examples=30)
@given(st.floats(-1e6, 1e6, width=32), st.sampled_from([ACC_HZ, PPG_HZ]))
def test_a_constant_gives_exact_zeros(value, band_hz):
    x = np.full((1, 600), value, np.float32)
    assert not band_pass(x, RATE_HZ, band_hz).any()
    assert not band_pass(torch.tensor(x), RATE_HZ, band_hz).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_and_shape_are_kept(dtype):
    x = np.random.default_rng(0).normal(size=(2, 3, 960)).astype(dtype)
    assert band_pass(x, RATE_HZ, ACC_HZ).dtype == dtype
    assert band_pass(torch.tensor(x), RATE_HZ, ACC_HZ).numpy().dtype == dtype
    assert band_pass(x, RATE_HZ, ACC_HZ).shape == x.shape == tuple(band_pass(torch.tensor(x), RATE_HZ, ACC_HZ).shape)
    assert band_pass(torch.tensor(x).half(), RATE_HZ, ACC_HZ).dtype == torch.float32


@pytest.mark.parametrize("band_hz", [(0.0, 8.0), (8.0, 4.0), (4.0, 31.9), (4.0, 40.0)])
def test_a_band_that_does_not_fit_is_refused(band_hz):
    with pytest.raises(BadInput, match="does not fit a rate of 64 Hz"):
        band_pass_taps(RATE_HZ, band_hz)


def test_a_window_shorter_than_half_the_filter_is_refused():
    with pytest.raises(BadInput, match="59 samples are too few") as caught:
        band_pass(np.zeros((1, 59)), RATE_HZ, ACC_HZ)
    assert caught.value.valid == "more than 59 samples"
    assert band_pass(np.zeros((1, 60)), RATE_HZ, ACC_HZ).shape == (1, 60)


def test_low_pass_passes_constants_and_stops_above():
    taps = low_pass_taps(128.0, 14.4, 3.2)
    _, h = signal.freqz(taps, worN=np.array([0, 12.7, 14.4, 16.1, 40]), fs=128.0)
    assert np.abs(h) == pytest.approx([1, 1, 0.5, 0, 0], abs=2e-3)
