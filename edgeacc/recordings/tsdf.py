"""Verily Study Watch, as TSDF: JSON files that tell what is in the binary files beside them.

Layout (TSDF 0.1, arXiv 2211.11294): a JSON object describes a binary file (`file_name`, `channels`, `units`,
`scale_factors`, `data_type`, `bits`, `endianness`, `rows`); objects in its list `sensors` inherit what they do not
say themselves. A binary file holds `rows` x channels numbers, row after row. A recording is a folder with the
metadata of accelerometer and PPG, or one with a folder for each (`imu`, `ppg`).

- channel `time` in ms: differences (`time_delta_ms`, the first is 0) or since the start (`relative_ms`).
- channels `acc...x`, `...y`, `...z` in m/s^2, g or mg, times their scale factors. Rotation is left out.
- channel `green`, `ppg`, `infrared` or `red`: reflected light, which falls as the pulse arrives, so the sign is
  turned: in the recording checked, the steepest falls are 1.5 times the steepest rises where the wrist is still and
  the pulse clear.

The start (`start_iso8601`) is told to the second only: the two streams may be up to a second apart, which the notes
say. The quality channels are not read, for what they mean is not written. A long recording comes in parts of two
hours, so that it need not fit into memory. Checked on one real recording of 10.7 min (ParaDigMa's example data).
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.binary import first_bytes, names_a_file, short, whole_file
from edgeacc.recordings.recording import Recording, Stream, sampled
from edgeacc.recordings.table import STANDARD_GRAVITY_M_S2

NAME = "verily-tsdf"
SIGN = "metadata_version"
MOST_JSON_BYTES = 2**20
G_PER = {"m/s/s": 1 / STANDARD_GRAVITY_M_S2, "m/s^2": 1 / STANDARD_GRAVITY_M_S2, "g": 1.0, "mg": 1e-3}
DIFFERENCES = ("time_delta_ms", "difference_ms")
RELATIVE = ("relative_ms", "time_relative_ms")
LIGHT = ("green", "ppg", "infrared", "red")
AXES = re.compile(r"acc\w*[xyz]")
TYPES = {"int": "i", "uint": "u", "float": "f"}
BROKEN = "?"
START, END = "start_iso8601", "end_iso8601"
SPAN_DIFFERS, END_DIFFERS_S = 0.01, 2.0
"""How much the span by the rows may differ from that of the metadata, told to the second (our choice)."""
PART_S = 2 * 3600.0
CHUNK_ROWS = 2**20
VALID = "TSDF metadata as written with version 0.1"


@dataclass(frozen=True)
class _Binary:
    """One binary file."""

    path: Path
    dtype: np.dtype[Any]
    rows: int
    channels: tuple[str, ...]
    units: tuple[str, ...]
    factors: tuple[float, ...]
    where: str

    def numbers(self, first: int, end: int, columns: tuple[int, ...] = (0,)) -> NDArray[np.float64]:
        """(rows, columns) numbers as they stand, of the rows from `first` up to `end`."""
        width = len(self.channels)
        offset = first * width * self.dtype.itemsize
        read = np.fromfile(self.path, self.dtype, (end - first) * width, offset=offset)
        with np.errstate(all="ignore"):
            return np.asarray(read.reshape(-1, width)[:, columns], np.float64)


@dataclass(frozen=True)
class _Stream:
    """A file with the samples of one sensor, and the one with their times."""

    values: _Binary
    time: _Binary
    columns: tuple[int, ...]
    per_unit: tuple[float, ...]
    unit: str
    start_s: float
    end_s: float | None
    device: str


def recognise(path: Path) -> bool:
    """Whether a folder holds the metadata of an accelerometer, or two folders, one with those and one with a PPG's.

    Metadata that cannot be parsed count as either, so that `read` tells what is wrong with them.
    """
    if not path.is_dir():
        return False
    own, *below = (_kinds(folder) for folder in _folders(path))
    pairs = permutations((kinds for kinds in below if len(kinds) == 1), 2)
    return bool({"acc", BROKEN} & own) or any(one <= {"acc", BROKEN} and two <= {"ppg", BROKEN} for one, two in pairs)


def read(path: Path, participant: str) -> Iterator[Recording]:
    """Read one recording: its parts, one after another.

    Raises:
        BadInput: metadata that lack something or contradict the binary files, a stream that is there twice, time that
            does not go forward, streams without common time: in which file.
    """
    acc, ppg = _find(path, "acc"), _find(path, "ppg")
    if acc is None:
        raise BadInput(f"{path}: no channels of an accelerometer", valid="channels acceleration_x, ..._y, ..._z")
    both = [each for each in (acc, ppg) if each is not None]
    first_s = min(each.start_s for each in both)
    rows = [_rows_of_parts(each, first_s) for each in both]
    overlap = False
    for part in sorted(set.intersection(*(set(each) for each in rows))):
        streams = [_stream(each, *spans[part]) for each, spans in zip(both, rows, strict=True)]
        if max(each.start_s for each in streams) >= min(each.end_s for each in streams):
            continue
        overlap = True
        yield Recording(
            participant=participant,
            device=acc.device,
            format=NAME,
            acc=streams[0],
            ppg=streams[1] if ppg is not None else None,
            notes=("starts told to the second", *(["sign turned"] if ppg is not None else [])),
        )
    if not overlap:
        raise BadInput(f"{path}: accelerometer and PPG do not overlap in time", valid="streams of the same recording")


def _folders(path: Path) -> list[Path]:
    return [path, *(below for below in sorted(path.iterdir()) if below.is_dir() and not below.is_symlink())]


def _metadata(folder: Path) -> list[Path]:
    """The JSON files of a folder that speak of TSDF; of one with binary files also those that are empty."""
    files = sorted(file for file in folder.glob("*.json") if file.is_file())
    binaries = any(folder.glob("*.bin"))
    told = ((file, first_bytes(file, MOST_JSON_BYTES)) for file in files)
    return [file for file, content in told if SIGN.encode() in content or (binaries and not content)]


def _kinds(folder: Path) -> set[str]:
    """Which of the two streams the metadata of a folder speak of."""
    kinds: set[str] = set()
    for file in _metadata(folder):
        try:
            kinds |= {kind for leaf in _leaves(_parsed(file)) if (kind := _kind(leaf))}
        except BadInput:
            kinds.add(BROKEN)
    return kinds


def _parsed(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(whole_file(file, MOST_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file} is no JSON: {short(error)}", valid=VALID) from error
    if not isinstance(content, dict) or SIGN not in content:
        raise BadInput(f"{file} has no {SIGN}", valid=VALID)
    return content


def _leaves(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The description of each binary file, with what it inherits."""
    own = {key: value for key, value in content.items() if key != "sensors"}
    below = content.get("sensors")
    if not isinstance(below, list):
        return [own] if "file_name" in own else []
    return [leaf for part in below if isinstance(part, dict) for leaf in _leaves(own | part)]


def _kind(leaf: dict[str, Any]) -> str:
    channels = leaf.get("channels")
    names = [name for name in channels if isinstance(name, str)] if isinstance(channels, list) else []
    if any(AXES.fullmatch(name) for name in names):
        return "acc"
    return "ppg" if any(name in LIGHT for name in names) else ""


def _find(path: Path, kind: str) -> _Stream | None:
    """The one stream of a kind, in the folder or in one below it."""
    found = [
        (file, leaf, leaves)
        for folder in _folders(path)
        for file in _metadata(folder)
        for leaves in [_leaves(_parsed(file))]
        for leaf in leaves
        if _kind(leaf) == kind
    ]
    if len(found) > 1:
        files = ", ".join(str(leaf.get("file_name")) for _, leaf, _ in found)
        raise BadInput(f"{path}: {kind} stream in {files}", valid="one such file")
    return _described(*found[0], kind) if found else None


def _described(file: Path, leaf: dict[str, Any], leaves: list[dict[str, Any]], kind: str) -> _Stream:
    times = [each for each in leaves if each.get("channels") == ["time"]]
    if len(times) != 1:
        raise BadInput(f"{file}: {len(times)} files with a channel time", valid="one")
    values, time = _binary(file, leaf), _binary(file, times[0])
    if time.units[0] not in (*DIFFERENCES, *RELATIVE):
        raise BadInput(f"{file}: unit of time {time.units[0]!r}", valid=", ".join((*DIFFERENCES, *RELATIVE)))
    if time.rows != values.rows:
        raise BadInput(f"{file}: {time.rows} times, {values.rows} samples", valid="as many of both")
    columns = _columns(values, kind)
    units = [values.units[column] for column in columns]
    if kind == "acc" and not set(units) <= set(G_PER):
        raise BadInput(f"{file}: unit of acceleration {units}", valid=", ".join(G_PER))
    scale = [values.factors[at] * (G_PER[values.units[at]] if kind == "acc" else -1.0) for at in columns]
    unit = "g" if kind == "acc" else "au"
    device = str(leaf.get("device_id", "unknown"))[:80]
    end_s = _time_s(file, leaf, END) if END in leaf else None
    return _Stream(values, time, columns, tuple(scale), unit, _time_s(file, leaf, START), end_s, device)


def _columns(values: _Binary, kind: str) -> tuple[int, ...]:
    names = values.channels
    if kind == "ppg":
        return tuple(at for at, name in enumerate(names) if name in LIGHT)
    columns = [[at for at, name in enumerate(names) if AXES.fullmatch(name) and name[-1] == axis] for axis in "xyz"]
    if any(len(each) != 1 for each in columns):
        raise BadInput(f"{values.where}: channels {', '.join(names)}", valid="acceleration_x, ..._y and ..._z")
    return tuple(each[0] for each in columns)


def _binary(file: Path, leaf: dict[str, Any]) -> _Binary:
    """A binary file whose size is what its metadata say."""
    name, rows = leaf.get("file_name"), leaf.get("rows")
    if not isinstance(name, str) or not name or not names_a_file(name):
        raise BadInput(f"{file}: file_name {str(name)[:80]!r}", valid="the name of a file in the same folder")
    where = f"{file}, {name}"
    if not isinstance(rows, int) or rows < 2:
        raise BadInput(f"{where}: rows {str(rows)[:40]}", valid="a whole number, two or more")
    channels, units = (_texts(leaf, key, where) for key in ("channels", "units"))
    factors = leaf.get("scale_factors", [1] * len(channels))
    numbers = isinstance(factors, list) and all(isinstance(each, int | float) and each for each in factors)
    if not numbers or not all(abs(each) < 1e30 for each in factors) or not len(factors) == len(units) == len(channels):
        told = f"{len(channels)} channels, {len(units)} units, scale factors {str(factors)[:80]}"
        raise BadInput(f"{where}: {told}", valid="one unit and one factor, not zero, for each channel")
    dtype = _dtype(leaf, where)
    path = file.parent / name
    wanted = rows * len(channels) * dtype.itemsize
    size = path.stat().st_size if path.is_file() else None
    if size != wanted:
        found = f"{path} is not there" if size is None else f"{path} has {size:,} bytes"
        raise BadInput(found, valid=f"{wanted:,} bytes: {rows} rows of {len(channels)} x {8 * dtype.itemsize} bit")
    return _Binary(path, dtype, rows, tuple(channels), tuple(units), tuple(map(float, factors)), where)


def _texts(leaf: dict[str, Any], key: str, where: str) -> list[str]:
    texts = leaf.get(key)
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise BadInput(f"{where}: {key} {str(texts)[:80]}", valid="a list of texts")
    return texts


def _dtype(leaf: dict[str, Any], where: str) -> np.dtype[Any]:
    kind, bits, order = (leaf.get(key) for key in ("data_type", "bits", "endianness"))
    sizes = (32, 64) if kind == "float" else (8, 16, 32, 64)
    known = isinstance(kind, str) and kind in TYPES and isinstance(bits, int) and bits in sizes
    if not known or (order not in ("little", "big") and bits != 8):
        told = f"data_type {str(kind)[:40]}, bits {str(bits)[:40]}, endianness {str(order)[:40]}"
        raise BadInput(f"{where}: {told}", valid="int or uint of 8 to 64 bits, float of 32 or 64; little or big")
    return np.dtype(f"{'>' if order == 'big' else '<'}{TYPES[str(kind)]}{leaf['bits'] // 8}")


def _time_s(file: Path, leaf: dict[str, Any], key: str) -> float:
    text = leaf.get(key)
    try:
        told = datetime.fromisoformat(str(text))
        return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{file}: {key} {str(text)[:40]!r}", valid="such as 2021-06-27T16:52:20Z") from error


def _times_s(stream: _Stream, first: int, end: int, before_s: float) -> NDArray[np.float64]:
    """(rows,) seconds since 1970; `before_s` is the time of the row before, for differences."""
    with np.errstate(all="ignore"):  # what is not finite is told by whoever checks
        told_s = stream.time.numbers(first, end)[:, 0] * stream.time.factors[0] / 1000
        return before_s + np.cumsum(told_s) if stream.time.units[0] in DIFFERENCES else stream.start_s + told_s


def _rows_of_parts(stream: _Stream, first_s: float) -> dict[int, tuple[int, int, float]]:
    """Part -> its rows, from the first up to the last, and the time of the row before them.

    Parts are `PART_S` long, from the start of the earlier stream on; one with fewer than two rows is left out.
    """
    parts: dict[int, tuple[int, int, float]] = {}
    before_s = stream.start_s
    for first in range(0, stream.time.rows, CHUNK_ROWS):
        end = min(first + CHUNK_ROWS, stream.time.rows)
        times_s = _times_s(stream, first, end, before_s)
        _check_forward(stream.time, first, times_s, before_s)
        part_of = ((times_s - first_s) // PART_S).astype(np.int64)
        edges = [0, *(np.flatnonzero(np.diff(part_of)) + 1), len(part_of)]
        for begin, stop in pairwise(edges):
            new = (first + begin, 0, float(times_s[begin - 1]) if begin else before_s)
            row, _, told_s = parts.get(int(part_of[begin]), new)
            parts[int(part_of[begin])] = (row, first + stop, told_s)
        before_s = float(times_s[-1])
    _check_end(stream, before_s)
    return {part: rows for part, rows in parts.items() if rows[1] - rows[0] > 1}


def _check_end(stream: _Stream, last_s: float) -> None:
    """The times end when the metadata say so, where these do."""
    if stream.end_s is None:
        return
    told_s, found_s = stream.end_s - stream.start_s, last_s - stream.start_s
    if abs(found_s - told_s) > END_DIFFERS_S + SPAN_DIFFERS * abs(told_s):
        raise BadInput(
            f"{stream.time.path}: its {stream.time.rows} rows last {found_s:.1f} s",
            valid=f"{told_s:.1f} s, as {START} and {END} say, within {SPAN_DIFFERS:.0%}",
        )


def _check_forward(time: _Binary, first: int, times_s: NDArray[np.float64], before_s: float) -> None:
    """Finite, ascending, and within the years that seconds may mean; the very first row may be the start."""
    earlier_s = np.concatenate([[before_s if first else math.nextafter(before_s, -math.inf)], times_s[:-1]])
    good = times_s > earlier_s
    wrong = np.flatnonzero(~(good & (np.abs(times_s) < 1e11)))
    if len(wrong):
        told = f"time does not go forward ({len(wrong)} such place(s))"
        raise BadInput(f"{time.path}, row {first + wrong[0]}: {told}", valid="ascending times")


def _stream(stream: _Stream, first: int, end: int, before_s: float) -> Stream:
    with np.errstate(all="ignore"):
        samples_NC = stream.values.numbers(first, end, stream.columns) * np.array(stream.per_unit)
    wrong = np.flatnonzero(~(np.abs(samples_NC) < 1e30).all(1))
    if len(wrong):
        raise BadInput(f"{stream.values.path}, row {first + wrong[0]}: no finite number", valid="finite numbers")
    return sampled(
        _times_s(stream, first, end, before_s),
        samples_NC,
        stream.unit,
        place=lambda row: f"{stream.time.path}, row {first + row}",
    )
