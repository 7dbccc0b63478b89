import copy
import json
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.recordings import avro, embraceplus
from edgeacc.recordings.registry import find

REAL = Path("../shared/data/embraceplus/test_data.avro")
START_US = 1_764_153_714_000_000
MARK = bytes(range(16))


def array(name, items):
    return {"name": name, "type": {"type": "array", "items": items}}


def record(name, fields):
    return {"type": "record", "name": f"empatica.format.avro.{name}", "fields": fields}


def longs(*names):
    return [{"name": name, "type": "long"} for name in names]


CLOCK = [*longs("timestampStart"), {"name": "samplingFrequency", "type": "float"}]
PARAMS = longs("physicalMin", "physicalMax", "digitalMin", "digitalMax")
FACTOR = {"name": "conversionFactor", "type": "float"}
SCHEMA = record(
    "Session",
    [
        {
            "name": "rawData",
            "type": record(
                "RawData",
                [
                    {
                        "name": "accelerometer",
                        "type": record(
                            "InertialMeasurement",
                            [
                                *CLOCK,
                                {"name": "imuParams", "type": record("ImuParams", [*PARAMS, FACTOR])},
                                *(array(axis, "int") for axis in "xyz"),
                            ],
                        ),
                    },
                    {"name": "bvp", "type": record("Bvp", [*CLOCK, array("values", "float")])},
                    {"name": "systolicPeaks", "type": record("SystolicPeaks", [array("peaksTimeNanos", "long")])},
                ],
            ),
        }
    ],
)


def session(seconds=10):
    """Counts of 1 g on one axis; a light that falls once a second, with the device's peaks there."""
    params = {"physicalMin": -16, "physicalMax": 16, "digitalMin": -32768, "digitalMax": 32768}
    peaks = [(START_US + second * 10**6) * 1000 for second in range(seconds) if second != 4]
    return {
        "rawData": {
            "accelerometer": {
                "timestampStart": START_US + 10**6,
                "samplingFrequency": 63.9999,
                "imuParams": params | {"conversionFactor": 0.000488},
                "x": [0] * 64 * seconds,
                "y": [n % 3 for n in range(64 * seconds)],
                "z": [2048] * 64 * seconds,
            },
            "bvp": {
                "timestampStart": START_US,
                "samplingFrequency": 64.0,
                "values": [float(n % 64) for n in range(64 * seconds)],
            },
            "systolicPeaks": {"peaksTimeNanos": peaks},
        }
    }


def number(value):
    """A whole number as Avro writes it."""
    value = value << 1 if value >= 0 else (-value << 1) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def sized(content):
    return number(len(content)) + content


def container(blocks, schema=SCHEMA, codec=b"deflate"):
    text = json.dumps(schema).encode()
    entries = number(2) + sized(b"avro.schema") + sized(text) + sized(b"avro.codec") + sized(codec) + number(0)
    return b"Obj\x01" + entries + MARK + b"".join(number(1) + sized(block) + MARK for block in blocks)


def deflated(content):
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(content) + stream.flush()


def encoded(content, schema=SCHEMA):
    fastavro = pytest.importorskip("fastavro")
    from io import BytesIO

    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(copy.deepcopy(schema)), content)
    return out.getvalue()


def file_of(content, schema=SCHEMA):
    return container([deflated(encoded(content, schema))], schema)


@pytest.fixture
def write(tmp_path):
    def write(content):
        (tmp_path / "a.avro").write_bytes(content)
        return tmp_path / "a.avro"

    return write


def test_a_file_becomes_a_recording(write):
    path = write(file_of(session()))
    assert embraceplus.recognise(path)
    (recording,) = embraceplus.read(path, "p")
    assert recording.acc.samples_CN.shape == (3, 640)
    assert recording.acc.samples_CN[2, 0] == pytest.approx(2048 * 0.000488)
    assert (recording.acc.unit, recording.acc.range) == ("g", 16)
    assert recording.acc.rate_hz == pytest.approx(63.9999)
    assert recording.acc.start_s - recording.ppg.start_s == pytest.approx(1.0)
    assert np.diff(recording.ppg.samples_CN[0]).max() == 63  # the sign is turned: the fall has become the rise
    assert recording.intervals.samples_CN[0].tolist() == [1, 1, 1, 2, 1, 1, 1, 1]
    assert recording.intervals.start_s == pytest.approx(START_US / 1e6 + 1)


def test_the_clouds_files_of_one_person_belong_together(tmp_path):
    for day, name in (("2026-11-22", "1-1-07_1795305600"), ("2026-11-23", "1-1-07_1795392000"), ("2026-11-23", "mine")):
        (tmp_path / day).mkdir(exist_ok=True)
        (tmp_path / day / f"{name}.avro").write_bytes(file_of(session()))
    read = [recording.participant for found in find(tmp_path) for recording in found.read()]
    assert read == ["1-1-07", "1-1-07", "2026-11-23"]


def test_versions_without_a_factor_scale_by_the_ranges(write):
    schema, content = copy.deepcopy(SCHEMA), session()
    fields = schema["fields"][0]["type"]["fields"][0]["type"]["fields"][2]["type"]["fields"]
    fields.remove(FACTOR)
    del content["rawData"]["accelerometer"]["imuParams"]["conversionFactor"]
    (recording,) = embraceplus.read(write(file_of(content, schema)), "p")
    assert recording.acc.samples_CN[2, 0] == 2048 * 32 / 65536


def test_a_file_that_is_not_deflated_and_without_peaks(write):
    content = session()
    content["rawData"]["systolicPeaks"]["peaksTimeNanos"] = []
    (recording,) = embraceplus.read(write(container([encoded(content)], codec=b"null")), "p")
    assert recording.intervals is None


def changed(**changes):
    """A session with some entries replaced: `acc_x=[1]`, `bvp_timestampStart=0`."""
    content = session()
    for name, value in changes.items():
        stream, key = name.split("_", 1)
        stream = {"acc": "accelerometer", "peaks": "systolicPeaks"}.get(stream, stream)
        if isinstance(value, dict):
            content["rawData"][stream][key] |= value
        else:
            content["rawData"][stream][key] = value
    return file_of(content)


def malformed():
    whole = file_of(session())
    without = copy.deepcopy(SCHEMA)
    del without["fields"][0]["type"]["fields"][1]
    hollow = copy.deepcopy(SCHEMA)
    hollow["fields"][0]["type"]["fields"][2]["type"]["fields"][0]["type"]["items"] = "null"
    itself = {"type": "record", "name": "empatica.A", "fields": [{"name": "a", "type": "empatica.A"}]}
    end = whole.index(MARK) + 16
    return [
        (whole[:20], r"a\.avro: damaged header: it ends at byte 20", "a whole Avro file"),
        (whole[: end - 1], r"a\.avro: damaged header: it ends at byte", "a whole Avro file"),
        (whole[:end], r"a\.avro has no record", "one record"),
        (whole[: end + 1], r"a\.avro, block 0: it ends at byte", "a whole Avro file"),
        (whole[:-17], r"a\.avro, block 0: its end is not marked|block 0: it ends at byte", ""),
        (whole[:-1], r"a\.avro, block 0: it ends at byte", "a whole Avro file"),
        (whole[:-1] + b"\xff", r"a\.avro, block 0: its end is not marked", "a whole Avro file"),
        (container([b"", b""], codec=b"snappy"), r"damaged header: codec b'snappy'", ""),
        (container([b"\xff" * 40]), r"a\.avro, block 0: error Error -3", ""),
        (
            container([deflated(encoded(session())[:-40])]),
            r"a\.avro, block 0: damaged: the records in it are longer",
            "",
        ),
        (container([], schema=hollow), r"damaged header: array of null in the schema", ""),
        (container([b"1"], schema=itself), r"damaged header: empatica\.A within itself in the schema", ""),
        (container([], schema={"type": "recor"}), r"a\.avro: damaged header: ", ""),
        (file_of(session(), without), r"a\.avro, rawData has no bvp", "Empatica's schema"),
        (changed(acc_x=[1]), r"rawData\.accelerometer: samples: x 1, y 640, z 640", "as many in each"),
        (changed(bvp_values=[]), r"rawData\.bvp: samples: values 0", "two or more"),
        (changed(bvp_values=[1.0, float("nan")]), r"rawData\.bvp\.values\[1\] is no finite number", "finite numbers"),
        (changed(bvp_samplingFrequency=0.5), r"rawData\.bvp\.samplingFrequency: 0\.5 samples per", "16 to 10000"),
        (changed(bvp_timestampStart=0), r"rawData\.bvp\.timestampStart is 0", "microseconds"),
        (changed(acc_imuParams={"conversionFactor": 0.01}), r"imuParams: conversionFactor 0\.01", "agrees"),
        (changed(acc_imuParams={"digitalMax": -32768}), r"imuParams: physical -16 to 16, digital", "ascend"),
        (changed(peaks_peaksTimeNanos=[3, 2, 9]), r"peaksTimeNanos\[1\]: time does not go forward", "ascending"),
    ]


@pytest.mark.parametrize("case", range(22))
def test_malformed_files_are_told_by_place(write, case):
    content, told, valid = malformed()[case]
    with pytest.raises(BadInput, match=told) as caught:
        embraceplus.read(write(content), "p")
    assert valid in caught.value.valid


def test_a_few_bytes_that_unpack_to_too_much(write, monkeypatch):
    monkeypatch.setattr(avro, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(avro, "MOST_BLOCK_BYTES", 1 << 20)
    with pytest.raises(BadInput, match=r"unpacks to more than 1,048,576 bytes"):
        embraceplus.read(write(container([deflated(bytes(10 << 20))])), "p")
    write(bytes(2 << 20))
    with pytest.raises(BadInput, match=r"a\.avro has 2,097,152 bytes"):
        embraceplus.read(write(bytes(2 << 20)), "p")


@pytest.mark.parametrize("content", [b"", b"Obj\x01", b"Obj\x01" + b"some other schema" * 20, b"empatica.format.avro"])
def test_what_is_none(write, content):
    assert not embraceplus.recognise(write(content))


def test_a_missing_package_names_the_extra(write, monkeypatch):
    path = write(file_of(session()))
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(NotPossibleHere, match="no package fastavro") as caught:
        embraceplus.read(path, "p")
    assert caught.value.next_command == "pip install 'edgeacc[formats]'"


def test_the_command_line_tells_the_place(edgeacc, write, tmp_path):
    path = write(file_of(session(70))[:-1])
    for ran in (edgeacc("import", path, "-o", tmp_path / "store"), edgeacc("validate", path)):
        assert ran.code == 2
        assert "a.avro, block 0: it ends at byte" in ran.err


@settings(deadline=None, max_examples=80)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=5),
    cut=st.floats(0, 1) | st.none(),
    inside=st.booleans(),
)
def test_no_content_makes_it_fall_over(tmp_path_factory, changes, cut, inside):
    content = bytearray(encoded(session(2)) if inside else file_of(session(2)))
    for at, value in changes:
        content[int(at * len(content))] = value
    content = content[: None if cut is None else int(cut * len(content))]
    path = tmp_path_factory.mktemp("avro") / "a.avro"
    path.write_bytes(container([deflated(bytes(content))]) if inside else content)
    told = None
    try:
        for recording in embraceplus.read(path, "p"):
            assert np.isfinite(recording.acc.samples_CN).all()
            assert np.isfinite(recording.ppg.samples_CN).all()
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "a.avro" in told


@pytest.mark.skipif(not REAL.exists(), reason="the real EmbracePlus recording is not here")
def test_the_real_recording():
    pytest.importorskip("fastavro")
    (recording,) = embraceplus.read(REAL, "p")
    acc, ppg = recording.acc, recording.ppg
    assert acc.samples_CN.shape == (3, 115_904)
    assert ppg.samples_CN.shape == (1, 115_904)
    assert acc.rate_hz == pytest.approx(63.9999, abs=1e-4)
    assert acc.start_s - ppg.start_s == pytest.approx(1.0003, abs=1e-3)
    assert acc.samples_CN[:, 0] == pytest.approx([-0.999424, -0.067832, 0.197152], abs=1e-6)  # as published
    seconds = acc.samples_CN[:, : 64 * 1811].reshape(3, 1811, 64)
    still = seconds.std(2).max(0) < 0.01
    at_rest_g = np.linalg.norm(seconds.mean(2), axis=0)[still]
    assert still.sum() > 300
    assert at_rest_g.mean() == pytest.approx(1.0, abs=0.01)
    assert 60 / np.median(recording.intervals.samples_CN) == pytest.approx(59, abs=2)


@pytest.mark.skipif(not REAL.exists(), reason="the real EmbracePlus recording is not here")
def test_the_upstroke_of_a_real_pulse_is_positive():
    """The device's systolic peaks lie near the maximum, and the steepest rise before them is the steepest slope."""
    pytest.importorskip("fastavro")
    (recording,) = embraceplus.read(REAL, "p")
    at = np.round((recording.intervals.at_s - recording.ppg.start_s) * 64).astype(int)
    acc = recording.acc.samples_CN
    beats = []
    for beat in at[(at > 400) & (at < 115_000)]:
        if np.sqrt(acc[:, beat - 384 : beat + 256].var(1).sum()) < 0.01:
            one = recording.ppg.samples_CN[0, beat - 32 : beat + 32]
            beats.append((one - one.mean()) / one.std())
    mean_beat = np.median(beats, axis=0)
    rise = np.gradient(mean_beat)
    assert abs(mean_beat.argmax() - 32) < 8
    assert rise.max() > 1.3 * -rise.min()
    assert -0.35 < (rise.argmax() - 32) / 64 < 0
