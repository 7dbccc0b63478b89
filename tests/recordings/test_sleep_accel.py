import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.recordings import sleep_accel
from edgeacc.recordings.registry import find


def rows(seconds=10, start=-5.0, scale=1.0):
    t = start + np.arange(50 * seconds) / 50 + np.random.default_rng(0).uniform(0, 0.004, 50 * seconds)
    return [f"{at:.6f} {0.01 * scale:.7f} {0.6 * scale:.7f} {0.8 * scale:.7f}" for at in t]


@pytest.fixture
def write(tmp_path):
    def write(lines, rates="1.5,60\n6.5,62\n", name="46343_acceleration.txt"):
        for folder in ("motion", "heart_rate"):
            (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / "motion" / name).write_text("\n".join(lines) + "\n")
        if rates is not None:
            (tmp_path / "heart_rate" / "46343_heartrate.txt").write_text(rates)
        return tmp_path / "motion" / name

    return write


def test_a_night_becomes_a_recording(write, tmp_path):
    path = write(rows())
    assert sleep_accel.recognise(path)
    (recording,) = sleep_accel.read(path, "motion")
    assert (recording.participant, recording.ppg, recording.intervals) == ("46343", None, None)
    assert recording.acc.rate_hz == pytest.approx(50, abs=0.1)
    assert recording.acc.start_s == pytest.approx(-5, abs=0.01)
    assert np.linalg.norm(recording.acc.samples_CN, axis=0).mean() == pytest.approx(1, abs=0.001)
    assert "heart rate of the watch, not beats: 2 values, median 61 a minute" in recording.notes
    assert [one.format for one in find(tmp_path)] == ["sleep-accel"]


def test_gaps_part_it_and_repeated_rows_are_left_out(write):
    made = rows()
    parts = list(sleep_accel.read(write([*rows(start=-500), *rows(1, -300), *made[:5], made[4], *made[5:]]), "p"))
    assert [part.acc.samples_CN.shape[1] for part in parts] == [500, 500]
    assert "1 repeated row(s) left out" in parts[0].notes


def test_without_heart_rates(write):
    (recording,) = sleep_accel.read(write(rows(), None), "p")
    assert "no heart rate beside the file" in recording.notes


def test_other_files_are_not_recognised(write, tmp_path):
    assert not sleep_accel.recognise(tmp_path)
    for lines in (["1 2 3 4", "5 6 7 8"], ["a b c d"], [""], ["1,2,3,4"] * 5, ["1 0 0 1"], ["nan 0 0 1"] * 9):
        assert not sleep_accel.recognise(write(lines))


WRONG = [
    ([""], None, r"acceleration\.txt, line 1: 1 cell"),
    (rows(1), None, "50 rows in 1 part"),
    ([*rows()[:7], "1 2 3"], None, r"line 8: 3 cell\(s\), expected 4"),
    ([*rows()[:7], "1 2 inf 3"], None, "line 8: y is 'inf'"),
    ([*rows(), *rows()], None, "line 501: time does not go forward"),
    ([*rows()[:10], rows()[9], *rows()[10:], *rows()], None, "line 502: time does not go forward"),
    (rows(scale=9.81), None, r"the median magnitude is 9\.81"),
    (rows(), "1.5;60\n", r"heartrate\.txt, line 1: 1 cell"),
    (rows(), "1.5,60\n2.5,600\n", r"heartrate\.txt, line 2: a heart rate of 600"),
]


@pytest.mark.parametrize(("lines", "rates", "told"), WRONG)
def test_wrong_files(write, lines, rates, told):
    with pytest.raises(BadInput, match=told) as caught:
        list(sleep_accel.read(write(lines, rates), "p"))
    assert "46343" in caught.value.problem
    assert "\n" not in caught.value.problem


@pytest.mark.integration
@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="0123456789.-e \nnaif", max_size=60), st.integers(0, 300))
def test_no_text_makes_it_fall_over(tmp_path_factory, text, count):
    path = tmp_path_factory.mktemp("sleep") / "a.txt"
    path.write_text("\n".join(rows()[:count]) + "\n" + text)
    told = None
    sleep_accel.recognise(path)
    try:
        assert all(recording.ppg is None for recording in sleep_accel.read(path, "p"))
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "a.txt" in told
