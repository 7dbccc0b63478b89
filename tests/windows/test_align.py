import numpy as np
import pytest

from edgeacc.errors import BadInput
from edgeacc.recordings.recording import Recording, irregular, lines, regular
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.align import BLOCK, align


def chirp(t_s):
    """A signal whose shape tells the time: nothing above 9 Hz within a minute."""
    return np.sin(2 * np.pi * (1.0 * t_s + 0.06 * t_s**2))


def recording(acc, ppg):
    return Recording(participant="p", device="d", format="f", acc=acc, ppg=ppg)


def sampled(start_s, end_s, rate_hz, channels, jitter_s=0.0):
    t_s = np.arange(start_s, end_s, 1 / rate_hz)
    return t_s + np.random.default_rng(0).uniform(-jitter_s, jitter_s, len(t_s)), channels


def regular_stream(start_s, end_s, rate_hz, channels):
    t_s, _ = sampled(start_s, end_s, rate_hz, channels)
    return regular(np.repeat(chirp(t_s)[:, None], channels, 1), "g", start_s, rate_hz)


def irregular_stream(start_s, end_s, rate_hz, channels):
    t_s, _ = sampled(start_s, end_s, rate_hz, channels, jitter_s=1e-3)
    return irregular(t_s, np.repeat(chirp(t_s)[:, None], channels, 1), "g", place=lines("made", 1))


STREAMS = [
    (regular_stream(0.0, 60.0, 32.0, 3), regular_stream(0.0, 60.0, 64.0, 1)),
    (regular_stream(10.0, 60.0, 32.0, 3), regular_stream(0.0, 70.0, 64.0, 1)),  # streams do not start together
    (regular_stream(0.0, 60.0, 64.0, 3), regular_stream(1.2345, 55.0, 64.0, 1)),  # between the grid's points
    (regular_stream(0.0, 60.0, 63.9999, 3), regular_stream(0.0, 60.0, 100.0, 1)),
    (regular_stream(0.0, 60.0, 256.0, 3), regular_stream(0.0, 60.0, 51.7, 1)),
    (irregular_stream(0.0, 60.0, 52.0, 3), irregular_stream(0.4, 60.0, 130.0, 2)),
]


@pytest.mark.parametrize(("acc", "ppg"), STREAMS)
def test_both_streams_land_on_one_grid_in_time(acc, ppg):
    aligned = align(recording(acc, ppg), DEFAULT)
    assert aligned.start_s == max(acc.start_s, ppg.start_s)
    count = aligned.samples
    assert aligned.ppg[0:count].shape == (ppg.samples_CN.shape[0], count)
    assert (count - 1) / 64 == pytest.approx(min(acc.end_s, ppg.end_s) - aligned.start_s, abs=1 / 64)
    t_s = aligned.start_s + np.arange(count) / 64
    inside = slice(128, -128)
    for x_CN in (aligned.acc_g[0 : aligned.samples], aligned.ppg[0 : aligned.samples]):
        assert np.abs(x_CN - chirp(t_s))[:, inside].max() < 0.02  # 0.02 is 0.4 ms at 8 Hz


def test_streams_that_do_not_overlap_are_refused():
    acc, ppg = regular_stream(0.0, 10.0, 64.0, 3), regular_stream(10.5, 20.0, 64.0, 1)
    with pytest.raises(BadInput, match=r"accelerometer \(0\.0 to 10\.0 s\) and PPG .* do not overlap"):
        align(recording(acc, ppg), DEFAULT)


@pytest.mark.parametrize("rate_hz", [32.0, 64.0, 51.7])
def test_short_gaps_are_filled_and_long_ones_stay(rate_hz):
    acc = regular_stream(0.0, 30.0, rate_hz, 3)
    acc.samples_CN[1, (acc.at_s > 5) & (acc.at_s < 5.2)] = np.nan
    acc.samples_CN[2, (acc.at_s > 20) & (acc.at_s < 20.6)] = np.nan
    aligned = align(recording(acc, regular_stream(0.0, 30.0, 64.0, 1)), DEFAULT)
    missing_s = np.flatnonzero(np.isnan(aligned.acc_g[0 : aligned.samples]).any(0)) / 64
    assert missing_s.min() == pytest.approx(20.0, abs=0.05)
    assert missing_s.max() == pytest.approx(20.6, abs=0.05)
    assert not np.isnan(aligned.ppg[0 : aligned.samples]).any()


def test_a_gap_between_times_stays():
    whole = irregular_stream(0.0, 30.0, 52.0, 3)
    kept = (whole.at_s < 10) | (whole.at_s > 11)
    acc = irregular(whole.at_s[kept], whole.samples_CN[:, kept].T, "g", place=lines("made", 1))
    aligned = align(recording(acc, regular_stream(0.0, 30.0, 64.0, 1)), DEFAULT)
    missing_s = aligned.start_s + np.flatnonzero(np.isnan(aligned.acc_g[0 : aligned.samples]).any(0)) / 64
    assert missing_s.min() == pytest.approx(10, abs=0.05)
    assert missing_s.max() == pytest.approx(11, abs=0.05)


def test_blocks_join_without_a_seam():
    """Two hours of a sine, regular, shifted and irregular: every block's end as its middle."""
    for rate_hz, start_s in ((32.0, 0.0), (100.0, 0.005), (52.3, 0.0)):
        time_s = start_s + np.arange(int(7200 * rate_hz)) / rate_hz
        acc = np.sin(2 * np.pi * 3 * time_s)[:, None].repeat(3, 1)
        stream = regular(acc, "g", start_s, rate_hz)
        light = regular(np.zeros((7200 * 64, 1)), "au", 0.0, 64.0)
        aligned = align(recording(stream, light), DEFAULT)
        whole = aligned.acc_g[0 : aligned.samples]
        grid_s = aligned.start_s + np.arange(aligned.samples) / 64
        error = np.abs(whole[0] - np.sin(2 * np.pi * 3 * grid_s))[640:-640]
        assert error.max() < 0.002
        middle = aligned.acc_g[BLOCK - 100 : BLOCK + 100]
        np.testing.assert_array_equal(middle, whole[:, BLOCK - 100 : BLOCK + 100])
