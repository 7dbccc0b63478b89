import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.simulate import simulate
from edgeacc.recordings import polar
from edgeacc.recordings.recording import Recording, irregular, lines, regular
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.windows.cut import cut
from edgeacc.windows.from_cohort import cohort_windows

REAL = Path("../shared/data/polar_verity_sense")
CONFIG = CohortConfig(participants=1, windows_per_participant=6, seed=1)
SHORT = SignalContract(window_s=10)


@pytest.fixture(scope="module")
def raw():
    """Four still simulated windows."""
    windows = simulate(CONFIG, torch.arange(6))
    still = (windows.labels["motion_mg"] < 20).nonzero()[:4, 0]
    assert len(still) == 4
    return windows, still


@pytest.fixture
def recording(raw):
    """The four windows one behind the other, all turned to one gravity, as a device that is still gives them."""
    windows, still = raw
    acc_g_BCT = windows.acc_g_BCT[still]
    acc_g_BCT = acc_g_BCT - acc_g_BCT.mean(-1, keepdim=True) + torch.tensor([[0.1], [-0.3], [0.95]])
    acc_g_NC = acc_g_BCT.permute(0, 2, 1).reshape(-1, 3).numpy()
    ppg_NC = windows.ppg_BCT[still].permute(0, 2, 1).reshape(-1, 4).numpy()
    return Recording("anna", "made", "made", regular(acc_g_NC, "g", 100.0, 64.0), regular(ppg_NC, "au", 100.0, 64.0))


def beat_intervals(cut_windows, start_s, clock="sensor", lag_s=0.0):
    row = cut_windows.beats_BK
    beats_s = (row.double() + start_s + 60 * torch.arange(len(row))[:, None]).flatten().numpy()
    beats_s = beats_s[~np.isnan(beats_s)] + lag_s
    return irregular(beats_s[1:], np.diff(beats_s)[:, None], "s", place=lines("made", 1), clock=clock)


def test_a_still_recording_becomes_the_windows_it_was_made_of(raw, recording):
    done = cut(recording, DEFAULT, participant=7, number=3)
    expected = cohort_windows(CONFIG, raw[1])
    torch.testing.assert_close(done.windows.acc_BCT, expected.acc_BCT, rtol=0, atol=5e-3)
    assert torch.equal(done.windows.ppg_BCT, expected.ppg_BCT)
    assert torch.equal(done.windows.beats_BK.nan_to_num(-1), expected.beats_BK.nan_to_num(-1))
    assert done.windows.participant_B.tolist() == [7] * 4
    assert done.windows.window_id_B.tolist() == [3_000_000_000 + 3840 * n for n in range(4)]
    assert done.windows.labels["hr_bpm"].isnan().all()
    assert torch.equal(done.windows.labels["device_hr_bpm"], expected.labels["device_hr_bpm"])
    assert (done.windows.labels["device_intervals"] == 0).all()
    torch.testing.assert_close(done.windows.labels["motion_mg"], expected.labels["motion_mg"], rtol=1e-4, atol=1e-3)
    assert done.rejected == {}
    assert done.recorded_s == 240


def spoiled(recording, stream, change):
    samples_CN = getattr(recording, stream).samples_CN.copy()
    change(samples_CN)
    return dataclasses.replace(
        recording, **{stream: dataclasses.replace(getattr(recording, stream), samples_CN=samples_CN)}
    )


def fill(channel, first, last, value):
    def change(samples_CN):
        samples_CN[channel, first:last] = value

    return change


def shake(samples_CN):
    samples_CN[0, 4000:7000] += 0.2 * np.sin(np.arange(3000) / 5)


@pytest.mark.parametrize(
    ("stream", "change", "reason"),
    [
        ("acc", fill(1, 5000, 5030, np.nan), "gap"),
        ("ppg", fill(slice(None), 5000, 5030, np.nan), "gap"),
        ("acc", fill(1, 5000, 5004, 8.0), "saturated"),
        ("acc", fill(2, 4600, 6600, 0.9), "frozen_axis"),
        ("ppg", fill(3, 5000, 5050, 2.0), "flat_ppg"),
        ("acc", shake, "motion"),
    ],
)
def test_a_fault_costs_the_windows_around_it_and_is_named(recording, stream, change, reason):
    done = cut(spoiled(recording, stream, change), DEFAULT)
    assert set(done.rejected) == {reason}
    assert len(done.windows) in (2, 3)
    # Every second is kept, lost by reason, or left over at the end.
    left_s = done.recorded_s - 60 * len(done.windows) - 15 * done.rejected.total()
    assert 0 <= left_s < 60


def test_a_short_gap_costs_nothing(recording):
    done = cut(spoiled(recording, "acc", fill(1, 5000, 5012, np.nan)), DEFAULT)
    assert (len(done.windows), done.rejected) == (4, {})


def test_another_window_length(recording):
    done = cut(recording, SHORT)
    assert len(done.windows) == 24
    assert done.windows.acc_BCT.shape == (24, 3, 640)


def test_a_recording_without_any_good_window(recording):
    done = cut(spoiled(recording, "acc", fill(slice(None), 0, None, 8.0)), DEFAULT)
    assert len(done.windows) == 0
    assert set(done.rejected) == {"saturated"}
    short = dataclasses.replace(recording, acc=regular(recording.acc.samples_CN[:, :3000].T, "g", 100.0, 64.0))
    assert len(cut(short, DEFAULT).windows) == 0


@pytest.mark.parametrize(("clock", "lag_s"), [("sensor", 0.0), ("host", 12.0)])
def test_the_devices_intervals_label_the_windows(recording, clock, lag_s):
    found = cut(recording, DEFAULT).windows
    with_intervals = dataclasses.replace(recording, intervals=beat_intervals(found, 100.0, clock, lag_s))
    done = cut(with_intervals, DEFAULT)
    assert done.device.lag_s == pytest.approx(lag_s, abs=0.5)
    assert done.device.hr_difference_bpm < 0.5
    assert (done.windows.labels["device_intervals"] == 1).all()
    torch.testing.assert_close(done.windows.labels["device_hr_bpm"], found.labels["device_hr_bpm"], rtol=0, atol=1.0)


def test_no_difference_is_told_where_the_ppg_shows_no_beats(recording):
    intervals = beat_intervals(cut(recording, DEFAULT).windows, 100.0)
    slow_T = np.sin(2 * np.pi * 0.45 * np.arange(recording.ppg.samples_CN.shape[1]) / 64)  # 27 a minute: no heart
    slow = dataclasses.replace(recording.ppg, samples_CN=np.tile(slow_T, (4, 1)).astype(np.float32))
    done = cut(dataclasses.replace(recording, ppg=slow, intervals=intervals), DEFAULT)
    assert (done.windows.labels["device_intervals"] == 1).all()
    assert done.device.hr_difference_bpm is None


def test_intervals_on_a_foreign_clock_that_do_not_fit_are_not_used(recording):
    rng = np.random.default_rng(0)
    beats_s = 100 + np.cumsum(0.9 + 0.2 * rng.normal(size=250).clip(-2, 2))
    foreign = irregular(beats_s[1:], np.diff(beats_s)[:, None], "s", place=lines("made", 1), clock="host")
    done = cut(dataclasses.replace(recording, intervals=foreign), DEFAULT)
    assert done.device.lag_s is None
    assert (done.windows.labels["device_intervals"] == 0).all()


@pytest.mark.skipif(not REAL.exists(), reason="the real Polar recording is not here")
@pytest.mark.parametrize(("window_s", "fewest", "most"), [(15, 31, 32), (60, 7, 8)])
def test_the_real_polar_recording(window_s, fewest, most):
    done = cut(polar.read(REAL, "p"), SignalContract(window_s=window_s))
    assert fewest <= len(done.windows) <= most
    assert set(done.rejected) == {"motion"}
    hr_bpm = done.windows.labels["device_hr_bpm"]
    hr_bpm = hr_bpm[~hr_bpm.isnan()]
    assert 45 < hr_bpm.min()
    assert hr_bpm.max() < 58
    assert done.device.lag_s == pytest.approx(14.9, abs=0.6)
    assert done.device.hr_difference_bpm < 0.5


def test_a_reference_is_the_truth(recording):
    plain = cut(recording, DEFAULT)
    assert plain.reference is None
    marked = beat_intervals(plain.windows, recording.ppg.start_s)
    done = cut(dataclasses.replace(recording, reference=marked), DEFAULT)
    assert done.reference == "marked R peaks"
    torch.testing.assert_close(
        done.windows.labels["hr_bpm"], plain.windows.labels["device_hr_bpm"], rtol=0.01, atol=0.5
    )
    assert (done.windows.labels["reference_quality"] > 0.8).all()
    assert (done.windows.labels["device_intervals"] == 0).all()
