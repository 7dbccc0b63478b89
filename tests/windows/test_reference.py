"""Labels from an ECG: those of the beats it was made of, and nothing where it does not cover a window."""

import dataclasses

import numpy as np
import pytest

from edgeacc.recordings.recording import Recording, irregular, lines, regular
from edgeacc.windows.reference import reference_of

SECONDS = 240
STARTS_S = 100.0 + 60.0 * np.arange(4)


@pytest.fixture(scope="module")
def beats_s():
    generator = np.random.default_rng(0)
    beats = 0.5 + np.cumsum(0.85 + 0.05 * generator.standard_normal(300).clip(-2, 2))
    return beats[beats < SECONDS]


@pytest.fixture
def recording(beats_s):
    time_s = np.arange(SECONDS * 250) / 250
    ecg = np.exp(-0.5 * ((time_s[:, None] - beats_s[None]) / 0.01) ** 2).sum(1)
    nothing = np.zeros((SECONDS * 64, 3), np.float32)
    return Recording(
        participant="anna",
        device="made",
        format="made",
        acc=regular(nothing, "g", 100.0, 64.0),
        ppg=regular(nothing[:, :1], "au", 100.0, 64.0),
        ecg=regular(ecg[:, None], "mV", 100.0, 250.0),
    )


def expected(beats_s, start_s):
    inside = beats_s[(beats_s >= start_s) & (beats_s < start_s + 60)]
    intervals = np.diff(inside)
    return 60 / intervals.mean(), 1000 * intervals.std(ddof=1), 1000 * np.sqrt((np.diff(intervals) ** 2).mean())


@pytest.mark.integration
def test_peaks_found_in_the_ecg(recording, beats_s):
    told = reference_of(recording, STARTS_S, 60.0)
    assert told.source == "R peaks found in the ECG"
    for row in range(4):
        hr, sdnn, rmssd = expected(beats_s, 60.0 * row)
        assert float(told.labels["hr_bpm"][row]) == pytest.approx(hr, rel=0.005)
        assert float(told.labels["sdnn_ms"][row]) == pytest.approx(sdnn, abs=2)
        assert float(told.labels["rmssd_ms"][row]) == pytest.approx(rmssd, abs=3)
        assert float(told.labels["reference_quality"][row]) > 0.95


@pytest.mark.integration
def test_marked_peaks_go_first(recording, beats_s):
    marked = irregular(100.0 + beats_s[2::2], (beats_s[2::2] - beats_s[:-2:2])[:, None], "s", place=lines("made", 1))
    told = reference_of(dataclasses.replace(recording, reference=marked), STARTS_S, 60.0)
    assert told.source == "marked R peaks"
    assert float(told.labels["hr_bpm"][0]) == pytest.approx(35, abs=1)


def test_a_window_that_is_not_covered_has_no_truth(recording):
    ecg = recording.ecg.samples_CN.copy()
    ecg[:, 60 * 250 : 85 * 250] = np.nan
    spoiled = dataclasses.replace(recording, ecg=dataclasses.replace(recording.ecg, samples_CN=ecg))
    told = reference_of(spoiled, STARTS_S, 60.0)
    assert told.labels["hr_bpm"].isnan().tolist() == [False, True, False, False]
    assert told.labels["reference_quality"].isnan().tolist() == [False, True, False, False]


@pytest.mark.integration
def test_without_a_reference_there_is_none(recording):
    assert reference_of(dataclasses.replace(recording, ecg=None), STARTS_S, 60.0) is None
    flat = dataclasses.replace(recording.ecg, samples_CN=np.zeros_like(recording.ecg.samples_CN))
    assert reference_of(dataclasses.replace(recording, ecg=flat), STARTS_S, 60.0) is None
    slow = dataclasses.replace(recording.ecg, rate_hz=32.0)
    assert reference_of(dataclasses.replace(recording, ecg=slow), STARTS_S, 60.0) is None
