import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.recordings import wfdb
from edgeacc.recordings.recording import Recording

HZ = 256
SECONDS = 6


def encode(values, format_):
    """Samples in one of the formats, from the manual's description."""
    values = np.asarray(values, np.int64)
    if format_ in (16, 32):
        return values.astype(f"<i{format_ // 8}").tobytes()
    if format_ == 24:
        return b"".join(int(one & 0xFFFFFF).to_bytes(3, "little") for one in values)
    pairs = np.append(values, 0)[: len(values) + len(values) % 2].reshape(-1, 2) & 0xFFF
    out = bytearray()
    for one, two in pairs.tolist():
        out += bytes([one & 0xFF, one >> 8 | two >> 8 << 4, two & 0xFF])
    return bytes(out[: (len(values) * 12 + 7) // 8])


def annotate(samples, code=1):
    words, before = [], 0
    for sample in samples:
        step, before = sample - before, sample
        if step > 1023:
            words += [59 << 10, step >> 16, step & 0xFFFF]
            step = 0
        words.append(code << 10 | step)
    return np.array([*words, 0], "<u2").tobytes()


SIGNALS = ("chest_ecg", "wrist_ppg", "accelerometer_x", "accelerometer_y", "accelerometer_z")


@pytest.fixture
def write(tmp_path):
    def write(
        format_=16, unit="g", gravity=1.0, gain=1000.0, baseline=7, beats=range(128, 256 * SECONDS, 256), **texts
    ):
        count = HZ * SECONDS
        made = np.zeros((count, 5))
        made[:, 1] = np.arange(count) % 256 - 100
        made[:, 3:] = np.array([0.6, 0.8]) * gain * gravity
        raw = np.round(made).astype(np.int64) + baseline
        lines = [f"s1 5 {HZ} {count} 10:00:00"]
        for n, name in enumerate(SIGNALS):
            scale, one = (gain, unit) if n > 1 else (1.0, "mV")
            lines.append(f"s1.dat {format_} {scale}({baseline})/{one} 16 0 {raw[0, n]} 0 0 {name}")
        texts = {"hea": "\n".join([*lines, "# a comment"]).encode(), "dat": encode(raw.ravel(), format_)} | texts
        texts.setdefault("atr", annotate(beats))
        for suffix, content in texts.items():
            if content is not None:
                (tmp_path / f"s1.{suffix}").write_bytes(content)
        return tmp_path / "s1.hea"

    return write


@pytest.mark.parametrize("format_", [16, 24, 32, 212])
def test_a_record_becomes_a_recording(write, format_):
    path = write(format_)
    assert wfdb.recognise(path)
    recording = wfdb.read(path, "p")
    assert (recording.acc.rate_hz, recording.acc.samples_CN.shape) == (HZ, (3, HZ * SECONDS))
    np.testing.assert_allclose(recording.acc.samples_CN[:, 5], [0, 0.6, 0.8], atol=1e-6)
    np.testing.assert_array_equal(recording.ppg.samples_CN[0], np.arange(HZ * SECONDS) % 256 - 100)
    np.testing.assert_allclose(recording.reference.at_s, 0.5 + np.arange(1, SECONDS))
    assert (recording.reference.samples_CN == 1).all()


def test_the_person_in_a_records_name(write):
    path = write().rename(write().with_name("s1_walk.hea"))
    assert wfdb.read(path, "s1_walk.hea").participant == "s1"
    assert wfdb.read(path, "a folder").participant == "a folder"


@pytest.mark.parametrize(
    ("unit", "gravity", "gain"), [("mg", 1000, 1.0), ("m/s^2", 9.80665, 1000.0), ("G", 1, 1000.0), ("NU", 1000, 1.0)]
)
def test_units_of_the_header(write, unit, gravity, gain):
    recording = wfdb.read(write(32, unit=unit, gravity=gravity, gain=gain), "p")
    np.testing.assert_allclose(np.linalg.norm(recording.acc.samples_CN, axis=0), 1, atol=1e-4)


def test_the_lowest_value_is_no_sample(write):
    path = write(16)
    raw = np.frombuffer((path.parent / "s1.dat").read_bytes(), "<i2").copy().reshape(-1, 5)
    raw[10:20, 2] = -32768
    (path.parent / "s1.dat").write_bytes(raw.tobytes())
    assert np.isnan(wfdb.read(path, "p").acc.samples_CN[0]).nonzero()[0].tolist() == list(range(10, 20))


def test_without_ppg_and_without_beats(write):
    path = write(atr=None)
    path.write_text(path.read_text().replace("wrist_ppg", "temperature"))
    recording = wfdb.read(path, "p")
    assert recording.ppg is None
    assert recording.reference is None
    assert "no beats beside the header" in recording.notes


def test_annotations_that_are_no_beats(tmp_path):
    note = np.array([28 << 10 | 100, 63 << 10 | 3, 0x4141, 0x0041, 62 << 10 | 2], "<u2").tobytes()
    (tmp_path / "a.atr").write_bytes(note + annotate([50, 2000]))
    assert wfdb.annotations(tmp_path / "a.atr") == [150, 2100]


def test_other_files_are_not_recognised(tmp_path, write):
    assert not wfdb.recognise(tmp_path)
    for content in (
        b"",
        b"a text about 3 things",
        b"time,x,y,z\n1,2,3,4\n",
        b"\x00\x01\x02" * 50,
        b"s1 1 250\ns1.dat 16\n",
    ):
        (tmp_path / "other").write_bytes(content)
        assert not wfdb.recognise(tmp_path / "other")


LINE = "s1.dat 16 1000(7)/g 16 0 7 0 0 accelerometer_x"
CHANGES = [
    (("s1 5", "s1/3 5"), "line 1: a record of several segments"),
    (("s1 5", "s1 6"), r"has 5 signal\(s\), line 1 says 6"),
    (("s1 5 256", "s1 5 2"), "line 1: 2 samples per second"),
    (("s1 5 256", "s1 5 nan"), "line 1: "),
    (("s1.dat 16 1000.0", "s1.dat 80 1000.0"), "line 4: format 80"),
    (("s1.dat 16 1000.0", "s1.dat 16x2 1000.0"), "line 4: several samples per frame"),
    (("s1.dat 16 1000.0", "s1.dat 24 1000.0"), "have several formats"),
    (("s1.dat 16 1000.0", "../s1.dat 16 1000.0"), "a signal is in '../s1.dat'"),
    (("s1.dat 16 1000.0", "s1.dat sixteen 1000.0"), "line 4: 's1.dat sixteen"),
    (("s1.dat 16 1000.0", "s1.dat 16 1e-30"), "line 4: a gain of 1e-30"),
    (("s1.dat", "s2.dat"), "s2.dat is not beside it"),
    (("accelerometer_z", "gyroscope_z"), "has no accelerometer with x, y and z; its signals: chest_ecg"),
    (("/g", "/mg"), "the median magnitude is 1"),
    (("1536", "1537"), r"has 1536 samples of 5 signal\(s\), s1.hea says 1537"),
    (("1536", "99999999999999999999"), r"has 1536 samples of 5 signal\(s\), s1.hea says 9999"),
]


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_wrong_headers(write, change, told):
    path = write()
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(BadInput, match=told) as caught:
        wfdb.read(path, "p")
    assert "s1." in caught.value.problem
    assert "\n" not in caught.value.problem


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ({"hea": b""}, r"s1\.hea is empty"),
        ({"hea": b"\xff\xfe\x00"}, r"s1\.hea is empty or no text"),
        ({"dat": None}, r"s1\.dat is not beside it"),
        ({"dat": b""}, r"s1\.dat has 0 samples"),
        ({"dat": bytes(1000)}, r"s1\.dat has 100 samples"),
        ({"dat": bytes(HZ * SECONDS * 10)}, "the median magnitude is 0.01"),
        ({"dat": b"\x00\x80" * HZ * SECONDS * 5}, r"all NaN"),
        ({"atr": np.array([59 << 10, 1], "<u2").tobytes()}, r"s1\.atr: it ends within a skip"),
        ({"atr": np.array([63 << 10 | 9, 1], "<u2").tobytes()}, r"s1\.atr: it ends within a text"),
        ({"atr": annotate([100, 200, 10**6])}, r"s1\.atr: the last beat is sample 1000000"),
        (
            {"atr": np.array([1 << 10 | 9, 1 << 10, 1 << 10 | 4, 0], "<u2").tobytes()},
            r"s1\.atr, beat 1: the beats do not",
        ),
    ],
)
def test_wrong_files(write, texts, told):
    with pytest.raises(BadInput, match=told):
        wfdb.read(write(**texts), "p")


@pytest.mark.integration
@settings(deadline=20_000, max_examples=100)
@given(st.data())
def test_no_change_makes_it_fall_over(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("wfdb")
    format_ = data.draw(st.sampled_from([16, 24, 32, 212]))
    lines = [
        "s1 4 64 20",
        *(f"s1.dat {format_} 100/g 12 0 60 0 0 {name}" for name in ("ppg", "acc_x", "acc_y", "acc_z")),
    ]
    files = {
        "hea": bytearray("\n".join(lines).encode()),
        "dat": bytearray(encode(np.full(80, 60), format_)),
        "atr": bytearray(annotate([3, 8, 12, 18])),
    }
    for _ in range(data.draw(st.integers(1, 4))):
        raw = files[data.draw(st.sampled_from([*files]))]
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        end = at + data.draw(st.integers(0, 5))
        raw[at:end] = data.draw(
            st.binary(max_size=5) | st.sampled_from([b"9" * 30, b"1e300", b" ", b"\n", b"nan", b"/0"])
        )
    for suffix, raw in files.items():
        (folder / f"s1.{suffix}").write_bytes(raw)
    told = None
    wfdb.recognise(folder / "s1.hea")
    try:
        assert isinstance(wfdb.read(folder / "s1.hea", "p"), Recording)
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "s1." in told


def test_beats_of_too_many_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(wfdb, "MOST_BEATS_BYTES", 100)
    (tmp_path / "a.atr").write_bytes(bytes(101))
    with pytest.raises(BadInput, match=r"a\.atr has 101 bytes"):
        wfdb.annotations(tmp_path / "a.atr")
