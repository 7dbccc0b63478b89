import io
import pickle
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.recordings import dalia
from edgeacc.recordings.recording import Recording

SECONDS = 20


def content(seconds=SECONDS, counts=True, **changed):
    rng = np.random.default_rng(0)
    acc = rng.integers(-1, 2, (32 * seconds, 3)) + np.array([0, 20, 60])
    bvp = np.sin(np.arange(64 * seconds) / 64 * 2 * np.pi)[:, None]
    wrist = {"ACC": acc * 1.0 if counts else acc / 64, "BVP": bvp, "EDA": np.zeros((4 * seconds, 1))}
    chest = {"ECG": np.zeros((700 * seconds, 1), np.float32)}
    return {
        "signal": {"wrist": wrist | changed.pop("wrist", {}), "chest": chest},
        "rpeaks": np.arange(350, 700 * seconds, 700, dtype=np.int32),
        "label": np.full(5, 60.0),
        "activity": np.zeros((4 * seconds, 1)),
        "questionnaire": {"AGE": 30.0, "Gender": "m", "HEIGHT": np.float64(180.0)},
        "subject": "S1",
        **changed,
    }


def python_2(value, protocol):
    """A pickle as Python 2 wrote it: texts as bytes, at protocol 0 as their repr."""
    out = io.BytesIO()

    def text(raw):
        if protocol == 0:
            body = "".join(chr(one) if 32 <= one < 127 and one not in b"'\\" else f"\\x{one:02x}" for one in raw)
            out.write(b"S'" + body.encode() + b"'\n")
        else:
            out.write(b"T" + struct.pack("<I", len(raw)) + raw)

    def whole(number):
        out.write(b"I%d\n" % number)

    def write(one):
        if isinstance(one, dict):
            out.write(b"(d" if protocol == 0 else b"}")
            for key, inner in one.items():
                write(key)
                write(inner)
                out.write(b"s")
        elif isinstance(one, np.ndarray):
            out.write(b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\nt")
            text(b"b")
            out.write(b"tR(I1\n(")
            for side in one.shape:
                whole(side)
            out.write(b"tcnumpy\ndtype\n(")
            text(one.dtype.str[1:].encode())
            out.write(b"I0\nI1\ntR(I3\n")
            text(b"<")
            out.write(b"NNNI-1\nI-1\nI0\ntbI00\n")
            text(one.tobytes())
            out.write(b"tb")
        elif isinstance(one, str):
            text(one.encode("latin-1"))
        else:
            out.write(b"F%r\n" % float(one))

    out.write(b"" if protocol == 0 else b"\x80\x02")
    write(value)
    return out.getvalue() + b"."


@pytest.fixture
def write(tmp_path):
    def write(made, name="S1.pkl"):
        raw = made if isinstance(made, bytes) else pickle.dumps(made)
        (tmp_path / name).write_bytes(raw)
        return tmp_path / name

    return write


WRITERS = [lambda made, protocol=protocol: pickle.dumps(made, protocol) for protocol in range(6)]
WRITERS += [lambda made, protocol=protocol: python_2(made, protocol) for protocol in (0, 2)]


@pytest.mark.parametrize("dump", WRITERS)
def test_a_file_becomes_a_recording(write, dump):
    path = write(dump(content()), "any name")
    assert dalia.recognise(path)
    recording = dalia.read(path, "S1")
    assert (recording.acc.rate_hz, recording.acc.unit, recording.acc.samples_CN.shape) == (32, "g", (3, 32 * SECONDS))
    np.testing.assert_array_equal(recording.acc.samples_CN[2] * 64, content()["signal"]["wrist"]["ACC"][:, 2])
    assert np.linalg.norm(recording.acc.samples_CN, axis=0).mean() == pytest.approx(1, abs=0.02)
    assert (recording.ppg.rate_hz, recording.ppg.samples_CN.shape) == (64, (1, 64 * SECONDS))
    np.testing.assert_allclose(recording.ppg.samples_CN[0], content()["signal"]["wrist"]["BVP"][:, 0], atol=1e-7)
    np.testing.assert_allclose(recording.reference.at_s, 0.5 + np.arange(1, SECONDS))
    assert (recording.reference.samples_CN == 1).all()
    assert recording.reference.clock == "sensor"
    assert recording.participant == "dalia S1"


def test_counts_and_g_give_the_same(write):
    one, two = (dalia.read(write(content(counts=counts)), "S1") for counts in (True, False))
    np.testing.assert_array_equal(one.acc.samples_CN, two.acc.samples_CN)
    assert "accelerometer was in 1/64 g" in one.notes
    assert "accelerometer was in g" in two.notes


def test_without_r_peaks(write):
    made = content()
    del made["rpeaks"]
    recording = dalia.read(write(made), "folder")
    assert recording.reference is None
    assert recording.participant == "wesad S1"
    del made["subject"]
    assert dalia.read(write(made), "folder").participant == "folder"
    assert "chest ECG without R peaks: no reference beats" in recording.notes


def test_orders_in_memory_and_byte_orders(write):
    acc = content()["signal"]["wrist"]["ACC"]
    expected = dalia.read(write(content()), "S1").acc.samples_CN
    for other in (np.asfortranarray(acc), acc.astype(">f4"), acc.astype(np.int16)):
        np.testing.assert_array_equal(dalia.read(write(content(wrist={"ACC": other})), "S1").acc.samples_CN, expected)


def test_missing_samples_stay_missing(write):
    acc = content()["signal"]["wrist"]["ACC"]
    acc[64:96] = np.nan
    assert np.isnan(dalia.read(write(content(wrist={"ACC": acc})), "S1").acc.samples_CN).sum() == 96


def test_other_files_are_not_recognised(write, tmp_path):
    assert not dalia.recognise(tmp_path)
    for made in (
        b"",
        b"(d",
        b"\x80\x04}",
        pickle.dumps({"signal": 1}),
        pickle.dumps([b"wrist BVP ACC"]),
        b"wrist BVP ACC",
    ):
        assert not dalia.recognise(write(made))


NOISE = np.zeros((32 * SECONDS, 3))
MALFORMED = [
    (b"", "is empty"),
    (b"no pickle", "byte 1: b'n' is no opcode"),
    (pickle.dumps(content())[:-5000], "the file has .* more|the file ends"),
    (pickle.dumps([1]), "holds no dict"),
    (pickle.dumps({}), "lacks signal; there is nothing"),
    (pickle.dumps({"signal": {"chest": {}}}), "lacks signal -> wrist; there is chest"),
    (pickle.dumps({"signal": {"wrist": {"ACC": NOISE}}}), "lacks signal -> wrist -> BVP; there is ACC"),
    (content(wrist={"ACC": NOISE[:, :2]}), r"wrist ACC: float64 of shape \(640, 2\)"),
    (content(wrist={"ACC": "no array"}), "wrist ACC is no array"),
    (content(wrist={"ACC": np.full((640, 3), "x")}), "wrist ACC is an array of 'U1'"),
    (content(wrist={"ACC": NOISE}), r"wrist ACC: the median magnitude is 0\b"),
    (content(wrist={"ACC": NOISE + np.nan}), r"channel 0 has no number in it \(all NaN\)"),
    (content(wrist={"ACC": NOISE + np.inf}), "sample 0, channel 0 is inf"),
    (content(wrist={"BVP": np.zeros((0, 1))}), r"wrist BVP: 0 sample\(s\)"),
    (content(wrist={"BVP": np.zeros((32 * SECONDS, 1))}), r"span 20\.0 and 10\.0 s"),
    (content(rpeaks=np.array([700, 1400, 1300, 2100])), "rpeaks, number 2: the beats do not go forward"),
    (content(rpeaks=np.array([700, 1400, 700 * 90])), "the last R peak is at 90"),
    (content(rpeaks=np.array([0.5, 1.5])), r"not sample numbers \(float64\)"),
]


@pytest.mark.parametrize(("made", "told"), MALFORMED)
def test_malformed_files_are_told(write, made, told):
    with pytest.raises(BadInput, match=rf"S1\.pkl.*({told})") as caught:
        dalia.read(write(made), "S1")
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.problem


class Calls:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


TOUCH = "touch {}"
PROGRAMS = [
    b"cos\nsystem\n(S'touch {}'\ntR.",
    b"cposix\nsystem\n(S'touch {}'\ntR.",
    b'c__builtin__\neval\n(S\'open("{}","w")\'\ntR.',
    b'cbuiltins\nexec\n(S\'open("{}","w")\'\ntR.',
    b"(S'touch {}'\nios\nsystem\n.",
    b"(cos\nsystem\nS'touch {}'\no.",
    b"\x80\x02cos\nsystem\nU\x01a\x85\x81.",
    b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01a\x85R.",
    b"\x80\x04\x8c\x02os\x8c\x06system\x93)}\x92.",
    b"\x80\x02\x82\x01.",
    b"\x80\x02\x83\x01\x00.",
    b"\x80\x02\x84\x01\x00\x00\x00.",
    b"cnumpy\nload\n(S'{}'\ntR.",
    b"cfunctools\npartial\n(cos\nsystem\nS'touch {}'\ntR.",
    b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nload\nS'{}'\ntR.",
    b"cnumpy\nndarray\n(I1\ntR.",
    b"cnumpy\ndtype\n(dS'__setstate__'\ncos\nsystem\nsb.",
    b"cnumpy\ndtype\n}b.",
    b"c_codecs\nencode\n(S'a'\nS'rot13'\ntR.",
    b"c_codecs\nencode\n(N(S'__class__'\nI1\ndtb.",
    b"Pos.system\n.",
    b"S'a'\nQ.",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_in_a_pickle_is_run(write, tmp_path, program):
    mark = tmp_path / "touched"
    # In front of a whole recording, which would be read if the program were passed over.
    raw = program.replace(b"{}", str(mark).encode())
    with pytest.raises(BadInput, match=r"S1\.pkl, byte \d+: ") as caught:
        dalia.read(write(raw[:-1] + b"0" + pickle.dumps(content())), "S1")
    assert "nothing of the file was run" in caught.value.valid
    assert not mark.exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_call_hidden_in_a_recording_is_refused(write, tmp_path, protocol):
    import os

    made = content(label=Calls(os.system, f"touch {tmp_path / 'touched'}"))
    with pytest.raises(BadInput, match=r"it names (posix|nt)\.system, which is no data"):
        dalia.read(write(pickle.dumps(made, protocol)), "S1")
    assert not (tmp_path / "touched").exists()


def array(shape, raw, code=b"f8"):
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n"
        + shape
        + b"cnumpy\ndtype\n(S'"
        + code
        + b"'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
        + raw
        + b"tb"
    )


BOMBS = [
    (array(b"(I1000000000000\nI3\nt", b"S'abc'\n"), "x 8 bytes, but 3 bytes are there"),
    (array(b"(" + b"I9999999999\n" * 50 + b"t", b"S'abc'\n"), "50 dimension"),
    (array(b"(I-1\nt", b"S'abc'\n"), "has no shape"),
    (array(b"(I0\nI3\nt", b"S''\n"), r"wrist ACC: 0 sample"),
    (array(b"(I1\nI3\nt", b"N"), "wrist ACC has no bytes"),
    (array(b"(I1\nt", b"(I1\nl", b"O8"), "wrist ACC is an array of 'O8'"),
    (b"T\xff\xff\xff\xff", "a text of 4294967295 bytes"),
    (b"\x8e" + b"\xff" * 8, "a text of 18446744073709551615 bytes"),
    (b"\x8b\xff\xff\xff\x7f", "a whole number of 2147483647 bytes"),
    (b"I" + b"9" * 10_000 + b"\n", "no end of line within 64 bytes"),
    (b"(" * 100 + b"l" * 100, "wrist ACC is no array"),
    (b"N" * 1_000_100, "more than 1,000,000 steps"),
    (b"Nr\xff\xff\xff\x7f", "wrist ACC is no array"),
    (b"N\x85" + b"2\x86" * 100 + b"Ns", "a key of type tuple|no dict to add"),
]


@pytest.mark.parametrize(("bomb", "told"), BOMBS)
def test_claims_do_not_fill_the_memory(write, bomb, told):
    made = b"(dS'signal'\n(dS'wrist'\n(dS'BVP'\n" + array(b"(I2\nt", b"S'" + b"a" * 16 + b"'\n") + b"sS'ACC'\n" + bomb
    began = time.perf_counter()
    with pytest.raises(BadInput, match=told):
        dalia.read(write(made + b"sss."), "S1")
    assert time.perf_counter() - began < 20


SMALL = {"signal": {"wrist": {"ACC": np.full((64, 3), 37.0), "BVP": np.arange(128.0)}}, "rpeaks": np.arange(3) * 500}
SEEDS = [pickle.dumps(SMALL, protocol) for protocol in range(6)] + [python_2(SMALL, protocol) for protocol in (0, 2)]


@settings(deadline=20_000, max_examples=100)
@given(st.data())
def test_no_change_makes_it_fall_over(tmp_path_factory, data):
    raw = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        end = at + data.draw(st.integers(0, 6))
        raw[at:end] = data.draw(st.binary(max_size=6))
    path = tmp_path_factory.mktemp("dalia") / "S1.pkl"
    path.write_bytes(raw)
    told = None
    dalia.recognise(path)
    try:
        assert isinstance(dalia.read(path, "S1"), Recording)
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "S1.pkl" in told
