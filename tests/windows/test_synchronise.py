"""Streams that each count their own time: brought together where the heartbeat tells how, left alone where not."""

import dataclasses

import numpy as np
import pytest
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.simulate import simulate
from edgeacc.recordings.recording import Recording, regular
from edgeacc.signals.contract import DEFAULT
from edgeacc.signals.prepare import prepare_acc
from edgeacc.windows.align import align
from edgeacc.windows.cut import cut

LATE_S = 1.3


@pytest.fixture(scope="module")
def together():
    """Eight still simulated minutes of one person, at the contract's rate, turned to one gravity."""
    config = CohortConfig(preset="quiet", participants=1, windows_per_participant=16, seed=3)
    windows = simulate(config, torch.arange(16))
    still = (windows.labels["motion_mg"] < 20).nonzero()[:8, 0]
    assert len(still) == 8
    acc_g_BCT = windows.acc_g_BCT[still]
    acc_g_BCT = acc_g_BCT - acc_g_BCT.mean(-1, keepdim=True) + torch.tensor([[0.1], [-0.3], [0.95]])
    acc, ppg = (x_BCT.permute(0, 2, 1).flatten(0, 1).numpy() for x_BCT in (acc_g_BCT, windows.ppg_BCT[still]))
    return Recording("anna", "made", "made", regular(acc, "g", 100.0, 64.0), regular(ppg, "au", 100.0, 64.0))


def late(recording, by_s, known_s=0.0):
    """The PPG's clock set late."""
    ppg = dataclasses.replace(recording.ppg, start_s=recording.ppg.start_s + by_s)
    return dataclasses.replace(recording, ppg=ppg, ppg_late_s=known_s)


def test_a_shared_clock_is_left_alone(together):
    assert cut(together, DEFAULT).synchrony is None


@pytest.mark.parametrize("known_s", [0.0, 1.0])
def test_the_heartbeat_tells_the_delay(together, known_s):
    done = cut(late(together, LATE_S, known_s), DEFAULT)
    assert done.synchrony.windows_told == len(done.windows) >= 6
    assert done.synchrony.delay_s == pytest.approx((LATE_S, LATE_S), abs=0.4)


def test_each_window_holds_the_accelerometer_of_its_ppg(together):
    windows = cut(late(together, LATE_S), DEFAULT).windows
    for acc_CT, ppg_sample in zip(windows.acc_BCT.float(), windows.window_id_B.tolist(), strict=True):
        own = torch.from_numpy(together.acc.samples_CN[:, ppg_sample : ppg_sample + DEFAULT.samples])[None]
        own_CT = prepare_acc(own, DEFAULT)[0]
        shape = (3, 2 * DEFAULT.samples)
        spectrum = torch.fft.rfft(acc_CT, n=shape[1]).conj() * torch.fft.rfft(own_CT, n=shape[1])
        like = torch.fft.irfft(spectrum, n=shape[1]).sum(0)
        off = (int(like.argmax()) + DEFAULT.samples) % shape[1] - DEFAULT.samples
        assert abs(off / DEFAULT.rate_hz) < 0.4
        assert float(like.max()) > 0.9 * 3 * (DEFAULT.samples - abs(off))


def test_without_a_heartbeat_the_usual_delay_is_kept(together):
    noise = np.random.default_rng(0).normal(0, 0.002, together.acc.samples_CN.shape).astype(np.float32)
    still = dataclasses.replace(together.acc, samples_CN=noise + np.float32([[0.1], [-0.3], [0.95]]))
    done = cut(late(dataclasses.replace(together, acc=still), LATE_S, 0.5), DEFAULT)
    assert done.synchrony.windows_told == 0
    assert done.synchrony.delay_s == pytest.approx((0.5, 0.5), abs=0.01)


def test_too_few_windows_keep_the_usual_delay(together):
    samples = 3 * DEFAULT.samples + 200
    short = dataclasses.replace(
        together,
        acc=dataclasses.replace(together.acc, samples_CN=together.acc.samples_CN[:, :samples]),
        ppg=dataclasses.replace(together.ppg, samples_CN=together.ppg.samples_CN[:, :samples]),
    )
    done = cut(late(short, LATE_S, 1.0), DEFAULT)
    assert 0 < len(done.windows) < 4
    assert done.synchrony.windows_told == 0
    assert done.synchrony.delay_s == pytest.approx((1.0, 1.0), abs=0.01)


@pytest.mark.integration
def test_every_minute_is_accounted_for(together):
    recording = late(together, LATE_S)
    done = cut(recording, DEFAULT)
    aligned = align(recording, DEFAULT)
    kept_s = 60 * len(done.windows) + 15 * sum(done.rejected.values())
    assert kept_s <= aligned.samples / 64
    assert done.recorded_s - kept_s < 75


@pytest.mark.integration
def test_a_window_that_its_clock_moves_onto_a_fault_is_dropped(together):
    """The last window's pulse is half a second later than the others': these move it onto samples it did not hold."""
    last, end, behind = 4 * DEFAULT.samples, 5 * DEFAULT.samples, 300
    ppg_CN = together.ppg.samples_CN[:, : end + behind].copy()
    ppg_CN[:, last:] = np.roll(ppg_CN[:, last:], DEFAULT.samples // 120, axis=1)
    acc_CN = together.acc.samples_CN[:, : end + behind].copy()
    whole = dataclasses.replace(
        together,
        acc=dataclasses.replace(together.acc, samples_CN=acc_CN, range=2.0),
        ppg=dataclasses.replace(together.ppg, samples_CN=ppg_CN),
    )
    clipped_CN = acc_CN.copy()
    begin = end + round(LATE_S * DEFAULT.rate_hz) + 12  # behind the last window by the clock of all
    clipped_CN[:, begin : begin + 8] = 2.0
    clipped = dataclasses.replace(whole, acc=dataclasses.replace(whole.acc, samples_CN=clipped_CN))
    done, without = (cut(late(recording, LATE_S, LATE_S), DEFAULT) for recording in (whole, clipped))
    assert done.windows.window_id_B.tolist()[:-1] == without.windows.window_id_B.tolist()
    assert (done.rejected["saturated"], without.rejected["saturated"]) == (0, 4)
