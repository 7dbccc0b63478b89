"""What a device's file holds is what a reader gives: values, units, rates and times, for any length and rate."""

import io
import pickle

import made_recordings as made
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.recordings import axivity, dalia, e4, polar, sleep_accel, table, troika, tsdf, wfdb
from edgeacc.recordings.table import TableMapping

pytestmark = pytest.mark.integration

SEEDS = st.integers(0, 2**32 - 1)
COUNTS = st.integers(2, 400)
STARTS_S = st.integers(10**9, 2 * 10**9)


def axes(count, seed, scale, low=-2.0, high=2.0):
    """(N, 3) random accelerations of about 1 g, rounded to whole counts."""
    rng = np.random.default_rng(seed)
    return np.round(np.clip(rng.normal([0, 0.6, 0.8], 0.1, (count, 3)), low, high) * scale).astype(np.int64)


def light(count, seed):
    return np.random.default_rng(seed + 1).integers(-(2**20), 2**20, count)


def put(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("made")
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def rows(cells, delimiter):
    return [delimiter.join(map(str, row)) for row in zip(*cells, strict=True)]


@given(COUNTS, SEEDS, STARTS_S, st.sampled_from([(32, 64), (25, 50), (16, 128)]))
def test_e4(tmp_path_factory, count, seed, start_s, rates):
    acc, bvp = axes(count, seed, 64), light(count * rates[1] // rates[0], seed) / 100
    texts = {
        "ACC.csv": made.text([",".join([f"{start_s}.0"] * 3), ",".join([f"{rates[0]}.0"] * 3), *rows(acc.T, ",")]),
        "BVP.csv": made.text([str(start_s), str(rates[1]), *map(str, bvp)]),
    }
    recording = e4.read(put(tmp_path_factory, texts), "p")
    np.testing.assert_array_equal(recording.acc.samples_CN * 64, acc.T)
    np.testing.assert_array_equal(recording.ppg.samples_CN[0], bvp.astype(np.float32))
    assert (recording.acc.rate_hz, recording.ppg.rate_hz) == rates
    assert (recording.acc.start_s, recording.ppg.start_s) == (start_s, start_s)


@given(COUNTS, SEEDS, st.integers(20, 500), st.integers(1, 3))
def test_polar(tmp_path_factory, count, seed, rate_hz, channels):
    acc, values = axes(count, seed, 1000), [light(count, seed + n) for n in range(channels)]
    at_ns = 704_201_974_831_254_116 + np.arange(count) * (10**9 // rate_hz)
    phone = ["2022-04-25T11:39:36.978"] * count
    names = ";".join(f"channel {n}" for n in range(channels))
    texts = {
        "a.txt": ["Phone timestamp;sensor timestamp [ns];X [mg];Y [mg];Z [mg]", *rows([phone, at_ns, *acc.T], ";")],
        "p.txt": [
            f"Phone timestamp;sensor timestamp [ns];{names};ambient",
            *(f"{row};" for row in rows([phone, at_ns, *values, [-600] * count], ";")),
        ],
    }
    recording = polar.read(put(tmp_path_factory, {name: made.text(each) for name, each in texts.items()}), "p")
    np.testing.assert_allclose(recording.acc.samples_CN, acc.T / 1000, rtol=1e-6)
    np.testing.assert_array_equal(recording.ppg.samples_CN, np.stack([-600 - each for each in values]))
    np.testing.assert_array_equal(recording.acc.times_s, at_ns / 1e9)


UNITS = {"g": 1.0, "mg": 1000.0, "m/s2": 9.80665}


@pytest.mark.parametrize("form", ["csv", "parquet"])
@given(COUNTS, SEEDS, st.sampled_from(list(UNITS)), st.sampled_from(["positive", "negative"]), st.booleans())
def test_tables(tmp_path_factory, form, count, seed, unit, upstroke, timed):
    acc, ppg = axes(count, seed, 1e4) / 1e4 * UNITS[unit], light(count, seed) / 7
    missing = np.random.default_rng(seed).random(count) < 0.1
    missing[: len(missing) // 2] = False
    green = np.where(missing, np.nan, ppg)
    columns = {"t": np.arange(count) * 20.0, **dict(zip(("x", "y", "z"), acc.T, strict=True)), "green": green}
    clock = {"time_column": "t", "time_unit": "ms"} if timed else {"rate_hz": 50}
    mapping = TableMapping(
        acc_columns=("x", "y", "z"), acc_unit=unit, ppg_columns=("green",), ppg_upstroke=upstroke, **clock
    )
    if form == "parquet":
        out = io.BytesIO()
        pq.write_table(pa.table(columns), out, row_group_size=97)
        content = out.getvalue()
    else:
        content = made.text(
            [",".join(columns), *rows([map(repr, column.tolist()) for column in columns.values()], ",")]
        )
    (recording,) = table.read(put(tmp_path_factory, {f"t.{form}": content}) / f"t.{form}", "p", mapping)
    np.testing.assert_allclose(recording.acc.samples_CN, acc.T / UNITS[unit], rtol=1e-6, atol=1e-7)
    sign = 1 if upstroke == "positive" else -1
    np.testing.assert_array_equal(recording.ppg.samples_CN[0], (sign * green).astype(np.float32))
    np.testing.assert_allclose(recording.acc.at_s, np.arange(count) * 0.02, rtol=1e-12)
    assert recording.ppg.missing == missing.sum()


@given(COUNTS, SEEDS, st.integers(20, 1000), st.sampled_from(["little", "big"]), st.sampled_from([16, 32]))
def test_tsdf(tmp_path_factory, count, seed, rate_hz, order, bits):
    import json

    sign = "<" if order == "little" else ">"
    acc, ppg, at_ms = axes(count, seed, 2000), light(count, seed), np.arange(count) * (1000 / rate_hz)
    files = {}
    for name, channels, values, unit, kind in (
        ("imu", [f"acceleration_{axis}" for axis in "xyz"], acc.astype(f"{sign}i{bits // 8}"), "g", bits),
        ("ppg", ["green"], ppg.astype(f"{sign}i4"), "none", 32),
    ):
        common = {"endianness": order, "bits": kind, "data_type": "int"}
        time = {"file_name": f"{name}_t.bin", "channels": ["time"], "units": ["relative_ms"], "scale_factors": [1]}
        samples = {"file_name": f"{name}.bin", "channels": channels, "units": [unit] * len(channels)}
        samples["scale_factors"] = [1 / 2000 if name == "imu" else 1] * len(channels)
        top = {"metadata_version": "0.1", "start_iso8601": "2021-06-27T16:52:20Z", "rows": count}
        sensors = [time | {"endianness": order, "bits": 64, "data_type": "float"}, samples | common]
        files[f"{name}_meta.json"] = json.dumps(top | {"sensors": sensors}).encode()
        files[f"{name}_t.bin"], files[f"{name}.bin"] = at_ms.astype(f"{sign}f8").tobytes(), values.tobytes()
    (recording,) = tsdf.read(put(tmp_path_factory, files), "p")
    np.testing.assert_allclose(recording.acc.samples_CN, acc.T / 2000, rtol=1e-6)
    np.testing.assert_array_equal(recording.ppg.samples_CN[0], -ppg)
    np.testing.assert_allclose(recording.acc.times_s - 1_624_812_740, at_ms / 1000, atol=1e-6)


@given(st.integers(2, 20), SEEDS, st.sampled_from([0x30, 0x32, 0x62]))
def test_axivity(tmp_path_factory, blocks, seed, packing):
    import struct

    most = {0x30: 120, 0x32: 80, 0x62: 40}[packing]
    counts = axes(blocks * most, seed, 250)
    raw = b""
    for n, part in enumerate(np.split(counts, blocks)):
        at_s = n * most / 100
        fraction = round((at_s - int(at_s)) * 32768)
        time = 23 << 26 | 11 << 22 | 14 << 17 | 22 << 12 | 13 << 6 | int(at_s)
        head = struct.pack("<2sHHIIIHHBBBBhH", b"AX", 508, 0x8000 | fraction, 7, n, time, 0, 300, 0, 200, 0x4A, packing,
                           -int(fraction / 32768 * 100), most)  # fmt: skip
        if packing == 0x30:
            words = [sum((int(value) & 1023) << 10 * at for at, value in enumerate(row)) for row in part]
            body = struct.pack(f"<{most}I", *words)
        else:
            body = np.pad(part, ((0, 0), (3 if packing == 0x62 else 0, 0))).astype("<i2").tobytes()
        raw += made.summed(head + body.ljust(480, b"\0"))
    header = made.axivity().parts["header"]
    path = put(tmp_path_factory, {"a.cwa": header + raw}) / "a.cwa"
    (recording,) = axivity.read(path, "p")
    np.testing.assert_array_equal(recording.acc.samples_CN * 256, counts.T)
    np.testing.assert_allclose(np.diff(recording.acc.times_s), 0.01, atol=2e-3)
    assert recording.acc.rate_hz == pytest.approx(100, rel=0.01)


@given(st.integers(2, 12), SEEDS, st.integers(0, 5), st.sampled_from(["<f8", ">f8", "<f4", "<i2"]))
@settings(max_examples=40)
def test_dalia(tmp_path_factory, seconds, seed, protocol, kind):
    acc, bvp = axes(32 * seconds, seed, 64), light(64 * seconds, seed) / 64
    peaks = np.cumsum(np.random.default_rng(seed).integers(300, 1200, seconds))
    peaks = peaks[peaks < 700 * seconds]
    wrist = {"ACC": acc.astype(kind), "BVP": bvp[:, None]}
    ecg = light(700 * seconds, seed)[:, None]
    content = {"signal": {"wrist": wrist, "chest": {"ECG": ecg}}, "rpeaks": peaks, "subject": "S1"}
    path = put(tmp_path_factory, {"S1.pkl": pickle.dumps(content, protocol)}) / "S1.pkl"
    recording = dalia.read(path, "p")
    np.testing.assert_array_equal(recording.acc.samples_CN * 64, acc.T)
    np.testing.assert_array_equal(recording.ppg.samples_CN[0], bvp)
    np.testing.assert_array_equal(recording.ecg.samples_CN, ecg.T)
    if recording.intervals is not None:
        assert set(np.round(recording.intervals.at_s * 700).astype(int)) <= set(peaks[1:].tolist())


@given(COUNTS, SEEDS, st.sampled_from(["g", "m/s2"]), st.booleans(), st.booleans())
@settings(max_examples=40)
def test_troika(tmp_path_factory, count, seed, unit, packed, with_ecg):
    acc, ppg = axes(count, seed, 1000) / 1000, np.stack([light(count, seed), light(count, seed + 9)])
    ecg = light(count, seed + 5)[None]
    sig = np.concatenate([*([ecg] if with_ecg else []), ppg, acc.T * UNITS[unit]])
    out = io.BytesIO()
    scipy.io.savemat(out, {"sig": sig}, do_compression=packed)
    recording = troika.read(put(tmp_path_factory, {"a.mat": out.getvalue()}) / "a.mat", "p")
    np.testing.assert_allclose(recording.acc.samples_CN, acc.T, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(recording.ppg.samples_CN, ppg)
    assert (recording.ecg is not None) == with_ecg
    if with_ecg:
        np.testing.assert_array_equal(recording.ecg.samples_CN, ecg)


@given(st.integers(2, 3000), SEEDS, st.integers(16, 2000), st.sampled_from([("uV", 1e-3), ("mV", 1), ("NU", 1)]))
@settings(max_examples=40)
def test_wfdb(tmp_path_factory, count, seed, rate_hz, ecg_unit):
    unit, per_mv = ecg_unit
    acc, ecg = axes(count, seed, 1000), light(count, seed) % 2000
    raw = np.column_stack([acc, ecg, light(count, seed + 1) % 30_000])
    head = [f"r 5 {rate_hz} {count}", *(f"r.dat 16 1000(0)/g 16 0 0 0 0 acc_{axis}" for axis in "xyz")]
    head += [f"r.dat 16 200(0)/{unit} 16 0 0 0 0 ECG", "r.dat 16 1(0)/NU 16 0 0 0 0 PPG"]
    files = {"r.hea": made.text(head), "r.dat": raw.astype("<i2").tobytes()}
    recording = wfdb.read(put(tmp_path_factory, files) / "r.hea", "p")
    np.testing.assert_allclose(recording.acc.samples_CN, acc.T / 1000, rtol=1e-6)
    np.testing.assert_array_equal(recording.ppg.samples_CN[0], raw[:, 4])
    np.testing.assert_allclose(recording.ecg.samples_CN[0], ecg / 200 * per_mv, rtol=1e-6)
    assert recording.ecg.unit == ("au" if unit == "NU" else "mV")
    assert recording.acc.rate_hz == rate_hz


def test_wfdb_in_pieces(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(wfdb, "CHUNK_FRAMES", 6)
    test_wfdb.hypothesis.inner_test(tmp_path_factory, 100, 0, 100, ("mV", 1))


@given(st.integers(100, 400), SEEDS, st.integers(-(10**5), 10**5))
@settings(max_examples=40)
def test_sleep_accel(tmp_path_factory, count, seed, start_s):
    acc, at_s = axes(count, seed, 10**4) / 10**4, start_s + np.arange(count) * 0.02
    cells = [[f"{one:.4f}" for one in at_s], *([f"{one:.4f}" for one in axis] for axis in acc.T)]
    folder = put(tmp_path_factory, {"1_acceleration.txt": made.text(rows(cells, " "))})
    (recording,) = sleep_accel.read(folder / "1_acceleration.txt", "p")
    np.testing.assert_array_equal(recording.acc.samples_CN, acc.T.astype(np.float32))
    np.testing.assert_allclose(recording.acc.times_s, at_s, atol=1e-9)
