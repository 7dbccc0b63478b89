import struct
import zlib

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.recordings import troika, wildppg
from edgeacc.recordings.matlab import Matlab
from edgeacc.recordings.recording import Recording

h5py = pytest.importorskip("h5py", reason="the extra formats is not installed")


def sig(seconds=16, rows=6, gravity=1.0):
    t = np.arange(125 * seconds) / 125
    pulse = np.sin(2 * np.pi * t)
    acc = np.stack([0.01 * np.sin(t), 0.6 + 0 * t, 0.8 + 0 * t]) * gravity
    return np.concatenate([pulse[None], 2 * pulse[None], 3 * pulse[None], acc])[6 - rows :]


def sites(seconds=4, gravity=1.0, **changed):
    count = 128 * seconds
    axes = {"acc_x": np.zeros(count), "acc_y": np.full(count, 0.6), "acc_z": np.full(count, 0.8)}
    optical = {"ppg_g": np.arange(count) % 128.0, "ppg_r": np.ones(count), "ppg_ir": np.ones(count)}
    channels = {name: values * gravity for name, values in axes.items()} | optical
    made = {name: {"v": values[:, None], "fs": 128.0} for name, values in channels.items()} | changed
    return {site: {key: value for key, value in made.items() if value is not None} for site in wildppg.SITES}


def write_73(path, variables):
    """A v7.3 file: HDF5 behind 512 bytes of MATLAB's header, dimensions reversed."""

    def put(group, name, value):
        if isinstance(value, dict):
            inner = group.create_group(name)
            for key, one in value.items():
                put(inner, key, one)
        else:
            group.create_dataset(name, data=np.atleast_2d(value).T)

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            put(file, name, value)
    raw = bytearray(path.read_bytes())
    raw[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(raw)


def plain(path, variables):
    scipy.io.savemat(path, variables)


def packed(path, variables):
    scipy.io.savemat(path, variables, do_compression=True)


WRITERS = [plain, packed, write_73]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("rows", [5, 6])
def test_a_run_of_troika(tmp_path, write, rows):
    path = tmp_path / "any name"
    with path.open("wb") as file:
        write(path if write is write_73 else file, {"sig": sig(rows=rows)})
    assert troika.recognise(path)
    assert not wildppg.recognise(path)
    recording = troika.read(path, "p")
    assert (recording.acc.rate_hz, recording.ppg.rate_hz) == (125, 125)
    np.testing.assert_allclose(recording.acc.samples_CN, sig()[3:], rtol=1e-6)
    np.testing.assert_allclose(recording.ppg.samples_CN, sig()[1:3], atol=1e-6)
    assert np.linalg.norm(recording.acc.samples_CN, axis=0).mean() == pytest.approx(1, abs=0.01)
    assert recording.intervals is None


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(("gravity", "unit"), [(1, "g"), (9.81, "m/s2"), (1000, "mg")])
def test_the_sites_of_wildppg(tmp_path, write, gravity, unit):
    path = tmp_path / "person.mat"
    write(
        path, sites(gravity=gravity) | {"id": "abc", "notes": ""} if write is not write_73 else sites(gravity=gravity)
    )
    assert wildppg.recognise(path)
    assert not troika.recognise(path)
    recordings = list(wildppg.read(path, "p"))
    assert [one.device for one in recordings] == [f"WildPPG sensor, {site}" for site in wildppg.SITES]
    for one in recordings:
        assert (one.acc.rate_hz, one.ppg.samples_CN.shape) == (128, (3, 512))
        assert np.linalg.norm(one.acc.samples_CN, axis=0).mean() == pytest.approx(1, abs=0.001)
        assert f"accelerometer was in {unit} by its gravity" in one.notes
        np.testing.assert_array_equal(one.ppg.samples_CN[0], np.arange(512) % 128)


def test_what_scipy_writes_is_read_alike(tmp_path):
    made = {
        "a": np.arange(12, dtype=np.int16).reshape(3, 4),
        "b": {"c": np.array([[1.5]]), "d": {"e": "text"}},
        "f": np.array([[1.0, 2.0]], np.float32),
    }
    for write in (plain, packed):
        write(tmp_path / "a.mat", made)
        file = Matlab(tmp_path / "a.mat")
        np.testing.assert_array_equal(file.value("a"), made["a"])
        assert file.value("b")["d"]["e"] == "text"
        assert file.value("b")["c"].tolist() == [[1.5]]
        assert file.value("f").dtype == np.float32


def test_the_other_byte_order(tmp_path):
    numbers = np.arange(6.0).reshape(2, 3)
    body = struct.pack(">IIII", 6, 8, 6, 0) + struct.pack(">IIII", 5, 8, 2, 3) + struct.pack(">HH4s", 3, 1, b"sig"[:4])
    body += struct.pack(">II", 9, 48) + numbers.T.astype(">f8").tobytes()
    (tmp_path / "a.mat").write_bytes(b"MATLAB".ljust(124) + b"\x01\x00MI" + struct.pack(">II", 14, len(body)) + body)
    np.testing.assert_array_equal(Matlab(tmp_path / "a.mat").value("sig"), numbers)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"other": sig()}, "lacks the variable sig; it has other"),
        ({"sig": sig()[:4]}, r"sig is \(4, 2000\)"),
        ({"sig": sig()[:, :1]}, r"PPG in sig: 1 sample"),
        ({"sig": sig(gravity=50)}, "the median magnitude is 50"),
        ({"sig": sig(gravity=0)}, "the median magnitude is 0"),
        ({"sig": sig() * np.nan}, "channel 0 has no number"),
        ({"sig": sig() + 1j}, "complex|is complex"),
        ({"sig": {"a": 1.0}}, "sig is dict"),
    ],
)
def test_wrong_runs(tmp_path, write, made, told):
    write(tmp_path / "run.mat", made)
    with pytest.raises(BadInput, match=rf"run\.mat.*({told})") as caught:
        troika.read(tmp_path / "run.mat", "p")
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.problem


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"acc_y": None}, "sternum.acc_y is not there"),
        ({"ppg_g": None, "ppg_r": None, "ppg_ir": None}, "sternum.ppg_g is not there"),
        ({"acc_y": {"v": np.ones((512, 1)), "fs": 64.0}}, r"rates \[64.0, 128.0\] Hz"),
        ({"acc_y": {"v": np.ones((500, 1)), "fs": 128.0}}, r"lengths \[500, 512\]"),
        ({"ppg_g": {"v": np.ones((512, 2)), "fs": 128.0}}, r"shape \(512, 2\)"),
        ({name: {"v": np.ones((512, 1)), "fs": 64.0} for name in wildppg.PPG}, r"span 4.0 and 8.0 s"),
        ({name: {"v": np.ones((512, 1)), "fs": 0.0} for name in wildppg.PPG}, "0 samples per second"),
    ],
)
def test_wrong_sites(tmp_path, write, changed, told):
    write(tmp_path / "person.mat", sites(**changed))
    with pytest.raises(BadInput, match=rf"person\.mat.*({told})"):
        list(wildppg.read(tmp_path / "person.mat", "p"))


def test_a_signalling_nan_is_a_missing_sample(tmp_path):
    made = sig()
    made.view(np.uint64)[3, 5] = 0x7FF0000000000001
    plain(tmp_path / "run.mat", {"sig": made})
    assert np.isnan(troika.read(tmp_path / "run.mat", "p").acc.samples_CN).sum() == 1


@pytest.mark.parametrize("write", WRITERS)
def test_cut_off_files(tmp_path, write):
    path = tmp_path / "run.mat"
    write(path, {"sig": sig()})
    raw = path.read_bytes()
    for length in (0, 100, 130, 140, 600, len(raw) // 2, len(raw) - 9):
        path.write_bytes(raw[:length])
        with pytest.raises(BadInput, match=r"run\.mat"):
            troika.read(path, "p")


def matrix(kind, content=b"", shape=(1, 1), name=b"sig\0\0\0\0\0", flags=0):
    body = struct.pack("<IIII", 6, 8, kind | flags << 8, 0) + struct.pack("<IIii", 5, 8, *shape)
    body += struct.pack("<II", 1, len(name)) + name + content
    return struct.pack("<II", 14, len(body)) + body


HEAD = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
DOUBLES = struct.pack("<II", 9, 16) + bytes(16)
NAMED = b"sig"
SIG = struct.pack("<HH4s", 1, 3, b"sig")


def named(kind, content, shape=(1, 1)):
    body = struct.pack("<IIII", 6, 8, kind, 0) + struct.pack("<IIii", 5, 8, *shape) + SIG + content
    return struct.pack("<II", 14, len(body)) + body


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (named(3, DOUBLES), "it is an object"),
        (named(16, DOUBLES), "it is a function"),
        (named(17, DOUBLES), "it is an opaque object"),
        (named(5, DOUBLES), "it is a sparse matrix"),
        (named(99, DOUBLES), "class 99 is not known"),
        (named(6, DOUBLES, (2**31 - 1, 2**31 - 1)), "dimensions .* for 2 numbers"),
        (named(6, DOUBLES, (-1, 2)), "dimensions that cannot be"),
        (named(6, struct.pack("<II", 9, 2**32 - 1)), "4294967295 bytes are announced, 0 are there"),
        (named(6, struct.pack("<II", 9, 12) + bytes(16)), "12 bytes of float64 numbers"),
        (named(1, b"", (2**31 - 1, 2**31 - 1)), "ends within a tag"),
        (named(2, struct.pack("<HHi", 5, 4, 0), (1, 1)), "ends within a tag"),
        (struct.pack("<II", 15, 20) + bytes(20), "compressed bytes"),
    ],
)
def test_what_a_file_claims(tmp_path, raw, told):
    (tmp_path / "run.mat").write_bytes(HEAD + raw)
    with pytest.raises(BadInput, match=told):
        troika.read(tmp_path / "run.mat", "p")


@pytest.mark.integration
def test_a_bomb_is_not_unpacked(tmp_path):
    inner = named(6, struct.pack("<II", 9, 2**29) + bytes(2**26))
    squeezed = zlib.compress(struct.pack("<II", 14, 2**29) + inner[8:], 9)
    (tmp_path / "run.mat").write_bytes(HEAD + struct.pack("<II", 15, len(squeezed)) + squeezed)
    with pytest.raises(BadInput, match="it unpacks to more than"):
        troika.read(tmp_path / "run.mat", "p")


def test_nested_without_end(tmp_path):
    raw = b""
    for _ in range(50):
        raw = matrix(1, raw) if raw else matrix(1)
    body = struct.pack("<IIII", 6, 8, 1, 0) + struct.pack("<IIii", 5, 8, 1, 1) + SIG + raw
    (tmp_path / "run.mat").write_bytes(HEAD + struct.pack("<II", 14, len(body)) + body)
    with pytest.raises(BadInput, match="nested more than 8 deep"):
        troika.read(tmp_path / "run.mat", "p")


def test_links_out_of_a_file_are_refused(tmp_path):
    path = tmp_path / "run.mat"
    write_73(path, {"other": sig()})
    with h5py.File(path, "r+") as file:
        file["sig"] = h5py.ExternalLink("/etc/passwd", "/x")
    with pytest.raises(BadInput, match="sig is a link to elsewhere"):
        troika.read(path, "p")
    with h5py.File(path, "r+") as file:
        del file["sig"]
        file.create_dataset("sig", (100, 6), "f8", external=[("/etc/passwd", 0, 4800)])
    with pytest.raises(BadInput, match="stored elsewhere"):
        troika.read(path, "p")
    with h5py.File(path, "r+") as file:
        del file["sig"]
        file.create_dataset("sig", (10**12, 6), "f8", chunks=(1000, 6))
    with pytest.raises(BadInput, match="has more than"):
        troika.read(path, "p")


def test_without_h5py(tmp_path, monkeypatch):
    write_73(tmp_path / "run.mat", {"sig": sig()})
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    assert troika.recognise(tmp_path / "run.mat")
    assert not wildppg.recognise(tmp_path / "run.mat")
    with pytest.raises(NotPossibleHere, match="needs the package h5py") as caught:
        troika.read(tmp_path / "run.mat", "p")
    assert "edgeacc[formats]" in caught.value.next_command


@pytest.mark.integration
@settings(deadline=20_000, max_examples=100)
@given(st.lists(st.tuples(st.integers(512, 6000), st.binary(min_size=1, max_size=2)), min_size=1, max_size=8))
def test_no_change_of_hdf5_makes_it_fall_over(tmp_path_factory, changes):
    path = tmp_path_factory.mktemp("mat") / "any.mat"
    write_73(path, {"sig": sig(1)[:, :20]})
    raw = bytearray(path.read_bytes())
    for at, content in changes:
        raw[at % len(raw) : at % len(raw) + len(content)] = content
    path.write_bytes(raw)
    told = None
    troika.recognise(path)
    try:
        assert isinstance(troika.read(path, "p"), Recording)
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "any.mat" in told


@pytest.mark.integration
@settings(deadline=20_000, max_examples=100)
@given(st.data())
def test_no_change_makes_it_fall_over(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("mat") / "any.mat"
    made = {"sig": sig(1)[:, :20]} | {site: one for site, one in sites(1).items() if site in ("wrist", "ankle")}
    data.draw(st.sampled_from([plain, packed]))(path, made)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(124, len(raw) - 1))
        end = at + data.draw(st.integers(0, 4))
        raw[at:end] = data.draw(st.binary(max_size=4))
    path.write_bytes(raw)
    for reader in (troika, wildppg):
        told = None
        reader.recognise(path)
        try:
            read = reader.read(path, "p")
            assert isinstance(read, Recording) or all(isinstance(one, Recording) for one in read)
        except BadInput as mistake:
            told = mistake.problem
        assert told is None or "any.mat" in told
