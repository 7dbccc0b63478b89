"""Axivity AX3 and AX6: one `.CWA` file, accelerometer only (the AX6's gyroscope is left out).

Layout (Open Movement, "AX3/AX6 data format", little-endian): a header of 1024 bytes that begins with `MD` and its
length 1020, the rate's code at byte 36; then blocks of 512 bytes that begin with `AX` and their length 508:

    4   fraction of the time stamp in 1/32768 s, if its top bit is set
    14  time stamp: 6 bits year - 2000, 4 month, 5 day, 5 h, 6 min, 6 s
    18  top 3 bits n: 2^(8 + n) counts per g (up to byte 23 follow light, temperature and battery, which are left out)
    24  rate's code: 3200 / 2^(15 - low 4 bits) Hz, range 16 / 2^(top 2 bits) g
    25  axes (high 4 bits: 3, or 6 with a gyroscope in front) and packing (low 4 bits)
    26  number of the sample taken at the whole second
    28  number of samples
    30  samples
    510 makes the sum of all 16-bit words zero

Packing 2 is 16 bits per value; packing 0 is three 10-bit values in 32 bits, to be multiplied by 2 to the power of the
top 2 bits. Between adjoining blocks the samples are spread evenly over the time that passed, since the true rate is
not quite the declared one. The clock is the device's, without a zone.

A damaged block (its first bytes, or its sum) is left out and told in the notes; more than one in a hundred is
refused. A long file comes in parts of at most 32,768 blocks (hours), so that it need not fit into memory, and breaks
at gaps of a minute. Checked on one real file of an AX6 (16-bit; ParaDigMa's test data), whose
first samples and times are those that the maker's reader gives; the AX3's packings on files made by the tests.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.binary import first_bytes
from edgeacc.recordings.recording import Place, Recording, check_rate, sampled

NAME = "axivity-cwa"
HEADER_BYTES = 1024
BLOCK_BYTES = 512
HEADER_MAGIC = b"MD\xfc\x03"
RATE_AT = 36
BLOCK = np.dtype(
    [
        ("magic", "V4"),
        ("fraction", "<u2"),
        ("session", "<u4"),
        ("sequence", "<u4"),
        ("time", "<u4"),
        ("scale", "<u2"),
        ("sensors", "V4"),
        ("rate", "u1"),
        ("axes", "u1"),
        ("offset", "<i2"),
        ("count", "<u2"),
        ("data", "u1", 480),
        ("sum", "<u2"),
    ]
)
BLOCK_MAGIC = np.void(b"AX\xfc\x01")
MOST_SAMPLES = {0x30: 120, 0x32: 80, 0x62: 40}
"""Axes and packing -> samples that 480 bytes hold."""
PART_BLOCKS = 32_768
MOST_DAMAGED = 0.01
GAP_S = 60.0
"""A longer gap parts the recording (our choice)."""
ADJOIN_S = 0.5
"""Blocks that begin this near to the end of the last adjoin, and within half a block (our choice; the real file's are
within 0.003 s)."""

RATE_DIFFERS = 0.01
"""Largest relative difference between the declared rate and that of the time stamps (our choice)."""
FEWEST_STEPS = 8
"""Steps whose median is compared: a time stamp may be off by a sample (our choice)."""

Blocks = NDArray[Any]


def recognise(path: Path) -> bool:
    """Whether a file begins with the header of a CWA file."""
    return first_bytes(path, len(HEADER_MAGIC)) == HEADER_MAGIC


def read(path: Path, participant: str) -> Iterator[Recording]:
    """Read one file: its parts, one after another.

    Raises:
        BadInput: cut off, damaged in more than one block of a hundred, another rate or packing than it declares, or
            time that does not go forward: in which block.
    """
    rate_code = _rate_code(path)
    end_s = -np.inf
    for first in range(0, _blocks_in(path), PART_BLOCKS):
        blocks, numbers, damaged = _read_blocks(path, first)
        _check(blocks, numbers, rate_code, path)
        starts_s = _starts_s(blocks, numbers, path)
        _check_forward(starts_s, numbers, end_s, path)
        _check_steps(starts_s, blocks, numbers, path)
        end_s = float(starts_s[-1])
        notes = (f"{damaged} damaged block(s) left out",) if damaged else ()
        for span in _unbroken(starts_s):
            yield _recording(blocks[span], numbers[span], starts_s[span], participant, notes, path)


def _rate_code(path: Path) -> int:
    header = first_bytes(path, HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        raise BadInput(
            f"{path} ends within its header, at byte {len(header)}", valid=f"{HEADER_BYTES} bytes and blocks"
        )
    check_rate(_rate_hz(header[RATE_AT]), f"{path}, byte {RATE_AT}")
    return header[RATE_AT]


def _rate_hz(code: int) -> float:
    return 3200 / (1 << (15 - (code & 15)))


def _blocks_in(path: Path) -> int:
    count, rest = divmod(path.stat().st_size - HEADER_BYTES, BLOCK_BYTES)
    if rest or not count:
        told = f"ends within block {count}, after {rest} of {BLOCK_BYTES} bytes" if rest else "has no blocks"
        raise BadInput(f"{path} {told}", valid=f"{HEADER_BYTES} bytes and whole blocks of {BLOCK_BYTES}")
    return count


def _read_blocks(path: Path, first: int) -> tuple[Blocks, NDArray[np.int64], int]:
    """The whole blocks of a part, their numbers in the file, and how many are damaged."""
    blocks = np.fromfile(path, BLOCK, PART_BLOCKS, offset=HEADER_BYTES + first * BLOCK_BYTES)
    sums = blocks.view("<u2").reshape(len(blocks), -1).sum(1, dtype=np.uint16)
    good = (blocks["magic"] == BLOCK_MAGIC) & (sums == 0)
    damaged = np.flatnonzero(~good)
    if len(damaged) > MOST_DAMAGED * len(blocks):
        where = f"{path}, block {first + damaged[0]}"
        raise BadInput(
            f"{where}: damaged, as {len(damaged)} of {len(blocks)} blocks are",
            valid=f"blocks that begin with AX and whose words sum to zero, in {1 - MOST_DAMAGED:.0%} of the file",
        )
    return blocks[good], first + np.flatnonzero(good), len(damaged)


def _check(blocks: Blocks, numbers: NDArray[np.int64], rate_code: int, path: Path) -> None:
    """Every block has the header's rate, the first block's axes, packing and scale, and as many samples as fit."""
    axes, scale = int(blocks["axes"][0]), int(blocks["scale"][0]) >> 13
    if axes not in MOST_SAMPLES:
        known = ", ".join(f"{each:#04x}" for each in MOST_SAMPLES)
        raise BadInput(f"{path}, block {numbers[0]}: axes and packing {axes:#04x}", valid=known)
    for wrong, told, valid in (
        (blocks["rate"] != rate_code, "rate code {rate:#04x}", f"{rate_code:#04x}, as the header says"),
        (blocks["axes"] != axes, "axes and packing {axes:#04x}", f"{axes:#04x} in every block"),
        (blocks["scale"] >> 13 != scale, "scale {scale:#06x}", "the same counts per g in every block"),
        (
            (blocks["count"] < 2) | (blocks["count"] > MOST_SAMPLES[axes]),
            "{count} samples",
            f"2 to {MOST_SAMPLES[axes]}",
        ),
    ):
        if wrong.any():
            at = int(wrong.argmax())
            values = {name: int(blocks[name][at]) for name in ("rate", "axes", "scale", "count")}
            raise BadInput(f"{path}, block {numbers[at]}: {told.format(**values)}", valid=valid)


def _starts_s(blocks: Blocks, numbers: NDArray[np.int64], path: Path) -> NDArray[np.float64]:
    """(blocks,) time of each block's first sample, in seconds since 1970 by the device's clock.

    The fraction belongs to the time stamp; for old programs, which do not know it, the number of the sample at the
    whole second was lowered by the samples within it. That is taken back.
    """
    rate_hz = _rate_hz(int(blocks["rate"][0]))
    fractional = (blocks["fraction"] & 0x8000) != 0
    fraction_s = np.where(fractional, (blocks["fraction"] & 0x7FFF) / 32768, 0.0)
    offset = blocks["offset"] + np.floor(fraction_s * rate_hz)
    return np.asarray(_stamps_s(blocks["time"].astype(np.int64), numbers, path) + fraction_s - offset / rate_hz)


def _stamps_s(stamps: NDArray[np.int64], numbers: NDArray[np.int64], path: Path) -> NDArray[np.float64]:
    bits = ((26, 63), (22, 15), (17, 31), (12, 31), (6, 63), (0, 63))
    year, month, day, hour, minute, second = (stamps >> shift & mask for shift, mask in bits)
    wrong = (month < 1) | (month > 12) | (day < 1) | (hour > 23) | (minute > 59) | (second > 59)
    if wrong.any():
        at = int(wrong.argmax())
        raise BadInput(f"{path}, block {numbers[at]}: time stamp {stamps[at]:#010x}", valid="a date and a time of day")
    months = ((year + 30) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]").astype(np.int64) + day - 1
    return np.asarray(days * 86_400.0 + hour * 3600 + minute * 60 + second)


def _check_forward(starts_s: NDArray[np.float64], numbers: NDArray[np.int64], end_s: float, path: Path) -> None:
    back = np.flatnonzero(~(np.diff(starts_s, prepend=end_s) > 0))
    if len(back):
        told = f"time does not go forward ({len(back)} such place(s))"
        raise BadInput(f"{path}, block {numbers[back[0]]}: {told}", valid="ascending times")


def _check_steps(starts_s: NDArray[np.float64], blocks: Blocks, numbers: NDArray[np.int64], path: Path) -> None:
    """The rate by the time stamps is the declared one."""
    adjoining = np.flatnonzero(np.diff(numbers) == 1)
    if len(adjoining) < FEWEST_STEPS:
        return
    rates_hz = blocks["count"][adjoining] / np.diff(starts_s)[adjoining]
    declared_hz, found_hz = _rate_hz(int(blocks["rate"][0])), float(np.median(rates_hz))
    if abs(found_hz / declared_hz - 1) > RATE_DIFFERS:
        told = f"{found_hz:.6g} samples per second by the time stamps"
        raise BadInput(
            f"{path}, from block {numbers[0]} on: {told}",
            valid=f"{declared_hz:g}, as declared, within {RATE_DIFFERS:.0%}",
        )


def _unbroken(starts_s: NDArray[np.float64]) -> list[slice]:
    breaks = [0, *(np.flatnonzero(np.diff(starts_s) > GAP_S) + 1), len(starts_s)]
    return [slice(first, end) for first, end in pairwise(breaks)]


def _recording(
    blocks: Blocks,
    numbers: NDArray[np.int64],
    starts_s: NDArray[np.float64],
    participant: str,
    notes: tuple[str, ...],
    path: Path,
) -> Recording:
    counts = blocks["count"].astype(np.int64)
    per_g = 1 << (8 + (int(blocks["scale"][0]) >> 13))
    return Recording(
        participant=participant,
        device="Axivity AX6" if blocks["axes"][0] == 0x62 else "Axivity AX3",
        format=NAME,
        acc=sampled(
            _times_s(starts_s, counts, _rate_hz(int(blocks["rate"][0]))),
            _counts_NC(blocks) / np.float32(per_g),
            "g",
            place=_place(path, numbers, counts),
            range_=float(16 >> (int(blocks["rate"][0]) >> 6)),
        ),
        ppg=None,
        notes=notes,
    )


def _place(path: Path, numbers: NDArray[np.int64], counts: NDArray[np.int64]) -> Place:
    ends = np.cumsum(counts)
    return lambda sample: f"{path}, block {numbers[min(int(np.searchsorted(ends, sample, 'right')), len(ends) - 1)]}"


def _times_s(starts_s: NDArray[np.float64], counts: NDArray[np.int64], rate_hz: float) -> NDArray[np.float64]:
    """(samples,) seconds: evenly to the next block's beginning where it adjoins, else at the declared rate."""
    declared_s = counts / rate_hz
    passed_s = np.append(np.diff(starts_s), declared_s[-1])
    length_s = np.where(np.abs(passed_s - declared_s) < np.minimum(ADJOIN_S, declared_s / 2), passed_s, declared_s)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(np.repeat(starts_s, counts) + within * np.repeat(length_s / counts, counts))


def _counts_NC(blocks: Blocks) -> NDArray[np.float32]:
    """(samples, 3) accelerometer counts of all blocks."""
    most = MOST_SAMPLES[int(blocks["axes"][0])]
    if blocks["axes"][0] == 0x30:
        words = np.ascontiguousarray(blocks["data"]).view("<u4")
        ten = np.stack([words << np.uint32(22), words << np.uint32(12), words << np.uint32(2)], axis=-1).view(np.int32)
        values = (ten >> 22) << (words >> np.uint32(30)).astype(np.int32)[..., None]
    else:
        values = np.ascontiguousarray(blocks["data"]).view("<i2").reshape(len(blocks), most, -1)[..., -3:]
    taken = np.arange(most) < blocks["count"][:, None]
    return np.asarray(values[taken], np.float32)
