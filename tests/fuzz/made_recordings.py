"""A small valid recording in every format, written from the formats' descriptions; for the tests and for the fuzzer.

A still wrist: gravity on two axes, a pulse a second. What is made has parts that a mistake may be put into, and `pack`
makes the files of the parts: it mends what lies around them (compression, check sums, lengths), so that a changed part
reaches the code behind these. Where nothing lies around a part, it is a file.
"""

import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.io

from edgeacc.recordings.table import TableMapping

Parts = dict[str, bytes]
START_S = 1_644_226_061
MAPPING = TableMapping(
    acc_columns=("ax", "ay", "az"),
    acc_unit="g",
    ppg_columns=("green",),
    ppg_upstroke="negative",
    time_column="t",
    time_unit="ms",
)


def plain(parts: Parts) -> Parts:
    return parts


class Made(NamedTuple):
    """A recording's parts, the files that they make, and the place in them that is read ('' for the folder)."""

    format: str
    parts: Parts
    pack: Callable[[Parts], Parts] = plain
    place: str = ""
    mapping: TableMapping | None = None

    def files(self) -> Parts:
        return self.pack(self.parts)


def pulse(seconds, hz):
    """(N,) a steep rise and a slow fall, once a second."""
    phase = np.arange(round(seconds * hz)) / hz % 1.0
    return np.where(phase < 0.2, phase / 0.2, (1 - phase) / 0.8)


def gravity(seconds, hz, scale=1.0):
    """(N, 3) of 1 g, with a little motion in it."""
    t = np.arange(round(seconds * hz)) / hz
    return np.stack([0.01 * np.sin(40 * t), 0.6 + 0 * t, 0.8 + 0.01 * np.cos(40 * t)], axis=1) * scale


def text(lines) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def e4_parts(seconds=4) -> Parts:
    acc, bvp = np.round(gravity(seconds, 32, 64)).astype(int), 50 * pulse(seconds, 64)
    return {
        "ACC.csv": text(
            [f"{START_S}.0,{START_S}.0,{START_S}.0", "32.0,32.0,32.0", *(f"{x},{y},{z}" for x, y, z in acc)]
        ),
        "BVP.csv": text([f"{START_S}.0", "64.0", *(f"{one:.2f}" for one in bvp)]),
        "IBI.csv": text([f"{START_S}.0, IBI", *(f"{beat}.0,1.0" for beat in range(1, max(3, seconds)))]),
    }


def e4(seconds=4) -> Made:
    return Made("empatica-e4", e4_parts(seconds))


def zipped(parts: Parts) -> Parts:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return {"session.zip": out.getvalue()}


def e4_zip(seconds=4) -> Made:
    return Made("empatica-e4-zip", e4_parts(seconds), zipped, "session.zip")


def polar(seconds=4) -> Made:
    def phone(after_s):
        return str(np.datetime64("2022-04-25T11:39:36.978") + np.timedelta64(round(after_s * 1000), "ms"))

    first_ns = 704_201_974_831_254_116
    acc = ["Phone timestamp;sensor timestamp [ns];X [mg];Y [mg];Z [mg]"]
    for n, (x, y, z) in enumerate(np.round(gravity(seconds, 52, 1000)).astype(int)):
        acc.append(f"{phone(n / 52)};{first_ns + round(n / 52 * 1e9)};{x};{y};{z}")
    ppg = ["Phone timestamp;sensor timestamp [ns];channel 0;channel 1;channel 2;ambient"]
    for n, one in enumerate(pulse(seconds, 55)):
        light = round(260_000 - 300 * one)
        ppg.append(f"{phone(n / 55)};{first_ns + round(n / 55 * 1e9)};{light};{light + 9};{light + 99};-600;")
    ppi = ["Phone timestamp;PP-interval [ms];error estimate [ms];blocker;contact;contact;hr [bpm]"]
    ppi += [f"{phone(n)};1000;9;0;1;1;60" for n in range(max(3, seconds))]
    return Made(
        "polar-sense", {f"Polar_{name}.txt": text(rows) for name, rows in (("ACC", acc), ("PPG", ppg), ("PPI", ppi))}
    )


def number(value) -> bytes:
    """A whole number as Avro writes it."""
    value = value << 1 if value >= 0 else (-value << 1) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def sized(content) -> bytes:
    return number(len(content)) + content


def avro_array(items) -> bytes:
    return (number(len(items)) + b"".join(items) if len(items) else b"") + number(0)


def _avro_schema() -> dict:
    def record(name, *fields):
        kinds = [{"name": key, "type": kind} for key, kind in fields]
        return {"type": "record", "name": f"empatica.format.avro.{name}", "fields": kinds}

    def array(items):
        return {"type": "array", "items": items}

    params = record(
        "ImuParams",
        *((f"{a}{b}", "long") for a in ("physical", "digital") for b in ("Min", "Max")),
        ("conversionFactor", "float"),
    )
    clock = (("timestampStart", "long"), ("samplingFrequency", "float"))
    acc = record("Imu", *clock, ("imuParams", params), *((axis, array("int")) for axis in "xyz"))
    bvp = record("Bvp", *clock, ("values", array("float")))
    peaks = record("SystolicPeaks", ("peaksTimeNanos", array("long")))
    return record(
        "Session", ("rawData", record("RawData", ("accelerometer", acc), ("bvp", bvp), ("systolicPeaks", peaks)))
    )


MARK = bytes(range(16))


def avro_file(parts: Parts) -> Parts:
    """The container around a record, deflated."""
    stream = zlib.compressobj(wbits=-15)
    block = stream.compress(parts.get("record", b"")) + stream.flush()
    schema = json.dumps(_avro_schema()).encode()
    entries = number(2) + sized(b"avro.schema") + sized(schema) + sized(b"avro.codec") + sized(b"deflate") + number(0)
    return {"a.avro": b"Obj\x01" + entries + MARK + number(1) + sized(block) + MARK}


def embraceplus(seconds=4) -> Made:
    counts = np.round(gravity(seconds, 64) / 0.000488).astype(int)
    start = number(START_S * 10**6)
    record = start + struct.pack("<f", 63.9999) + b"".join(number(one) for one in (-16, 16, -32768, 32768))
    record += struct.pack("<f", 0.000488) + b"".join(
        avro_array([number(int(one)) for one in axis]) for axis in counts.T
    )
    record += start + struct.pack("<f", 64.0) + avro_array([struct.pack("<f", -9 * one) for one in pulse(seconds, 64)])
    record += avro_array([number((START_S + beat) * 10**9) for beat in range(max(4, seconds))])
    return Made("empatica-embraceplus", {"record": record}, avro_file, "a.avro")


def tsdf(seconds=4) -> Made:
    def told(name, channels, units, factors, kind, bits):
        return {
            "file_name": name,
            "channels": channels,
            "units": units,
            "scale_factors": factors,
            "data_type": kind,
            "bits": bits,
            "endianness": "little",
        }

    rows = 100 * seconds
    end = np.datetime64("2021-06-27T16:52:20") + np.timedelta64(seconds, "s")
    top = {
        "metadata_version": "0.1",
        "device_id": "Verily Study Watch",
        "start_iso8601": "2021-06-27T16:52:20Z",
        "end_iso8601": f"{end}Z",
        "rows": rows,
    }
    axes = [f"acceleration_{axis}" for axis in "xyz"]
    step_ms = np.full(rows, 10.0, "<f4")
    step_ms[0] = 0
    values = {
        "imu": (
            told("imu_values.bin", axes, ["m/s/s"] * 3, [0.00469378] * 3, "int", 16),
            np.round(gravity(seconds, 100, 9.80665 / 0.00469378)).astype("<i2"),
        ),
        "ppg": (
            told("ppg_values.bin", ["green"], ["none"], [1], "int", 32),
            np.round(700_000 - 300 * pulse(seconds, 100)).astype("<i4"),
        ),
    }
    parts: Parts = {}
    for name, (described, samples) in values.items():
        time = told(f"{name}_time.bin", ["time"], ["time_delta_ms"], [1], "float", 32)
        parts[f"{name}/{name}_meta.json"] = json.dumps(top | {"sensors": [time, described]}).encode()
        parts[f"{name}/{name}_time.bin"] = step_ms.tobytes()
        parts[f"{name}/{name}_values.bin"] = samples.tobytes()
    return Made("verily-tsdf", parts)


def summed(block: bytes) -> bytes:
    """A CWA block with the last word that makes its words sum to zero."""
    words = struct.unpack("<255H", block[:510].ljust(510, b"\0"))
    return block[:510].ljust(510, b"\0") + struct.pack("<H", -sum(words) & 0xFFFF)


def cwa_file(parts: Parts) -> Parts:
    blocks = parts.get("blocks", b"")
    whole = b"".join(summed(blocks[at : at + 512]) for at in range(0, len(blocks), 512))
    return {"a.cwa": parts.get("header", b"") + whole}


def axivity(seconds=4) -> Made:
    """An AX6 at 100 Hz, +/-8 g, from 22:13:20 of 14 November 2023 on; less than a minute."""
    blocks = []
    for n in range(max(2, seconds * 100 // 40)):
        at_s = 0.4 * n
        second = int(at_s)
        fraction = round((at_s - second) * 32768)
        time = 23 << 26 | 11 << 22 | 14 << 17 | 22 << 12 | (13 + (20 + second) // 60) << 6 | (20 + second) % 60
        offset = -int(fraction / 32768 * 100)
        head = struct.pack(
            "<2sHHIIIHHBBBBhH",
            b"AX",
            508,
            0x8000 | fraction,
            7,
            n,
            time,
            4 << 13 | 100,
            300,
            0,
            200,
            0x4A,
            0x62,
            offset,
            40,
        )
        counts = np.round(gravity(seconds + 1, 100, 4096)[40 * n : 40 * n + 40])
        blocks.append(summed(head + np.concatenate([np.full((40, 3), 9), counts], axis=1).astype("<i2").tobytes()))
    header = bytearray(b"MD\xfc\x03".ljust(1024, b"\xff"))
    header[36] = 0x4A
    return Made("axivity-cwa", {"header": bytes(header), "blocks": b"".join(blocks)}, cwa_file, "a.cwa")


def dalia(seconds=4, protocol=4) -> Made:
    wrist = {
        "ACC": np.round(gravity(seconds, 32, 64)),
        "BVP": 50 * pulse(seconds, 64)[:, None],
        "EDA": np.zeros((4, 1)),
    }
    chest = {"ECG": pulse(seconds, 700).astype("f4")[:, None]}
    content = {
        "signal": {"wrist": wrist, "chest": chest},
        "rpeaks": np.arange(350, 700 * seconds, 700),
        "subject": "S1",
    }
    return Made("dalia-wesad", {"S1.pkl": pickle.dumps(content, protocol)}, place="S1.pkl")


def matlab_file(variables, *, packed=False) -> bytes:
    out = io.BytesIO()
    scipy.io.savemat(out, variables, do_compression=packed)
    return out.getvalue()


def matlab_73(variables) -> bytes:
    """A v7.3 file: HDF5 behind 512 bytes of MATLAB's header, dimensions reversed."""
    import h5py

    def put(group, name, value):
        if isinstance(value, dict):
            for key, one in value.items():
                put(group.require_group(name), key, one)
        else:
            group.create_dataset(name, data=np.atleast_2d(value).T)

    out = io.BytesIO()
    with h5py.File(out, "w", userblock_size=512) as file:
        for name, value in variables.items():
            put(file, name, value)
    return b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + out.getvalue()[128:]


def matlab_packed(parts: Parts) -> Parts:
    """A v5 file of its header and the elements of its variables, each compressed."""
    packed = [zlib.compress(one) for name, one in parts.items() if name != "header"]
    raw = b"".join(struct.pack("<II", 15, len(one)) + one for one in packed)
    return {"run.mat": parts.get("header", b"") + raw}


def matlab_elements(variables) -> Parts:
    """The header and each variable's element, uncompressed."""
    raw = matlab_file(variables)
    parts, at = {"header": raw[:128]}, 128
    while at < len(raw):
        size = 8 + struct.unpack("<I", raw[at + 4 : at + 8])[0]
        parts[f"element {len(parts)}"] = raw[at : at + size]
        at += size
    return parts


def troika_variables(seconds=4) -> dict:
    light = pulse(seconds, 125)
    return {"sig": np.concatenate([np.stack([light, 2 * light, 3 * light]), gravity(seconds, 125).T])}


def troika(seconds=4) -> Made:
    return Made("troika", {"run.mat": matlab_file(troika_variables(seconds))}, place="run.mat")


def wildppg_variables(seconds=2) -> dict:
    axes = dict(zip(("acc_x", "acc_y", "acc_z"), gravity(seconds, 128).T, strict=True))
    light = {name: pulse(seconds, 128) for name in ("ppg_g", "ppg_r", "ppg_ir")}
    one = {name: {"v": values[:, None], "fs": 128.0} for name, values in (axes | light).items()}
    return {"sternum": one | {"ecg": one["ppg_g"]}, "wrist": one, "ankle": one}


def wildppg(seconds=2) -> Made:
    return Made("wildppg", {"p.mat": matlab_file(wildppg_variables(seconds))}, place="p.mat")


def beats_file(samples) -> bytes:
    words, before = [], 0
    for sample in samples:
        step, before = sample - before, sample
        words += [59 << 10, step >> 16, step & 0xFFFF, 1 << 10] if step > 1023 else [1 << 10 | step]
    return np.array([*words, 0], "<u2").tobytes()


def wfdb(seconds=4) -> Made:
    count = 256 * seconds
    raw = np.concatenate([np.stack([1000 * pulse(seconds, 256)] * 2, axis=1), gravity(seconds, 256, 1000)], axis=1)
    head = [f"s1 5 256 {count}"]
    for name, unit, gain in (
        ("chest_ecg", "mV", 1000),
        ("wrist_ppg", "mV", 500),
        *((f"acc_{axis}", "g", 1000) for axis in "xyz"),
    ):
        head.append(f"s1.dat 16 {gain}(0)/{unit} 16 0 0 0 0 {name}")
    parts = {
        "s1.hea": text(head),
        "s1.dat": np.round(raw).astype("<i2").tobytes(),
        "s1.atr": beats_file(range(51, count, 256)),
    }
    return Made("wfdb", parts, place="s1.hea")


def aurora(seconds=2) -> Made:
    t = np.arange(500 * seconds) / 500
    light = pulse(seconds, 500)
    rows = ["t\tekg\toptical\tpressure\taccel_x\taccel_y\taccel_z"]
    for at, one, axes in zip(t, light, gravity(seconds, 500), strict=True):
        rows.append("\t".join(f"{cell:.4f}" for cell in (at, one, 100 * one, 0, *axes)))
    return Made("aurora-bp", {"o000.initial.Supine_1.tsv": text(rows)}, place="o000.initial.Supine_1.tsv")


def sleep_accel(seconds=4) -> Made:
    rows = [f"{n / 50:.6f} {x:.7f} {y:.7f} {z:.7f}" for n, (x, y, z) in enumerate(gravity(max(3, seconds), 50))]
    parts = {"46343_acceleration.txt": text(rows), "46343_heartrate.txt": text(["1.5,60", "6.5,62"])}
    return Made("sleep-accel", parts, place="46343_acceleration.txt")


def table_columns(seconds=4) -> dict:
    axes = dict(zip(("ax", "ay", "az"), gravity(seconds, 64).T, strict=True))
    return {"t": np.arange(64 * seconds) * 15.625} | axes | {"green": pulse(seconds, 64)}


def table(seconds=4) -> Made:
    columns = table_columns(seconds)
    rows = [",".join(f"{cell:.4f}" for cell in row) for row in zip(*columns.values(), strict=True)]
    return Made("table", {"anna.csv": text([",".join(columns), *rows])}, place="anna.csv", mapping=MAPPING)


def parquet(seconds=4) -> Made:
    out = io.BytesIO()
    pq.write_table(pa.table(table_columns(seconds)), out)
    return Made("table", {"anna.parquet": out.getvalue()}, place="anna.parquet", mapping=MAPPING)


MADE: dict[str, Callable[[], Made]] = {
    "e4": e4,
    "e4-zip": e4_zip,
    "e4-zip raw": lambda: Made("empatica-e4-zip", zipped(e4_parts(2)), place="session.zip"),
    "embraceplus": embraceplus,
    "embraceplus raw": lambda: Made("empatica-embraceplus", embraceplus(1).files(), place="a.avro"),
    "polar": polar,
    "tsdf": tsdf,
    "axivity": axivity,
    "axivity raw": lambda: Made("axivity-cwa", axivity(2).files(), place="a.cwa"),
    "dalia": lambda: dalia(2),
    "dalia protocol 0": lambda: dalia(1, protocol=0),
    "troika": troika,
    "troika packed": lambda: Made("troika", matlab_elements(troika_variables(2)), matlab_packed, "run.mat"),
    "troika v7.3": lambda: Made("troika", {"run.mat": matlab_73(troika_variables(1))}, place="run.mat"),
    "wildppg": wildppg,
    "wildppg v7.3": lambda: Made("wildppg", {"p.mat": matlab_73(wildppg_variables(1))}, place="p.mat"),
    "wfdb": wfdb,
    "aurora": aurora,
    "sleep-accel": sleep_accel,
    "table csv": table,
    "table parquet": parquet,
}
"""Every format, and where something lies around its content, also the whole files of it."""
