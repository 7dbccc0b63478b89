from pathlib import Path

import numpy as np
import pytest

from edgeacc.errors import BadInput
from edgeacc.recordings import polar

REAL = Path("../shared/data/polar_verity_sense")


def test_a_folder_becomes_a_recording(tmp_path, write_polar):
    recording = polar.read(write_polar(tmp_path / "p"), "p")
    assert recording.acc.samples_CN.shape == (3, 52 * 70)
    assert recording.acc.samples_CN[0, 0] == pytest.approx(-0.777)
    assert recording.acc.rate_hz == pytest.approx(52, rel=1e-6)
    assert recording.acc.step == pytest.approx(0.001, abs=1e-6)
    assert recording.ppg.samples_CN.shape == (3, 55 * 70)
    assert recording.ppg.samples_CN[0, 0] == pytest.approx(-(260_000 + 600))
    assert recording.acc.start_s == pytest.approx(704_201_974.831254116, abs=1e-6)


def test_the_light_is_turned_so_that_the_upstroke_is_positive(tmp_path, write_polar):
    rise = np.diff(polar.read(write_polar(tmp_path / "p"), "p").ppg.samples_CN[0])
    assert rise.max() > 2 * -rise.min()


def test_intervals_are_those_that_the_sensor_trusts_on_the_hosts_clock(tmp_path, write_polar):
    intervals = polar.read(write_polar(tmp_path / "p"), "p").intervals
    assert intervals.clock == "host"
    assert intervals.samples_CN.shape == (1, 67)
    # The interval that began 3 s after the first accelerometer sample ends one second later.
    assert intervals.start_s == pytest.approx(704_201_974.831254 + 4, abs=0.002)


def test_without_the_last_semicolon_and_without_intervals(tmp_path, write_polar):
    folder = write_polar(tmp_path / "p", ppi=None)
    whole = polar.read(folder, "p")
    file = folder / "Polar_Sense_PPG.txt"
    file.write_text(file.read_text().replace(";\n", "\n"))
    again = polar.read(folder, "p")
    np.testing.assert_array_equal(again.ppg.samples_CN, whole.ppg.samples_CN)
    assert again.intervals is None


def test_recognised_by_content_under_any_name(tmp_path, write_polar):
    folder = write_polar(tmp_path / "p")
    (folder / "Polar_Sense_ACC.txt").rename(folder / "one.txt")
    assert polar.recognise(folder)
    assert polar.read(folder, "p").acc.samples_CN.shape == (3, 52 * 70)
    for file in folder.iterdir():
        file.unlink()
    (folder / "Polar_Sense_ACC.txt").write_text("something else\n")
    assert not polar.recognise(folder)


ACC = "Phone timestamp;sensor timestamp [ns];X [mg];Y [mg];Z [mg]\n"
PPG = "Phone timestamp;sensor timestamp [ns];channel 0;ambient\n2022-04-25T11:39:36.978;1;2;3"
ROW = "2022-04-25T11:39:36.978;{};1;2;3"
MALFORMED = [
    (
        {"ppg": None},
        "ppg stream: none of Polar_Sense_ACC.txt, Polar_Sense_PPI.txt",
        "one file with the header channel 0",
    ),
    ({"acc": ACC.strip()}, r"Polar_Sense_ACC\.txt has no samples", "rows of Phone timestamp; "),
    ({"acc": ACC + ROW.format("soon")}, r"line 2: sensor timestamp \[ns\] is 'soon', expected a whole number", ""),
    ({"acc": ACC + ROW.format(1) + "\n2022;2;1"}, r"line 3: 3 cell\(s\), expected 5", ""),
    ({"acc": ACC + "\n".join(ROW.format(at) for at in (5, 9, 7))}, "line 4: time does not go forward", "ascending"),
    ({"acc": ACC + ROW.format(5)}, r"Polar_Sense_ACC\.txt, line 2: 1 sample", "two samples"),
    (
        {"acc": ACC + "soon;5;1;2;3\nlater;6;1;2;3"},
        r"line 2: Phone timestamp is 'soon', expected a time such as 2022-04-25T11:39:36",
        "rows of",
    ),
    ({"acc": ACC + "\n".join(ROW.format(at) for at in (1, 9, 17))}, r"line 2: 1\.25e\+08 samples per second", "unit"),
    ({"ppg": PPG.replace("channel", "kanal")}, r"PPG\.txt, line 1 lacks channel 0", "ambient"),
    ({"ppi": "Phone timestamp;PP-interval [ms]\n"}, r"PPI\.txt, line 1 lacks error estimate \[ms\]", "PP-interval"),
]


@pytest.mark.parametrize(("texts", "told", "valid"), MALFORMED)
def test_malformed_files_are_told_by_file_and_line(tmp_path, write_polar, texts, told, valid):
    folder = write_polar(tmp_path / "p", **texts)
    with pytest.raises(BadInput, match=told) as caught:
        polar.read(folder, "p")
    assert valid in caught.value.valid


def test_a_stream_that_is_there_twice(tmp_path, write_polar):
    folder = write_polar(tmp_path / "p")
    (folder / "again.txt").write_text((folder / "Polar_Sense_ACC.txt").read_text())
    with pytest.raises(BadInput, match=r"acc stream: Polar_Sense_ACC\.txt, again\.txt"):
        polar.read(folder, "p")


@pytest.mark.skipif(not REAL.exists(), reason="the real Polar recording is not here")
def test_the_real_recording():
    recording = polar.read(REAL, "p")
    assert recording.acc.rate_hz == pytest.approx(51.7, abs=0.1)
    assert recording.ppg.rate_hz == pytest.approx(54.75, abs=0.1)
    assert recording.acc.samples_CN.shape == (3, 26_526)
    assert recording.ppg.samples_CN.shape == (3, 28_143)
    rise = np.diff(recording.ppg.samples_CN[0])
    assert np.percentile(rise, 99.5) > 1.3 * -np.percentile(rise, 0.5)
