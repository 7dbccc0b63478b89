import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.recordings import axivity

REAL = Path("../shared/data/axivity/test_data.CWA")
RATE_100_HZ_8_G = 0x4A
MOST = {0x30: 120, 0x32: 80, 0x62: 40}
START_S = 1_700_000_000  # 2023-11-14 22:13:20


def summed(block):
    """The block with the last word that makes its words sum to zero."""
    words = struct.unpack("<255H", bytes(block[:510]))
    return bytes(block[:510]) + struct.pack("<H", -sum(words) & 0xFFFF)


def stamp(second_of_day):
    hour, rest = divmod(second_of_day, 3600)
    return 23 << 26 | 11 << 22 | 14 << 17 | hour << 12 | rest // 60 << 6 | rest % 60


def packed(values_NC, axes):
    if axes == 0x30:  # exponent 2 for all: counts are multiples of 4
        words = [2 << 30 | sum((int(v) >> 2 & 1023) << 10 * at for at, v in enumerate(row)) for row in values_NC]
        return struct.pack(f"<{len(words)}I", *words)
    gyro = np.full((len(values_NC), 3), 999) if axes == 0x62 else np.empty((len(values_NC), 0))
    return np.concatenate([gyro, values_NC], axis=1).astype("<i2").tobytes()


def block_at(time_s, axes=0x62, rate=RATE_100_HZ_8_G, scale=4, count=None, values_NC=None):
    """A block whose first sample was taken `time_s` after START_S."""
    if values_NC is None:
        values_NC = np.tile([0, 0, 256 << scale], (MOST[axes], 1))
    second = int(np.floor(time_s))
    fraction = round((time_s - second) * 32768)
    offset = -int(np.floor(fraction / 32768 * 100))  # lowered by the samples within the fraction
    head = struct.pack(
        "<2sHHIIIHHBBBBhH",
        *(b"AX", 508, 0x8000 | fraction, 7, 0, stamp(22 * 3600 + 13 * 60 + 20 + second), scale << 13 | 100),
        *(300, 0, 200, rate, axes, offset, MOST[axes] if count is None else count),
    )
    return summed(head + packed(values_NC, axes).ljust(480, b"\0"))


def cwa(blocks, rate=RATE_100_HZ_8_G):
    header = bytearray(b"MD\xfc\x03".ljust(1024, b"\xff"))
    header[36] = rate
    return bytes(header) + b"".join(blocks)


@pytest.fixture
def write(tmp_path):
    def write(content):
        (tmp_path / "a.cwa").write_bytes(content)
        return tmp_path / "a.cwa"

    return write


def read(path):
    return list(axivity.read(path, "p"))


@pytest.mark.parametrize(("axes", "scale"), [(0x30, 0), (0x32, 0), (0x62, 4)])
def test_the_three_packings(write, axes, scale):
    rng = np.random.default_rng(0)
    values = rng.integers(-500, 500, (2, MOST[axes], 3)) * (4 if axes == 0x30 else 8)
    length_s = MOST[axes] / 100
    path = write(cwa([block_at(n * length_s, axes, scale=scale, values_NC=values[n]) for n in range(2)]))
    assert axivity.recognise(path)
    (recording,) = read(path)
    expected = values.reshape(-1, 3).T / (256 << scale)
    np.testing.assert_allclose(recording.acc.samples_CN, expected, rtol=1e-6)
    assert recording.ppg is None
    assert recording.device == ("Axivity AX6" if axes == 0x62 else "Axivity AX3")
    assert recording.acc.rate_hz == pytest.approx(100, rel=1e-3)
    assert recording.acc.start_s == pytest.approx(START_S, abs=1e-3)
    assert recording.acc.range == 8


def test_samples_spread_evenly_to_the_next_block_and_a_gap_stays_one(write):
    (recording,) = read(write(cwa([block_at(at) for at in (0.25, 0.66, 5.0)])))
    times_s = recording.acc.times_s - START_S
    np.testing.assert_allclose(times_s[[0, 40, 80]], [0.25, 0.66, 5.0], atol=1e-4)
    np.testing.assert_allclose(np.diff(times_s)[:40], 0.41 / 40, atol=1e-5)
    np.testing.assert_allclose(np.diff(times_s)[[45, 79, 85]], [0.01, 5.0 - 0.66 - 0.39, 0.01], atol=1e-4)


def test_a_long_gap_and_a_long_file_part_the_recording(write, monkeypatch):
    blocks = [block_at(at) for at in (0.0, 0.4, 100.0, 100.4, 100.8)]
    assert [one.acc.samples_CN.shape[1] for one in read(write(cwa(blocks)))] == [80, 120]
    monkeypatch.setattr(axivity, "PART_BLOCKS", 4)
    assert [one.acc.samples_CN.shape[1] for one in read(write(cwa(blocks)))] == [80, 80, 40]
    with pytest.raises(BadInput, match=r"block 4: time does not go forward"):
        read(write(cwa([*blocks[:4], block_at(100.2)])))


def test_one_damaged_block_of_many_is_left_out_and_told(write):
    blocks = [block_at(n * 0.4) for n in range(101)]
    blocks[7] = blocks[7][:100] + b"\x55" + blocks[7][101:]
    (recording,) = read(write(cwa(blocks)))
    assert recording.notes == ("1 damaged block(s) left out",)
    assert recording.acc.samples_CN.shape == (3, 4000)


GOOD = [block_at(0.0), block_at(0.4)]
MALFORMED = [
    (cwa([])[:4], r"a\.cwa ends within its header, at byte 4", "1024 bytes"),
    (cwa([])[:1023], r"a\.cwa ends within its header, at byte 1023", "1024 bytes"),
    (cwa([]), r"a\.cwa has no blocks", "whole blocks of 512"),
    (cwa(GOOD)[:-1], r"a\.cwa ends within block 1, after 511 of 512 bytes", "whole blocks of 512"),
    (cwa(GOOD)[:1025], r"a\.cwa ends within block 0, after 1 of 512 bytes", "whole blocks of 512"),
    (cwa(GOOD, rate=0x06), r"a\.cwa, byte 36: 6\.25 samples per second", "16 to 10000"),
    (cwa([GOOD[0], b"XA" + GOOD[1][2:]]), r"a\.cwa, block 1: damaged, as 1 of 2 blocks are", "begin with AX"),
    (cwa([GOOD[0], GOOD[1][:511] + b"\x01"]), r"a\.cwa, block 1: damaged", "sum to zero"),
    (cwa([GOOD[0], block_at(0.4, rate=0x4B)]), r"block 1: rate code 0x4b", "0x4a, as the header says"),
    (cwa([GOOD[0], block_at(0.4, axes=0x32)]), r"block 1: axes and packing 0x32", "0x62 in every block"),
    (cwa([summed(GOOD[0][:25] + b"\x93" + GOOD[0][26:])]), r"block 0: axes and packing 0x93", "0x30, 0x32, 0x62"),
    (cwa([GOOD[0], block_at(0.4, scale=3)]), r"block 1: scale", "the same counts per g"),
    (cwa([GOOD[0], block_at(0.4, count=41)]), r"block 1: 41 samples", "2 to 40"),
    (cwa(GOOD[::-1]), r"block 1: time does not go forward \(1 such", "ascending times"),
    (cwa([summed(GOOD[0][:14] + bytes(4) + GOOD[0][18:])]), r"block 0: time stamp 0x00000000", "a date"),
]


@pytest.mark.parametrize(("content", "told", "valid"), MALFORMED)
def test_malformed_files_are_told_by_block(write, content, told, valid):
    with pytest.raises(BadInput, match=told) as caught:
        read(write(content))
    assert valid in caught.value.valid


@pytest.mark.parametrize("content", [b"", b"MD", b"AX\xfc\x03", b"MD\xfc\x04"])
def test_what_is_none(write, content):
    assert not axivity.recognise(write(content))


def test_the_command_line_reads_it_and_has_nothing_to_pair(edgeacc, write, tmp_path):
    path = write(cwa(GOOD))
    ran = edgeacc("validate", path)
    assert ran.code == 0
    assert "recording (axivity-cwa)" in ran.out
    refused = edgeacc("import", path, "-o", tmp_path / "store")
    assert refused.code == 2
    assert "a.cwa: accelerometer only, no PPG: nothing to pair" in refused.err
    assert not (tmp_path / "store").exists()
    write(cwa(GOOD)[:-1])
    for ran in (edgeacc("validate", path), edgeacc("import", path, "-o", tmp_path / "store")):
        assert ran.code == 2
        assert "a.cwa ends within block 1" in ran.err


@settings(deadline=None, max_examples=80)
@given(
    changes=st.lists(st.tuples(st.integers(0, 1024 + 3 * 512 - 1), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 1024 + 3 * 512) | st.none(),
    mended=st.booleans(),
)
def test_no_content_makes_it_fall_over(tmp_path_factory, changes, cut, mended):
    content = bytearray(cwa([*GOOD, block_at(0.8)]))
    for at, value in changes:
        content[at] = value
    if mended:  # so that what lies behind the sums is reached
        parts = [content[at : at + 512] for at in range(1024, len(content), 512)]
        content = content[:1024] + b"".join(map(summed, parts))
    path = tmp_path_factory.mktemp("cwa") / "a.cwa"
    path.write_bytes(content[:cut])
    told = None
    try:
        for recording in read(path):
            assert np.isfinite(recording.acc.samples_CN).all()
            assert (np.diff(recording.acc.times_s) > 0).all()
    except BadInput as mistake:
        told = mistake.problem
    assert told is None or "a.cwa" in told


@pytest.mark.skipif(not REAL.exists(), reason="the real Axivity file is not here")
def test_the_real_recording():
    (recording,) = read(REAL)
    acc = recording.acc
    assert acc.samples_CN.shape == (3, 36_400)
    assert acc.rate_hz == pytest.approx(99.91, abs=0.01)
    assert acc.start_s == pytest.approx(1_763_370_002.32455, abs=1e-4)  # as the maker's reader tells it
    assert acc.step == 1 / 4096
    first = [(0.837646, -0.139404, -0.514160), (0.814453, -0.163086, -0.491699)]  # by the maker's reader, as published
    np.testing.assert_allclose(acc.samples_CN[:, :2].T, first, atol=1e-6)
    seconds = acc.samples_CN.reshape(3, 364, 100)
    still = seconds.std(2).max(0) < 0.02
    at_rest_g = np.linalg.norm(seconds.mean(2), axis=0)[still]
    assert at_rest_g.mean() == pytest.approx(1.05, abs=0.005)  # in one position only: the sensor's own offset


@pytest.mark.parametrize(("step_s", "told"), [(0.42, r"95\.23"), (0.38, r"105\.26")])
def test_a_rate_that_contradicts_the_time_stamps(write, step_s, told):
    with pytest.raises(
        BadInput, match=rf"a\.cwa, from block 0 on: {told}\d* samples per second by the time stamps"
    ) as caught:
        read(write(cwa([block_at(n * step_s) for n in range(20)])))
    assert caught.value.valid == "100, as declared, within 1%"


def test_a_true_rate_is_not_quite_the_declared_one(write):
    (recording,) = read(write(cwa([block_at(n * 0.4035) for n in range(20)])))
    assert recording.acc.rate_hz == pytest.approx(100 / 1.00875, rel=2e-3)
