"""Empatica E4: a folder of CSV files, each with its start (Unix seconds, UTC) in line 1 and its rate in line 2.

- `ACC.csv`: three columns, whole numbers of 1/64 g (15.6 mg a step, +/-2 g), 32 Hz.
- `BVP.csv`: one column, blood volume pulse, 64 Hz. Its upstroke is positive as it stands: at the times of
  `IBI.csv` the mean beat has its minimum, and its steepest rise, about twice as steep as its steepest fall, follows
  0.06-0.09 s later (measured on 12 of the 28 recordings of Stress-Predict, all alike). So nothing is turned.
- `IBI.csv`, optional: header `start, IBI`, then rows: a beat's offset from the start in s, the
  interval that ends with it in s.

`HR.csv` is not read: it is a 10-s average of the same intervals. Checked on the 28 recordings of Stress-Predict (Iqbal
et al., Sensors 22:8135, 2022); file layout from the `info.txt` beside them.
"""

from pathlib import Path

import numpy as np

from edgeacc.errors import BadInput
from edgeacc.recordings.binary import short
from edgeacc.recordings.recording import Recording, Stream, check_rate, irregular, lines, regular
from edgeacc.recordings.repeats import refuse_repeats
from edgeacc.recordings.text import MISSING, Column, File, head, read_columns, rows
from edgeacc.recordings.units import check_spans

NAME = "empatica-e4"
COUNTS_PER_G = 64
RANGE_G = 127 / 64
"""Counts are 8-bit: -128 ... 127."""
PPG_LATE_S = 1.45
"""By how much the PPG is late against the accelerometer: median over the 25 recordings of Stress-Predict with four
still windows or more (docs/findings.md). Starts are told in whole seconds, and rates are nominal."""
SPANS_DIFFER, SPANS_DIFFER_S = 0.01, 10.0
"""How much the spans of the streams may differ, as a part and in s (our choice; the real ones by up to 1.8 s)."""
UNIX_S = (946_684_800.0, 4_102_444_800.0)
"""A start between 2000 and 2100."""


def recognise(path: Path) -> bool:
    """Whether a folder holds a CSV file that begins with one Unix time and one rate per column."""
    return path.is_dir() and any(is_e4(file) for file in sorted(path.glob("*.csv")))


def read(path: Path, participant: str) -> Recording:
    """Read one recording's folder.

    Raises:
        BadInput: a stream is missing, or a file is malformed: which, at which line, and what was expected.
    """
    return read_folder(path, participant, NAME)


def read_folder(path: File, participant: str, format_name: str) -> Recording:
    """`read`, of a folder on the disk or in an archive."""
    acc = _stream(_named(path, "ACC.csv"), ("x", "y", "z"), 1 / COUNTS_PER_G, "g", RANGE_G)
    ppg = _stream(_named(path, "BVP.csv"), ("bvp",), 1.0, "au", None)
    acc_s, ppg_s = (stream.samples_CN.shape[1] / stream.rate_hz for stream in (acc, ppg))
    what = f"{path}: ACC.csv at {acc.rate_hz:g} Hz and BVP.csv at {ppg.rate_hz:g} Hz"
    check_spans(acc_s, ppg_s, what, SPANS_DIFFER_S + SPANS_DIFFER * max(acc_s, ppg_s))
    refuse_repeats(acc, lines(path / "ACC.csv", 3))
    refuse_repeats(ppg, lines(path / "BVP.csv", 3))
    return Recording(
        participant=participant,
        device="Empatica E4",
        format=format_name,
        acc=acc,
        ppg=ppg,
        intervals=_intervals(path / "IBI.csv"),
        ppg_late_s=PPG_LATE_S,
    )


def is_e4(file: File) -> bool:
    """Whether a file begins with one Unix time and one rate per column."""
    lines = head(file, 2)
    if len(lines) < 2 or lines[0].count(",") != lines[1].count(","):
        return False
    try:
        starts, rates = ([float(cell) for cell in line.split(",")] for line in lines)
    except ValueError:
        return False
    return all(UNIX_S[0] < start < UNIX_S[1] for start in starts) and all(0 < rate < 1000 for rate in rates)


def _named(folder: File, name: str) -> File:
    path = folder / name
    if not path.is_file():
        there = ", ".join(sorted(file.name for file in folder.iterdir() if file.name.endswith(".csv")))
        raise BadInput(f"{folder} lacks {name}; it has {there}", valid="an E4 folder with ACC.csv and BVP.csv")
    return path


def _stream(path: File, names: tuple[str, ...], scale: float, unit: str, range_: float | None) -> Stream:
    if not is_e4(path) or head(path, 1)[0].count(",") != len(names) - 1:
        raise BadInput(
            f"{path}, lines 1 and 2: {short(head(path, 2))}",
            valid=f"line 1: start in Unix seconds, line 2: rate in Hz, {len(names)} column(s) each",
        )
    start, rate = (_same(path, number, line) for number, line in enumerate(head(path, 2), 1))
    check_rate(rate, f"{path}, line 2")
    columns = read_columns(path, ",", [Column(name, "sample", MISSING) for name in names], skip=2)
    samples_CN = rows(columns, names)
    samples_CN *= np.float32(scale)
    return regular(samples_CN.T, unit, start, rate, range_)


def _same(path: File, number: int, line: str) -> float:
    """The one number that all columns of a line repeat."""
    numbers = {float(cell) for cell in line.split(",")}
    if len(numbers) > 1:
        raise BadInput(f"{path}, line {number}: {line[:120]!r}", valid="the same number in every column")
    return numbers.pop()


def _intervals(path: File) -> Stream | None:
    """The device's intervals; None where it found no beat or kept no such file."""
    if not path.is_file() or not head(path, 2)[1:]:
        return None
    start, *title = head(path, 1)[0].split(",")
    try:
        start_s = float(start)
        if not UNIX_S[0] < start_s < UNIX_S[1]:
            raise ValueError
    except ValueError as error:
        raise BadInput(f"{path}, line 1: {start[:120]!r}", valid="start in Unix seconds, IBI") from error
    if [cell.strip() for cell in title] != ["IBI"]:
        raise BadInput(
            f"{path}, line 1: {','.join(title)[:120]!r} behind the start", valid="start in Unix seconds, IBI"
        )
    columns = read_columns(path, ",", [Column("offset_s"), Column("interval_s")], skip=1)
    if len(columns["offset_s"]) < 2:
        return None
    times_s = start_s + columns["offset_s"]
    return irregular(times_s, columns["interval_s"][:, None], "s", place=lines(path, 2))
