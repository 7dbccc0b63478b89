import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.recordings import e4, e4_zip

REAL = Path("../shared/data/stress_predict")
START_S = 1_644_226_061
ACC = f"{START_S},{START_S},{START_S}\n32,32,32\n" + "0,0,64\n0,1,64\n" * 40
BVP = f"{START_S}\n64\n" + "1\n2\n" * 80
MEMBERS = {"ACC.csv": ACC, "BVP.csv": BVP, "EDA.csv": f"{START_S}\n4\n0.1\n", "info.txt": "about the files"}


def archive(members=MEMBERS, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, text in members.items():
            file.writestr(name, text)
    return out.getvalue()


@pytest.fixture
def write(tmp_path):
    def write(content):
        (tmp_path / "a.zip").write_bytes(content)
        return tmp_path / "a.zip"

    return write


def read(path):
    return e4_zip.read(path, "p")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("folder", ["", "session/", "a/b/"])
def test_an_archive_gives_what_its_folder_gives(tmp_path, write_e4, write, folder, method):
    there = write_e4(tmp_path / "S01", seconds=5)
    members = {f"{folder}{file.name}": file.read_text() for file in there.iterdir()}
    path = write(archive(members | {f"__MACOSX/{folder}._ACC.csv": "x", "inner.zip": "no archive"}, method))
    assert e4_zip.recognise(path)
    zipped, plain = read(path), e4.read(there, "p")
    for one, two in ((zipped.acc, plain.acc), (zipped.ppg, plain.ppg), (zipped.intervals, plain.intervals)):
        np.testing.assert_array_equal(one.samples_CN, two.samples_CN)
        np.testing.assert_array_equal(one.at_s, two.at_s)
    assert zipped.format == "empatica-e4-zip"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["S01", "a.zip"]  # nothing was unpacked


def doubled():
    out = io.BytesIO(archive())
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(out, "a") as file:
        file.writestr("ACC.csv", ACC)
    return out.getvalue()


def claiming(size):
    """The archive whose directory says that its first member unpacks to `size` bytes."""
    content = bytearray(archive())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", size)
    return bytes(content)


def encrypted():
    """The archive whose members are marked as behind a password."""
    content = bytearray(archive())
    for mark, flags_at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = content.find(mark)
        while at >= 0:
            content[at + flags_at] |= 1
            at = content.find(mark, at + 1)
    return bytes(content)


def broken():
    """The archive with a byte of its first member changed."""
    content = bytearray(archive(method=zipfile.ZIP_STORED))
    content[content.index(b"0,1,64")] = ord("9")
    return bytes(content)


MALFORMED = {
    "cut in the directory": (archive()[:-1], r"a\.zip is no whole ZIP archive", "with ACC.csv and BVP.csv"),
    "cut in a member": (archive()[:100], r"a\.zip is no whole ZIP archive", ""),
    "cut in the first name": (archive()[:37], r"a\.zip is no whole ZIP archive", ""),
    "without PPG": (archive({"ACC.csv": ACC}), r"a\.zip.* lacks BVP\.csv; it has ACC\.csv", "ACC.csv and BVP.csv"),
    "two folders": (archive({"1/ACC.csv": ACC, "2/BVP.csv": BVP}), r"a\.zip: ACC\.csv and BVP\.csv in 1, 2", ""),
    "slip": (archive(MEMBERS | {"../evil.csv": "x"}), r"member '\.\./evil\.csv' points outside", ""),
    "slip inside": (archive(MEMBERS | {"a/../../evil": "x"}), r"member 'a/\.\./\.\./evil' points outside", ""),
    "slip of Windows": (archive(MEMBERS | {"..\\evil": "x"}), r"member '\.\./evil' points outside", ""),
    "absolute": (archive(MEMBERS | {"/etc/passwd": "x"}), r"member '/etc/passwd' points outside", ""),
    "a drive": (archive(MEMBERS | {"C:/evil": "x"}), r"member 'C:/evil' points outside", ""),
    "huge": (claiming(3_000_000_000), r"member 'ACC\.csv' unpacks to 3,000,000,000 bytes", "at most 134,217,728"),
    "too many": (archive(MEMBERS | {f"{n}": "" for n in range(1000)}), r"a\.zip: 1004 members", "at most 1000"),
    "a line": (
        archive(MEMBERS | {"BVP.csv": f"{START_S}\n64\n1\ntwo\n"}),
        r"BVP\.csv, line 4: bvp is 'two'",
        "rows of",
    ),
    "a rate": (archive(MEMBERS | {"BVP.csv": f"{START_S}\n0.5\n1\n2\n"}), r"BVP\.csv, line 2: 0\.5 samples", "16 to"),
    "rates": (archive(MEMBERS | {"ACC.csv": ACC.replace("32,32", "32,16")}), r"ACC\.csv, line 2: '32,16,32'", "same"),
    "a sum": (broken(), r"a\.zip is no whole ZIP archive: Bad CRC-32", ""),
    "a password": (encrypted(), r"a\.zip: File .* is encrypted", "without a password"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_archives_are_told_by_member_and_line(write, case):
    content, told, valid = MALFORMED[case]
    path = write(content)
    assert e4_zip.recognise(path)
    with pytest.raises(BadInput, match=told) as caught:
        read(path)
    assert valid in caught.value.valid


def test_a_member_that_is_there_twice(write):
    with pytest.raises(BadInput, match=r"a\.zip: member 'ACC\.csv' is there twice"):
        read(write(doubled()))


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", archive({"a.txt": "x"}), archive({"inner.zip": archive()}), archive()[1:]]
)
def test_what_is_none(write, content):
    assert not e4_zip.recognise(write(content))


def test_the_command_line(edgeacc, write, tmp_path):
    path = write(archive())
    assert "recording (empatica-e4-zip)" in edgeacc("validate", path).out
    write(archive(MEMBERS | {"../evil.csv": "x"}))
    for ran in (edgeacc("import", path, "-o", tmp_path / "store"), edgeacc("validate", path)):
        assert ran.code == 2
        assert "a.zip: member '../evil.csv' points outside the archive" in ran.err


@settings(deadline=None, max_examples=80)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5),
    cut=st.floats(0, 1) | st.none(),
    method=st.sampled_from([zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]),
)
def test_no_content_makes_it_fall_over(tmp_path_factory, changes, cut, method):
    content = bytearray(archive(method=method))
    for at, value in changes:
        content[int(at * len(content))] = value
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    path.write_bytes(content[: None if cut is None else int(cut * len(content))])
    told = None
    try:
        e4_zip.recognise(path)
        assert np.isfinite(read(path).acc.samples_CN).all()
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "a.zip" in told


@pytest.mark.skipif(not REAL.exists(), reason="the real E4 recordings are not here")
def test_a_real_recording(write):
    members = {file.name: file.read_text() for file in (REAL / "S01").iterdir()}
    zipped, plain = read(write(archive(members))), e4.read(REAL / "S01", "S01")
    assert zipped.acc.samples_CN.shape == (3, 104_310)
    np.testing.assert_array_equal(zipped.ppg.samples_CN, plain.ppg.samples_CN)
    np.testing.assert_array_equal(zipped.intervals.at_s, plain.intervals.at_s)
