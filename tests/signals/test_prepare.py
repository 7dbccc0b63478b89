import numpy as np
import pytest
import torch

from edgeacc.errors import BadInput
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.signals.filters import band_pass
from edgeacc.signals.prepare import prepare_acc, prepare_ppg
from edgeacc.signals.standardize import z_score


def raw(channels, seed=0):
    return np.random.default_rng(seed).normal(size=(2, channels, DEFAULT.samples)).astype(np.float32) + 1


def test_steps_run_in_the_declared_order():
    acc_g = raw(3)
    prepared = prepare_acc(acc_g, DEFAULT)
    np.testing.assert_allclose(prepared, z_score(band_pass(acc_g, 64.0, DEFAULT.acc_band_hz)), atol=1e-6)
    np.testing.assert_allclose(prepared.std(-1), 1, atol=1e-4)  # the z-score came last
    swapped = SignalContract(steps=("fill_gaps", "z_score", "band_pass"))
    assert np.abs(prepare_acc(acc_g, swapped).std(-1) - 1).min() > 0.1  # ... and the contract's order is what counts


def test_both_worlds_give_the_same_float32():
    for prepare, channels in ((prepare_acc, 3), (prepare_ppg, 4)):
        reference = prepare(raw(channels), DEFAULT)
        got = prepare(torch.tensor(raw(channels)), DEFAULT)
        assert reference.dtype == np.float32
        assert got.dtype == torch.float32
        np.testing.assert_allclose(got.numpy(), reference, atol=1e-5)


def test_fewer_ppg_channels_are_repeated_in_a_cycle():
    for world in (np.asarray, torch.tensor):
        ppg = np.asarray(prepare_ppg(world(raw(3)), DEFAULT))
        assert ppg.shape == (2, 4, 3840)
        np.testing.assert_array_equal(ppg[:, 3], ppg[:, 0])
        assert np.abs(ppg[:, 2] - ppg[:, 0]).max() > 1


def test_more_ppg_channels_than_the_contract_has_are_not_left_out_in_silence():
    with pytest.raises(BadInput, match="a PPG of 5 channels"):
        prepare_ppg(raw(5), DEFAULT)


def test_a_frozen_axis_becomes_zeros_and_touches_no_other():
    acc_g = raw(3)
    acc_g[:, 1] = 0.981
    prepared = prepare_acc(acc_g, DEFAULT)
    assert not prepared[:, 1].any()
    np.testing.assert_array_equal(prepared[:, 0], prepare_acc(raw(3), DEFAULT)[:, 0])


def test_a_short_gap_is_filled_and_a_long_one_stays_visible():
    acc_g = raw(3)
    acc_g[0, 0, 100:112] = np.nan  # 0.19 s
    acc_g[1, 2, 100:113] = np.nan
    for world in (np.asarray, torch.tensor):
        prepared = np.asarray(prepare_acc(world(acc_g), DEFAULT))
        assert np.isfinite(prepared[0]).all()
        assert np.isnan(prepared[1, 2]).all()


def test_an_unknown_step_is_refused():
    with pytest.raises(BadInput, match="'smooth'") as caught:
        prepare_acc(raw(3), SignalContract(steps=("smooth",)))
    assert caught.value.valid == "band_pass, fill_gaps, z_score"
