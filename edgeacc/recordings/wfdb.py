"""WFDB records, PhysioNet's format: a text header (`.hea`) beside binary signals (`.dat`) and, perhaps, beats.

- Header (header(5) of the WFDB manual): `NAME SIGNALS RATE SAMPLES`, then a line for each signal: file, format (with
  `xN` samples per frame, `:SKEW`, `+OFFSET`), gain (`GAIN(BASELINE)/UNIT`), resolution, zero, first value, checksum,
  block size, description. A value in UNIT is (sample - baseline) / gain.
- Formats read (signal(5)): 16, 32 (two's complement, little-endian), 24, and 212 (two 12-bit samples in three bytes).
  The lowest value of each but 32 is "no sample".
- The accelerometer is the three signals whose descriptions end in x, y, z and name an accelerometer; the first such
  set of the header (so the low-noise one of "Wrist PPG During Exercise"). Its unit is the header's; where the header
  has none that is known, the one of g, m/s2 and mg under which the median magnitude is that of gravity: noted.
- PPG: every signal whose description names PPG, pleth or BVP. Its sign is left as it is, and a note says so.
- ECG: every signal whose description names ECG or EKG, if it has the unit of the first; mV, uV and V are known.
- Beats (annot(5)): the first of `.atr`, `.qrs`, `.ecg` beside the header; the codes that mean a beat.

Own reader: the package `wfdb` would bring pandas, aiohttp and soundfile for what is some 200 lines. Records of
several segments, several frequencies and other formats are refused. Source: the WFDB Applications Guide (PhysioNet).
Checked on fixtures only.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.binary import names_a_file, whole_file
from edgeacc.recordings.recording import Recording, Stream, check_rate, regular
from edgeacc.recordings.repeats import repeated
from edgeacc.recordings.text import head
from edgeacc.recordings.units import as_samples, beats, in_g

NAME = "wfdb"
MOST_LINES = 300
MOST_SIGNALS = 256
LONGEST_LINE = 1000
DEFAULT_GAIN = 200.0
"""Of header(5), for a gain that is 0 or not there."""
UNITS = {"g": "g", "G": "g", "mg": "mg", "m/s2": "m/s2", "m/s^2": "m/s2", "m/sec^2": "m/s2", "ms-2": "m/s2"}
BITS = {16: 16, 212: 12, 24: 24, 32: 32}
PPG = re.compile(r"ppg|pleth|\bbvp")
ECG = re.compile(r"ecg|ekg")
ECG_MV = {"mV": 1.0, "uV": 1e-3, "V": 1e3}
CHUNK_FRAMES = 2**18
MOST_BEATS_BYTES = 2**23
"""Of an annotation file (our choice; a day's beats are about 0.3 MB)."""
BEAT_CODES = (*range(1, 14), 25, 30, 31, 34, 35, 38, 41)
"""Annotation codes that are beats (ecgcodes.h: isqrs)."""
ANNOTATORS = ("atr", "qrs", "ecg")
_SIGNAL = re.compile(
    r"(?P<file>\S+)\s+(?P<format>\d+)(?:x(?P<frame>\d+))?(?::(?P<skew>\d+))?(?:\+(?P<offset>\d+))?"
    r"(?:\s+(?P<gain>[-+.\deE]+)(?:\((?P<baseline>[-+]?\d+)\))?(?:/(?P<unit>\S+))?"
    r"(?:\s+(?P<bits>\d+)(?:\s+(?P<zero>[-+]?\d+)(?:\s+[-+]?\d+(?:\s+[-+]?\d+(?:\s+\d+(?:\s+(?P<name>.*))?)?)?)?)?)?)?"
)
_RECORD = re.compile(
    r"(?P<name>[\w.-]+)(?P<parts>/\d+)?\s+(?P<count>\d+)(?:\s+(?P<rate>[.\deE+-]+)\S*(?:\s+(?P<samples>\d+))?)?"
)


class Signal(NamedTuple):
    """One line of a header."""

    file: str
    format: int
    offset: int
    gain: float
    baseline: int
    unit: str
    name: str


class Header(NamedTuple):
    """A record: its rate, its number of samples (0 where unknown) and its signals."""

    rate_hz: float
    samples: int
    signals: list[Signal]


def recognise(path: Path) -> bool:
    """Whether a text file is a WFDB header with an accelerometer's three signals."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            if not re.match(rb"(\s|#[^\n]*\n)*[\w.-]+(/\d+)?\s+\d+[\s\d.]", file.read(512)):
                return False
        return _acc(parse(path).signals) is not None
    except (BadInput, OSError):
        return False


def read(path: Path, participant: str) -> Recording:
    """Read the record of a header.

    Raises:
        BadInput: the header is malformed (which line), a signal's file is missing or shorter than the header says, the
            record has no three axes, or a signal is not what it should be.
    """
    header = parse(path)
    names = ", ".join(signal.name or "(no name)" for signal in header.signals)[:300]
    acc = _acc(header.signals)
    if acc is None:
        raise BadInput(f"{path} has no accelerometer with x, y and z; its signals: {names}", valid="three such signals")
    ppg, ecg = (_named(header, pattern) for pattern in (PPG, ECG))
    acc_NC = as_samples(_physical(path, header, acc), 3, f"{path}: accelerometer")
    unit = UNITS.get(header.signals[acc[0]].unit)
    acc_g_NC, unit = in_g(acc_NC, (unit,) if unit else ("g", "m/s2", "mg"), f"{path}: accelerometer")
    stream = as_samples(_physical(path, header, ppg), len(ppg), f"{path}: PPG") if ppg else None
    intervals, told = _beats(path, header.rate_hz, len(acc_NC))
    light = None if stream is None else regular(stream, "au", 0.0, header.rate_hz)
    again = repeated(light, lambda sample: f"PPG, sample {sample}") if light else ()
    return Recording(
        participant=_who(path, participant),
        device="unknown",
        format=NAME,
        acc=regular(acc_g_NC, "g", 0.0, header.rate_hz),
        ppg=light,
        reference=intervals,
        ecg=_ecg(path, header, ecg),
        notes=(
            f"accelerometer: {', '.join(header.signals[n].name for n in acc)}, in {unit}",
            f"PPG: {', '.join(header.signals[n].name for n in ppg)}, sign as in the file" if ppg else "no PPG",
            told,
            *again,
        ),
    )


def _named(header: Header, pattern: re.Pattern[str]) -> list[int]:
    return [place for place, signal in enumerate(header.signals) if pattern.search(signal.name.lower())]


def _ecg(path: Path, header: Header, places: list[int]) -> Stream | None:
    """The ECG's leads of one unit, that of the first, in mV where that is known; None where there is none."""
    if not places:
        return None
    unit = header.signals[places[0]].unit
    leads = [place for place in places if header.signals[place].unit == unit]
    ecg_NC = as_samples(_physical(path, header, leads), len(leads), f"{path}: ECG")
    per_mv = ECG_MV.get(unit)
    return regular(ecg_NC * np.float32(per_mv or 1.0), "mV" if per_mv else "au", 0.0, header.rate_hz)


def _who(path: Path, given: str) -> str:
    """PhysioNet's sets of this kind name a record `s1_walk` and have no folders: then the person is `s1`."""
    match = re.match(r"s\d+(?=_)", path.stem)
    return match[0] if match and given in (path.name, path.stem) else given


def parse(path: Path) -> Header:
    """Read a header.

    Raises:
        BadInput: which line is malformed.
    """
    numbered = [(number, line) for number, line in enumerate(head(path, MOST_LINES), 1) if line.strip()]
    lines = [(number, line.strip()) for number, line in numbered if not line.lstrip().startswith("#")]
    if long := [number for number, line in lines if len(line) > LONGEST_LINE]:
        raise BadInput(f"{path}, line {long[0]}: more than {LONGEST_LINE} characters", valid="a WFDB header")
    if not lines:
        raise BadInput(f"{path} is empty or no text", valid="a WFDB header")
    number, first = lines[0]
    record = _RECORD.fullmatch(re.sub(r"(\S+\s+\d+(?:\s+\S+(?:\s+\d+)?)?).*", r"\1", first))
    if record is None or record["parts"] or len(record["count"]) > 4 or not 1 <= int(record["count"]) <= MOST_SIGNALS:
        told = "a record of several segments" if record and record["parts"] else f"{first[:80]!r}"
        raise BadInput(f"{path}, line {number}: {told}", valid="NAME SIGNALS RATE SAMPLES")
    count = int(record["count"])
    rate_hz = _number(record["rate"] or "250", f"{path}, line {number}", "the rate")
    check_rate(rate_hz, f"{path}, line {number}")
    if len(lines) - 1 < count:
        raise BadInput(f"{path} has {len(lines) - 1} signal(s), line {number} says {count}", valid="a line for each")
    signals = [_signal(path, at, line) for at, line in lines[1 : count + 1]]
    return Header(rate_hz, int((record["samples"] or "0")[:15]), signals)


def _number(text: str, place: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise BadInput(f"{place}: {what} is {text[:40]!r}", valid="a number") from error
    if not np.isfinite(number) or abs(number) > 1e12:
        raise BadInput(f"{place}: {what} is {text[:40]!r}", valid="a finite number")
    return number


def _signal(path: Path, number: int, line: str) -> Signal:
    place = f"{path}, line {number}"
    match = _SIGNAL.fullmatch(line)
    if match is None or any(len(match[name] or "") > 12 for name in ("format", "offset", "baseline", "zero", "skew")):
        raise BadInput(
            f"{place}: {line[:80]!r}", valid="FILE FORMAT GAIN(BASELINE)/UNIT BITS ZERO FIRST SUM BLOCK NAME"
        )
    if int(match["format"]) not in BITS:
        raise BadInput(f"{place}: format {match['format']}", valid=f"formats {', '.join(map(str, BITS))}")
    if match["frame"] not in (None, "1") or match["skew"] not in (None, "0"):
        raise BadInput(f"{place}: several samples per frame, or a skew", valid="one rate for all signals, no skew")
    gain = _number(match["gain"] or "0", place, "the gain") or DEFAULT_GAIN
    if abs(gain) < 1e-9:
        raise BadInput(f"{place}: a gain of {gain:g}", valid="a gain of a sensor")
    return Signal(
        file=match["file"],
        format=int(match["format"]),
        offset=int(match["offset"] or 0),
        gain=gain,
        baseline=int(match["baseline"] or match["zero"] or 0),
        unit=match["unit"] or "",
        name=(match["name"] or "").strip(),
    )


def _acc(signals: list[Signal]) -> list[int] | None:
    """The places of the first three signals that are one accelerometer's x, y and z."""
    sets: dict[str, dict[str, int]] = {}
    for place, signal in enumerate(signals):
        name = signal.name.lower().strip()
        match = re.fullmatch(r"(.*?)[\s_.-]?\(?([xyz])\)?", name)
        if match and (re.search(r"acc", match[1]) or match[1] == "a"):
            sets.setdefault(match[1], {})[match[2]] = place
    whole = [axes for axes in sets.values() if len(axes) == 3]
    return [whole[0][axis] for axis in "xyz"] if whole else None


def _physical(path: Path, header: Header, places: list[int]) -> NDArray[np.float32]:
    """(N, C) values of signals in the header's units, NaN where there is no sample."""
    values = [_values(path, header, place) for place in places]
    if len({len(values_N) for values_N in values}) > 1:
        told = f"{path}: signals of {', '.join(str(len(values_N)) for values_N in values)} samples"
        raise BadInput(told, valid="files of one length")
    return np.stack(values).T


def _values(path: Path, header: Header, place: int) -> NDArray[np.float32]:
    """One signal in the header's units, decoded piece by piece out of those that share its file."""
    signal = header.signals[place]
    together = [n for n, other in enumerate(header.signals) if other.file == signal.file]
    shared = [header.signals[n] for n in together]
    file = path.parent / signal.file
    if not names_a_file(signal.file):
        raise BadInput(f"{path}: a signal is in {signal.file[:80]!r}", valid="a file beside the header")
    if not file.is_file():
        raise BadInput(f"{path}: {signal.file} is not beside it", valid="the header with its signals' files")
    if len({(other.format, other.offset) for other in shared}) > 1:
        raise BadInput(f"{path}: the signals in {signal.file} have several formats or offsets", valid="one of each")
    size = max(0, file.stat().st_size - signal.offset)
    frames = size * 8 // BITS[signal.format] // len(shared)
    if header.samples > frames or frames < 2:
        told = f"{file} has {frames} samples of {len(shared)} signal(s), {path.name} says {header.samples}"
        raise BadInput(told, valid="a whole file")
    values_N = np.empty(header.samples or frames, np.float32)
    raw = np.memmap(file, np.uint8, "r", offset=signal.offset)
    for first in range(0, len(values_N), CHUNK_FRAMES):
        count = min(CHUNK_FRAMES, len(values_N) - first)
        begin = first * len(shared) * BITS[signal.format] // 8  # whole bytes: a piece has an even number of frames
        raw_N = _decoded(raw[begin:], signal.format, count, len(shared), together.index(place))
        with np.errstate(over="ignore"):  # what does not fit is infinite, and refused
            piece_N = ((raw_N - float(signal.baseline)) / signal.gain).astype(np.float32)
        if signal.format != 32:
            piece_N[raw_N == -(1 << (BITS[signal.format] - 1))] = np.nan
        values_N[first : first + count] = piece_N
    return values_N


def _decoded(raw: NDArray[np.uint8], format_: int, count: int, width: int, place: int) -> NDArray[np.float64]:
    """Every `width`-th sample from `place` on, `count` of them."""
    if format_ == 16:
        return raw[: 2 * count * width].view("<i2")[place::width].astype(np.float64)
    if format_ == 32:
        return raw[: 4 * count * width].view("<i4")[place::width].astype(np.float64)
    if format_ == 24:
        bytes_N3 = raw[: 3 * count * width].reshape(count, width, 3)[:, place].astype(np.int64)
        return _signed(bytes_N3[:, 0] | bytes_N3[:, 1] << 8 | bytes_N3[:, 2] << 16, 24)
    # 212: the first sample's low 8 bits, a byte with both high 4 bits, the second's low 8 bits
    at = np.arange(place, count * width, width)
    begin = at // 2 * 3
    low = raw[begin + 2 * (at % 2)].astype(np.int64)
    high = raw[begin + 1].astype(np.int64) >> 4 * (at % 2) & 0xF
    return _signed(low | high << 8, 12)


def _signed(values: NDArray[np.int64], bits: int) -> NDArray[np.float64]:
    return np.where(values >= 1 << (bits - 1), values - (1 << bits), values).astype(np.float64)


def _beats(path: Path, rate_hz: float, count: int) -> tuple[Stream | None, str]:
    for name in ANNOTATORS:
        file = path.with_suffix(f".{name}")
        if file.is_file():
            at = np.array(annotations(file), np.float64)
            if len(at) and at[-1] > count + rate_hz:
                told = f"{file}: the last beat is sample {at[-1]:.0f}, the record has {count}"
                raise BadInput(told, valid="beats within the record")
            return _intervals(file, at / rate_hz), f"intervals are those of .{name}"
    return None, "no beats beside the header"


def _intervals(file: Path, times_s: NDArray[np.float64]) -> Stream | None:
    return beats(times_s, lambda beat: f"{file}, beat {beat}")


def annotations(file: Path) -> list[int]:
    """The samples at which an annotation file of MIT's format has a beat.

    A word has a code in its top 6 bits and a step in samples in the others; 59 takes the step from the next two words,
    63 is followed by text, 60 to 62 change attributes, 0 ends the file.

    Raises:
        BadInput: the file is too large, or ends within an annotation.
    """
    raw = whole_file(file, MOST_BEATS_BYTES)
    words = np.frombuffer(raw, "<u2", len(raw) // 2).tolist()
    found: list[int] = []
    at, now = 0, 0
    while at < len(words) and words[at]:
        code, step = words[at] >> 10, words[at] & 0x3FF
        at += 1
        if code == 59:
            if at + 2 > len(words):
                raise BadInput(f"{file}: it ends within a skip, at word {at}", valid="a whole annotation file")
            long = words[at] << 16 | words[at + 1]
            now += long - (1 << 32) if long >= 1 << 31 else long
            at += 2
        elif code == 63:
            at += (step + 1) // 2
            if at > len(words):
                raise BadInput(f"{file}: it ends within a text, at word {at}", valid="a whole annotation file")
        elif code < 60:
            now += step
            if code in BEAT_CODES:
                found.append(now)
    return found
