import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.recordings import tsdf

REAL = Path("../shared/data/verily_study_watch")
ROWS = 400
START_S = 1_624_812_740


def described(name, channels, units, factors, kind, bits):
    return {
        "file_name": name,
        "channels": channels,
        "units": units,
        "scale_factors": factors,
        "data_type": kind,
        "bits": bits,
        "endianness": "little",
    }


def metadata(name):
    """What the JSON file of a sensor says; `sensors` inherit what stands above them."""
    top = {
        "metadata_version": "0.1",
        "device_id": "Verily Study Watch",
        "start_iso8601": "2021-06-27T16:52:20Z",
        "rows": ROWS,
    }
    time = described(f"{name}_time.bin", ["time"], ["time_delta_ms"], [1], "float", 32)
    if name == "ppg":
        return top | {"sensors": [time, described("ppg_values.bin", ["green"], ["none"], [1], "int", 32)]}
    names = [f"acceleration_{axis}" for axis in "xyz"] + [f"rotation_{axis}" for axis in "xyz"]
    units = ["m/s/s"] * 3 + ["deg/s"] * 3
    values = described("imu_values.bin", names, units, [0.00469378] * 3 + [0.06] * 3, "int", 16)
    return top | {"scale_factors": [1], "sensors": [{"sensors": [time]}, values]}


def written(folder, imu=lambda meta: meta, ppg=lambda meta: meta, folders=("imu", "ppg"), **binaries):
    """Writes a recording of 4 s; `imu` and `ppg` change the metadata, `binaries` replace files."""
    where = {"imu": folder / "rec" / folders[0], "ppg": folder / "rec" / folders[1]}
    for name, change in (("imu", imu), ("ppg", ppg)):
        where[name].mkdir(parents=True, exist_ok=True)
        told = change(metadata(name))
        text = told if isinstance(told, str) else json.dumps(told)
        (where[name] / f"{name}_meta.json").write_text(text)
    acc = np.tile([0, 0, 2089, 5, 5, 5], (ROWS, 1))
    acc[:, 0] += np.arange(ROWS) % 3
    time = np.full(ROWS, 10.0, "<f4")
    time[0] = 0
    files = {
        "imu_time": time,
        "imu_values": acc.astype("<i2"),
        "ppg_time": time,
        "ppg_values": (700_000 + np.arange(ROWS) % 100).astype("<i4"),
    }
    for name, content in (files | binaries).items():
        (where[name[:3]] / f"{name}.bin").write_bytes(np.asarray(content).tobytes())
    return folder / "rec"


@pytest.fixture
def write(tmp_path):
    return partial(written, tmp_path)


def read(path):
    return list(tsdf.read(path, "p"))


@pytest.mark.parametrize("folders", [("imu", "ppg"), ("", ""), ("b", "a")])
def test_a_folder_becomes_a_recording(write, folders):
    path = write(folders=folders)
    assert tsdf.recognise(path)
    (recording,) = read(path)
    assert recording.acc.samples_CN.shape == (3, ROWS)
    assert recording.acc.samples_CN[2, 0] == pytest.approx(2089 * 0.00469378 / 9.80665)
    assert recording.acc.rate_hz == pytest.approx(100)
    assert recording.acc.start_s == recording.ppg.start_s == START_S
    assert recording.acc.end_s == pytest.approx(START_S + 3.99)
    assert recording.ppg.samples_CN[0, :2].tolist() == [-700_000, -700_001]
    assert recording.device == "Verily Study Watch"
    assert recording.notes == ("starts told to the second", "sign turned")


def test_a_set_of_such_folders_is_none_itself(write, tmp_path):
    write(folders=("", ""))
    assert not tsdf.recognise(tmp_path)
    assert not tsdf.recognise(tmp_path / "rec" / "imu_meta.json")
    (tmp_path / "rec" / "imu_meta.json").write_text('{"metadata_version": "0.1"}')
    assert not tsdf.recognise(tmp_path / "rec")


def test_an_accelerometer_alone(write):
    (recording,) = read(write() / "imu")
    assert recording.ppg is None
    assert recording.notes == ("starts told to the second",)


def test_a_long_recording_comes_in_parts(write, monkeypatch):
    monkeypatch.setattr(tsdf, "PART_S", 1.5)
    monkeypatch.setattr(tsdf, "CHUNK_ROWS", 70)
    parts = read(write())
    assert [part.acc.samples_CN.shape[1] for part in parts] == [150, 150, 100]
    times_s = np.concatenate([part.acc.times_s for part in parts])
    np.testing.assert_allclose(np.diff(times_s), 0.01, atol=1e-6)
    light = np.concatenate([part.ppg.samples_CN[0] for part in parts])
    np.testing.assert_array_equal(light, -(700_000 + np.arange(ROWS) % 100))


def test_times_since_the_start(write):
    def relative(meta):
        meta["sensors"][0]["units"] = ["relative_ms"]
        return meta

    (recording,) = read(write(ppg=relative, ppg_time=(np.arange(ROWS) * 20).astype("<f4")))
    assert recording.ppg.rate_hz == pytest.approx(50)


def at(*path, **entries):
    """A change of the metadata at a place: None leaves an entry out."""

    def change(meta):
        part = meta
        for key in path:
            part = part[key]
        part.update(entries)
        for key in [key for key, value in entries.items() if value is None]:
            del part[key]
        return meta

    return change


VALUES = ("sensors", 1)
TIME = ("sensors", 0, "sensors", 0)
BACK = np.full(ROWS, 10.0, "<f4")
BACK[[7, 9]] = 0, -10
LEAP = np.full(ROWS, 10.0, "<f4")
LEAP[9] = 90_000
MALFORMED = [
    ({"imu": lambda meta: json.dumps(meta)[:-1]}, r"imu_meta\.json is no JSON: ", "version 0.1"),
    ({"ppg": lambda meta: json.dumps(meta)[:-1]}, r"ppg_meta\.json is no JSON: ", "version 0.1"),
    ({"imu": lambda meta: "[" * 100_000 + '"metadata_version"'}, r"imu_meta\.json is no JSON", ""),
    ({"imu": at(*VALUES, file_name="../imu_values.bin")}, r"file_name '\.\./imu_values\.bin'", "same folder"),
    ({"imu": at(*VALUES, file_name="nowhere.bin")}, r"nowhere\.bin is not there", "4,800 bytes"),
    ({"imu": at(rows=None)}, r"imu_values\.bin: rows None", "a whole number"),
    ({"imu": at(rows=10**15)}, r"imu_values\.bin has 4,800 bytes", "1000000000000000 rows of 6 x 16 bit"),
    ({"imu_values": np.zeros(0)}, r"imu_values\.bin has 0 bytes", "4,800 bytes: 400 rows of 6 x 16 bit"),
    ({"imu_values": np.zeros(2399, "<i2")}, r"imu_values\.bin has 4,798 bytes", "4,800 bytes"),
    ({"imu": at(*VALUES, rows=399), "imu_values": np.zeros((399, 6), "<i2")}, r"400 times, 399 samples", "as many"),
    ({"ppg_time": np.zeros(401, "<f4")}, r"ppg_time\.bin has 1,604 bytes", "1,600 bytes"),
    ({"imu": at(*VALUES, bits=12)}, r"data_type int, bits 12, endianness little", "8 to 64 bits"),
    ({"imu": at(*VALUES, endianness="middle")}, r"endianness middle", "little or big"),
    ({"imu": at(*VALUES, units=["m/s/s"])}, r"6 channels, 1 units", "one unit and one factor"),
    ({"imu": at(*VALUES, scale_factors=[0] * 6)}, r"scale factors \[0, 0", "not zero"),
    ({"imu": at(*VALUES, units=["furlong"] * 6)}, r"unit of acceleration \['furlong'", "m/s/s, m/s^2, g, mg"),
    ({"imu": at(*VALUES, channels=["acc_x", "acc_x", "acc_z", "a", "b", "c"])}, r"channels acc_x, acc_x", "..._y"),
    ({"imu": at(*TIME, units=["fortnight"])}, r"unit of time 'fortnight'", "time_delta_ms"),
    ({"imu": at(*TIME, channels=["clock"])}, r"imu_meta\.json: 0 files with a channel time", "one"),
    ({"imu": at(start_iso8601="noon")}, r"start_iso8601 'noon'", "2021-06-27T16:52:20Z"),
    ({"imu_time": BACK}, r"imu_time\.bin, row 7: time does not go forward \(2 such", "ascending times"),
    ({"imu_time": np.full(ROWS, np.nan, "<f4")}, r"imu_time\.bin, row 0: time does not go forward", "ascending"),
    ({"ppg_time": LEAP}, r"ppg_time\.bin, row 9: time leaps by 90 s", "10%"),
    ({"imu_time": np.full(ROWS, 1e6, "<f4")}, r"imu_time\.bin, row 0: 0\.001 samples per second", "16 to 10000"),
    ({"ppg": at(start_iso8601="2021-06-27T16:53:20Z")}, r"rec: accelerometer and PPG do not overlap", "same recording"),
]


@pytest.mark.parametrize(("changes", "told", "valid"), MALFORMED)
def test_malformed_files_are_told_by_file_and_row(write, changes, told, valid):
    path = write(**changes)
    assert tsdf.recognise(path)
    with pytest.raises(BadInput, match=told) as caught:
        read(path)
    assert valid in caught.value.valid


def test_a_stream_that_is_there_twice(write):
    path = write(folders=("", ""))
    (path / "again.json").write_text((path / "imu_meta.json").read_text())
    with pytest.raises(BadInput, match=r"acc stream in imu_values\.bin, imu_values\.bin"):
        read(path)


def test_the_command_line_tells_the_file(edgeacc, write, tmp_path):
    path = write(imu_values=np.zeros(0))
    for ran in (edgeacc("import", path, "-o", tmp_path / "store"), edgeacc("validate", path)):
        assert ran.code == 2
        assert "imu_values.bin has 0 bytes" in ran.err


FILES = ("imu/imu_meta.json", "imu/imu_time.bin", "imu/imu_values.bin", "ppg/ppg_meta.json", "ppg/ppg_values.bin")


@pytest.mark.integration
@settings(deadline=None, max_examples=80)
@given(
    file=st.sampled_from(FILES),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5),
    cut=st.floats(0, 1) | st.none(),
)
def test_no_content_makes_it_fall_over(tmp_path_factory, file, changes, cut):
    folder = tmp_path_factory.mktemp("tsdf")
    path = written(folder)
    content = bytearray((path / file).read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    (path / file).write_bytes(content[: None if cut is None else int(cut * len(content))])
    told = None
    try:
        tsdf.recognise(path)
        for recording in read(path):
            assert np.isfinite(recording.acc.samples_CN).all()
            assert (np.diff(recording.acc.times_s) > 0).all()
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "rec" in told


@pytest.mark.skipif(not REAL.exists(), reason="the real Verily recording is not here")
def test_the_real_recording():
    assert tsdf.recognise(REAL)
    (recording,) = read(REAL)
    acc, ppg = recording.acc, recording.ppg
    assert acc.samples_CN.shape == (3, 72_947)
    assert ppg.samples_CN.shape == (1, 64_775)
    assert (ppg.end_s - ppg.start_s) / 60 == pytest.approx(10.74, abs=0.01)
    assert acc.end_s == pytest.approx(START_S + 731, abs=1)  # the end that the metadata tell
    assert acc.rate_hz == pytest.approx(99.82, abs=0.01)
    assert acc.step == pytest.approx(0.00469378 / 9.80665, rel=1e-3)
    seconds = acc.samples_CN[:, :72_900].reshape(3, 729, 100)
    still = seconds.std(2).max(0) < 0.01
    at_rest_g = np.linalg.norm(seconds.mean(2), axis=0)[still]
    assert still.sum() > 200
    assert at_rest_g.mean() == pytest.approx(0.944, abs=0.01)  # 5 % less than 1 g: the sensor's own offset or gain
