"""Empatica EmbracePlus: one Avro file as Empatica's cloud gives it (its schema, version 6).

A file holds half an hour at most (Empatica's support pages, "Raw data in the Empatica Cloud"; 15 minutes by older
manuals), so a day is some fifty files of one person, named `[participant id]_[start in Unix seconds].avro` and kept
in folders by date: the person is the one of the name.

- `rawData.accelerometer`: counts times `imuParams.conversionFactor` (0.000488 in the file checked) are g, about 64 Hz;
  before version 6.5, which brought the factor, times the physical range over the digital range.
- `rawData.bvp`: one channel, 64 Hz, by the schema the "light absorption" in nW. It falls as the pulse arrives, so the
  sign is turned: in the file checked its steepest falls are 1.6 times its steepest rises (steeper in 22 of the
  23 pieces of 15 s with less than 20 mg of motion), and it is lowest at the device's systolic peaks.
- `rawData.systolicPeaks`: times in ns. An interval ends at each peak that follows another within 0.3 to 2.5 s.

Each stream has its own start in microseconds (UTC): in the file checked the accelerometer's is 1.0 s after the PPG's.
All else is left out. Checked on one real recording of 30 min (ParaDigMa's example data). Needs the extra `formats`.
"""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.avro import MAGIC, records
from edgeacc.recordings.binary import first_bytes
from edgeacc.recordings.recording import Recording, Stream, check_rate, irregular, regular

NAME = "empatica-embraceplus"
FACTOR = "conversionFactor"
MOST_APART = 1.1
"""By how much the factor and the ranges may disagree (our choice; in the file checked, 0.06 %)."""
SIGN = b"empatica.format.avro"
SIGN_WITHIN = 4096
NAMED = re.compile(r"(.+)_\d{10}")
UNIX_S = (946_684_800.0, 4_102_444_800.0)
"""A start between 2000 and 2100."""
INTERVAL_S = (0.3, 2.5)
"""24 to 200 beats a minute; what lies outside is a beat that was missed or invented (our choice)."""


def recognise(path: Path) -> bool:
    """Whether a file is an Avro file whose schema, at its beginning, is Empatica's."""
    head = first_bytes(path, SIGN_WITHIN)
    return head.startswith(MAGIC) and SIGN in head


def read(path: Path, participant: str) -> list[Recording]:
    """Read one file: its records, of which it has one.

    Raises:
        BadInput: cut off or damaged; a stream is missing or makes no sense: which, and what was expected.
        NotPossibleHere: fastavro is not installed.
    """
    read = [_recording(record, _who(path, participant), path) for record in records(path)]
    if not read:
        raise BadInput(f"{path} has no record", valid="one record of Empatica's schema")
    return read


def _who(path: Path, given: str) -> str:
    match = NAMED.fullmatch(path.stem)
    return match[1] if match else given


def _recording(record: Any, participant: str, path: Path) -> Recording:  # noqa: ANN401
    raw = _entry(record, "rawData", path)
    where = f"{path}, rawData"
    acc, bvp = (_entry(raw, name, where) for name in ("accelerometer", "bvp"))
    factor, range_g = _scale(_entry(acc, "imuParams", f"{where}.accelerometer"), f"{where}.accelerometer.imuParams")
    counts_NC = _samples_NC(acc, ("x", "y", "z"), f"{where}.accelerometer")
    light_NC = _samples_NC(bvp, ("values",), f"{where}.bvp")
    return Recording(
        participant=participant,
        device="Empatica EmbracePlus",
        format=NAME,
        acc=_stream(acc, counts_NC * factor, "g", f"{where}.accelerometer", range_g),
        ppg=_stream(bvp, -light_NC, "au", f"{where}.bvp"),
        intervals=_intervals(raw, where),
        notes=("sign turned",),
    )


def _scale(params: Any, where: str) -> tuple[float, float]:  # noqa: ANN401
    """How many g a count is, and the range in g."""
    low, high, first, last = (
        _number(params, name, where) for name in ("physicalMin", "physicalMax", "digitalMin", "digitalMax")
    )
    if not (high > low and high > 0 and last > first):
        told = f"physical {low:g} to {high:g}, digital {first:g} to {last:g}"
        raise BadInput(f"{where}: {told}", valid="ranges that ascend")
    factor = _number(params, FACTOR, where) if FACTOR in params else (high - low) / (last - first)
    if not MOST_APART > factor * (last - first) / (high - low) > 1 / MOST_APART:
        told = f"{FACTOR} {factor:g}, physical {low:g} to {high:g}, digital {first:g} to {last:g}"
        raise BadInput(f"{where}: {told}", valid="a factor that agrees with the ranges")
    return factor, high


def _entry(record: Any, name: str, where: Path | str) -> Any:  # noqa: ANN401
    if not isinstance(record, dict) or name not in record:
        raise BadInput(f"{where} has no {name}", valid="a record of Empatica's schema, version 6")
    return record[name]


def _number(record: Any, name: str, where: str) -> float:  # noqa: ANN401
    value = _entry(record, name, where)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"{where}.{name} is {str(value)[:40]}", valid="a finite number")
    return float(value)


def _samples_NC(stream: Any, names: tuple[str, ...], where: str) -> NDArray[np.float64]:  # noqa: ANN401
    columns = [_numbers(stream, name, where) for name in names]
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1 or lengths[0] < 2:
        told = ", ".join(f"{name} {length}" for name, length in zip(names, lengths, strict=True))
        raise BadInput(f"{where}: samples: {told}", valid="two or more, as many in each")
    return np.stack(columns, axis=1)


def _numbers(stream: Any, name: str, where: str) -> NDArray[np.float64]:  # noqa: ANN401
    try:
        values = np.array(_entry(stream, name, where), np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput(f"{where}.{name} holds more than numbers", valid="an array of numbers") from error
    wrong = np.flatnonzero(~np.isfinite(values)) if values.ndim == 1 else np.zeros(1, np.int64)
    if len(wrong):
        raise BadInput(f"{where}.{name}[{wrong[0]}] is no finite number", valid="an array of finite numbers")
    return values


def _stream(
    stream: Any,  # noqa: ANN401
    samples_NC: NDArray[np.float64],
    unit: str,
    where: str,
    range_: float | None = None,
) -> Stream:
    start_s = _number(stream, "timestampStart", where) / 1e6
    if not UNIX_S[0] < start_s < UNIX_S[1]:
        raise BadInput(f"{where}.timestampStart is {start_s * 1e6:.0f}", valid="microseconds since 1970, UTC")
    rate_hz = _number(stream, "samplingFrequency", where)
    check_rate(rate_hz, f"{where}.samplingFrequency")
    return regular(samples_NC, unit, start_s, rate_hz, range_)


def _intervals(raw: Any, where: str) -> Stream | None:  # noqa: ANN401
    """Peak to peak; None where the device found fewer than two intervals."""
    peaks_s = _numbers(_entry(raw, "systolicPeaks", where), "peaksTimeNanos", f"{where}.systolicPeaks") / 1e9
    place = f"{where}.systolicPeaks.peaksTimeNanos"
    back = np.flatnonzero(~(np.diff(peaks_s) > 0))
    if len(back):
        raise BadInput(f"{place}[{back[0] + 1}]: time does not go forward", valid="ascending times")
    lengths_s = np.diff(peaks_s)
    good = (lengths_s >= INTERVAL_S[0]) & (lengths_s <= INTERVAL_S[1])
    if good.sum() < 2:
        return None
    return irregular(peaks_s[1:][good], lengths_s[good][:, None], "s", place=lambda _: place)
