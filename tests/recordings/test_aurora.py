import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.recordings import aurora
from edgeacc.recordings.recording import Recording

HEAD = "t\tekg\toptical\tpressure\taccel_x\taccel_y\taccel_z"


def rows(seconds=10, gravity=1.0, hz=500):
    t = np.arange(seconds * hz) / hz
    sway = 0.02 * np.sin(2 * np.pi * 8 * t)
    columns = (t, 0 * t, 100 * np.sin(2 * np.pi * t), 0 * t, sway, 0.6 * gravity + 0 * t, 0.8 * gravity + 0 * t)
    return ["\t".join(f"{cell:.6f}" for cell in row) for row in zip(*columns, strict=True)]


@pytest.fixture
def write(tmp_path):
    def write(lines, name="o000.initial.Supine_1.tsv", head=HEAD):
        (tmp_path / name).write_text("\n".join([head, *lines]) + "\n")
        return tmp_path / name

    return write


def test_a_measurement_becomes_a_recording(write):
    path = write(rows())
    assert aurora.recognise(path)
    recording = aurora.read(path, "measurements")
    assert recording.participant == "o000"
    assert (recording.acc.rate_hz, recording.acc.samples_CN.shape) == (100, (3, 1000))
    assert (recording.ppg.rate_hz, recording.ppg.samples_CN.shape) == (500, (1, 5000))
    assert np.linalg.norm(recording.acc.samples_CN, axis=0).mean() == pytest.approx(1, abs=0.001)
    expected = 0.02 * np.sin(2 * np.pi * 8 * np.arange(1000) / 100)
    np.testing.assert_allclose(recording.acc.samples_CN[0, 50:-50], expected[50:-50], atol=2e-4)
    assert recording.intervals is None


def test_without_gravity_it_is_marked(write):
    recording = aurora.read(write(rows(gravity=0), "any.tsv"), "p")
    assert recording.participant == "p"
    assert aurora.GRAVITY_FREE in recording.notes


def test_missing_samples_stay_missing(write):
    made = rows()
    for n in range(1000, 1500):
        made[n] = "\t".join([*made[n].split("\t")[:4], "", "", ""])
    missing = np.isnan(aurora.read(write(made), "p").acc.samples_CN[0]).nonzero()[0]
    assert set(range(200, 300)) <= set(missing.tolist()) <= set(range(198, 302))


def test_other_files_are_not_recognised(write, tmp_path):
    assert not aurora.recognise(tmp_path)
    assert not aurora.recognise(write(rows(1), head="t\tx\ty"))


def changed(at, cells):
    made = rows(2)
    made[at] = cells
    return made


WRONG = [
    ([], "has no samples"),
    (rows(10)[:20], "20 rows: "),
    (rows(10, hz=250), "column t has 250 rows per second"),
    (rows(10)[:500] + rows(10)[700:], r"line 502: time leaps by 0\.402"),
    (rows(10)[:500] + rows(10)[400:], "line 502: time does not go forward"),
    (changed(3, "0.006\t1\t2"), r"line 5: 3 cell\(s\), expected 7"),
    (changed(3, "0.006\t0\tbad\t0\t0\t0\t0"), "line 5: optical is 'bad'"),
    (changed(3, "0.006\t0\tinf\t0\t0\t0\t0"), "line 5: optical is 'inf'"),
    (changed(3, "\t0\t1\t0\t0\t0\t0"), "line 5: t is ''"),
    (rows(10, gravity=9.81), r"acceleration: the median magnitude is 9\.81"),
    (["\t".join([row.split("\t")[0], "0", "1", "0", "", "", ""]) for row in rows(10)], "channel 0 has no number"),
    (["\t".join([row.split("\t")[0], "0", "1", "0", "0", "0", "0"]) for row in rows(10)], "largest acceleration is 0"),
]


@pytest.mark.parametrize(("lines", "told"), WRONG)
def test_wrong_files(write, lines, told):
    with pytest.raises(BadInput, match=rf"Supine_1\.tsv.*{told}") as caught:
        aurora.read(write(lines), "p")
    assert "\n" not in caught.value.problem


def test_a_missing_column(write):
    with pytest.raises(BadInput, match="line 1 lacks optical"):
        aurora.read(write(rows(1), head=HEAD.replace("optical", "red")), "p")


@pytest.mark.integration
@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="0123456789.-e\t\nnaif", max_size=60), st.integers(0, 600))
def test_no_text_makes_it_fall_over(tmp_path_factory, text, count):
    path = tmp_path_factory.mktemp("aurora") / "a.tsv"
    path.write_text("\n".join([HEAD, *rows(2)[:count]]) + "\n" + text)
    told = None
    try:
        assert isinstance(aurora.read(path, "p"), Recording)
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "a.tsv" in told
