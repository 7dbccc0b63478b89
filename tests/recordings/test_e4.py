from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.recordings import e4

REAL = Path("../shared/data/stress_predict")
START_S = 1_644_226_061


def test_a_folder_becomes_a_recording(tmp_path, write_e4):
    recording = e4.read(write_e4(tmp_path / "S01"), "S01")
    assert (recording.participant, recording.format) == ("S01", "empatica-e4")
    assert recording.acc.samples_CN.shape == (3, 70 * 32)
    assert (recording.acc.rate_hz, recording.acc.unit, recording.acc.start_s) == (32.0, "g", START_S)
    assert recording.acc.samples_CN[2].mean() == pytest.approx(60 / 64, abs=0.01)
    assert (recording.ppg.rate_hz, recording.ppg.samples_CN.shape) == (64.0, (1, 70 * 64))
    assert recording.acc.step == 1 / 64
    assert recording.acc.end_s == START_S + 70 - 1 / 32
    assert recording.intervals.at_s[:2].tolist() == [START_S + 2, START_S + 3]
    assert (recording.intervals.samples_CN == 1).all()


@pytest.mark.parametrize("text", [None, f"{START_S}.000000, IBI"])
def test_a_recording_without_intervals(tmp_path, write_e4, text):
    assert e4.read(write_e4(tmp_path / "S01", IBI_csv=text), "S01").intervals is None


def test_recognised_by_content(tmp_path, write_e4):
    assert e4.recognise(write_e4(tmp_path / "any name"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "ACC.csv").write_text("time,x,y,z\n0,1,2,3\n")
    (other / "BVP.csv").write_bytes(b"\xff\xfe\x00")
    assert not e4.recognise(other)
    assert not e4.recognise(other / "ACC.csv")


HEAD = f"{START_S},{START_S},{START_S}\n32,32,32\n"
MALFORMED = [
    ("ACC_csv", None, r"lacks ACC\.csv; it has BVP\.csv, HR\.csv, IBI\.csv", "ACC.csv and BVP.csv"),
    ("ACC_csv", "", r"ACC\.csv, lines 1 and 2", "line 1: start in Unix seconds"),
    ("ACC_csv", HEAD.strip(), r"ACC\.csv has no samples: nothing behind line 2", "rows of x, y, z"),
    ("ACC_csv", HEAD + "1,2,3\n1,2\n", r"ACC\.csv, line 4: 2 cell\(s\), expected 3", "rows of x, y, z"),
    ("ACC_csv", HEAD + "1,2,3\n1,two,3", r"ACC\.csv, line 4: y is 'two', expected a finite number", "rows of"),
    ("ACC_csv", HEAD + "1,2,3\n1,inf,3", r"ACC\.csv, line 4: y is 'inf', expected a finite number", "rows of"),
    ("ACC_csv", HEAD + "1,2,3\n1,1e31,3", r"ACC\.csv, line 4: y is '1e31', expected a finite number of at most", ""),
    ("ACC_csv", HEAD + "1,2,3\n\n1,2,3", r"ACC\.csv, line 4: ", "rows of x, y, z"),
    ("ACC_csv", "start\n32\n1,2,3", r"ACC\.csv, lines 1 and 2: \['start', '32'\]", "line 2: rate in Hz, 3 column"),
    ("BVP_csv", f"{START_S}\n0\n1\n", r"BVP\.csv, lines 1 and 2", "rate in Hz, 1 column"),
    ("ACC_csv", HEAD.replace("32\n", "16\n") + "1,2,3\n", r"ACC\.csv, line 2: '32,32,16'", "the same number"),
    ("BVP_csv", f"{START_S}\n0.5\n1\n", r"BVP\.csv, line 2: 0\.5 samples per second", "16 to 10000"),
    ("BVP_csv", HEAD + "1,2,3\n", r"BVP\.csv, lines 1 and 2", "rate in Hz, 1 column"),
    ("IBI_csv", "start, IBI\n1,1\n2,1", r"IBI\.csv, line 1: 'start'", "start in Unix seconds, IBI"),
    ("IBI_csv", f"{START_S}, beats\n1,1\n2,1", r"IBI\.csv, line 1: ' beats'", "start in Unix seconds, IBI"),
    ("IBI_csv", f"{START_S}, IBI\n1,1\n3,1\n2,1", r"IBI\.csv, line 4: time does not go forward", "ascending times"),
]


@pytest.mark.parametrize(("file", "text", "told", "valid"), MALFORMED)
def test_malformed_files_are_told_by_file_and_line(tmp_path, write_e4, file, text, told, valid):
    folder = write_e4(tmp_path / "S01", **{file: text})
    with pytest.raises(BadInput, match=told) as caught:
        e4.read(folder, "S01")
    assert valid in caught.value.valid


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200), st.sampled_from(["ACC.csv", "BVP.csv", "IBI.csv"]))
def test_no_content_makes_it_fall_over(tmp_path_factory, content, file):
    folder = tmp_path_factory.mktemp("e4")
    (folder / "ACC.csv").write_text(HEAD + "1,2,3\n1,2,4\n")
    (folder / "BVP.csv").write_text(f"{START_S}\n64\n1\n2\n")
    path = folder / file
    before = path.read_bytes() if path.exists() else f"{START_S}, IBI\n".encode()
    path.write_bytes(before + content)
    told = None
    try:
        recording = e4.read(folder, "S01")
        assert np.isfinite(recording.acc.samples_CN).all()
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or file in told


@pytest.mark.skipif(not REAL.exists(), reason="the real E4 recordings are not here")
def test_a_real_recording():
    recording = e4.read(REAL / "S01", "S01")
    assert recording.acc.samples_CN.shape == (3, 104_310)
    assert recording.ppg.samples_CN.shape == (1, 208_703)
    assert np.linalg.norm(recording.acc.samples_CN, axis=0).mean() == pytest.approx(1.0, abs=0.03)
    assert 60 / recording.intervals.samples_CN.mean() == pytest.approx(66, abs=5)


@pytest.mark.skipif(not REAL.exists(), reason="the real E4 recordings are not here")
def test_the_upstroke_of_a_real_pulse_is_positive():
    recording = e4.read(REAL / "S06", "S06")
    beats = np.round((recording.intervals.at_s - recording.ppg.start_s) * 64).astype(int)
    mean_beat = np.mean([recording.ppg.samples_CN[0, at - 16 : at + 32] for at in beats[10:-10]], axis=0)
    rise = np.gradient(mean_beat)
    assert rise.max() > 1.3 * -rise.min()
    assert 0 < (rise.argmax() - 16) / 64 < 0.15
