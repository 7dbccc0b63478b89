"""PhysioNet's sleep-accel (Apple Watch): text of time and acceleration, no PPG.

- `NUMBER_acceleration.txt`: rows of time (s from the start of the polysomnography; negative before it), x, y, z in g,
  parted by blanks, about 50 Hz. Rows that repeat the one before are left out. The days before the night have long
  gaps: a gap of a minute or more parts the recording.
- `NUMBER_heartrate.txt`, beside it or in the folder `heart_rate` beside its own: rows of time (s), heart rate (1/min)
  of the watch, parted by a comma, every few seconds. These are rates, not beats: no intervals, a note tells of them.

The number in the name is the participant, since the folders are by kind of data. Source: Walch et al., Sleep
42(12):zsz180, 2019, and the data's page at PhysioNet (sleep-accel 1.0.0). Checked on a fixture only.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.binary import first_bytes
from edgeacc.recordings.recording import Place, Recording, sampled
from edgeacc.recordings.text import LARGEST, MISSING, Column, read_columns, rows
from edgeacc.recordings.units import as_samples, in_g

NAME = "sleep-accel"
LOOK_AT_BYTES = 2048
STEP_S = (0.001, 0.06)
"""Steps between rows of some 20 to 1000 Hz: what tells these rows from other numbers."""
ENDS = "_acceleration.txt"
GAP_S = 60.0
"""A longer gap parts the recording (our choice)."""
FEWEST = 100
"""Shorter parts are left out (our choice: 2 s)."""
RATE_BPM = (20.0, 300.0)


def recognise(path: Path) -> bool:
    """Whether a text begins with rows of ascending times some ms apart and three axes of about 1 g."""
    if not path.is_file():
        return False
    try:
        lines = first_bytes(path, LOOK_AT_BYTES).decode("ascii").splitlines()
        cells = [[float(cell) for cell in line.split(" ")] for line in lines[: max(2, len(lines) - 1)]]
        if len(cells) < 2 or any(len(row) != 4 for row in cells):
            return False
        table = np.array([row for row in cells if not np.isnan(row).any()])
        if len(table) < 2 or (np.abs(table) > LARGEST).any():
            return False
        step_s = float(np.median(np.diff(table[:, 0])))
        return bool(STEP_S[0] < step_s < STEP_S[1] and 0.5 < np.median(np.linalg.norm(table[:, 1:], axis=1)) < 2)
    except (BadInput, ValueError, OverflowError):
        return False


def read(path: Path, participant: str) -> Iterator[Recording]:
    """Read one person's parts, one after another.

    Raises:
        BadInput: which line, and what was expected.
    """
    cells = read_columns(path, " ", [Column("time"), *(Column(axis, "sample", MISSING) for axis in "xyz")], skip=0)
    times_s, acc_NC = cells.pop("time"), rows(cells, "xyz").T
    again = np.zeros(len(times_s), np.bool_)
    again[1:] = (np.diff(times_s) == 0) & (acc_NC[1:] == acc_NC[:-1]).all(1)
    line_N = np.flatnonzero(~again)
    if again.any():
        times_s, acc_NC = times_s[line_N], acc_NC[line_N]
    told = _heart_rate(path)
    notes = (told,) if not again.any() else (told, f"{again.sum()} repeated row(s) left out")
    return _parts(path, _who(path, participant), times_s, acc_NC, line_N, notes)


def _parts(
    path: Path,
    who: str,
    times_s: NDArray[np.float64],
    acc_NC: NDArray[np.float32],
    line_N: NDArray[np.int64],
    notes: tuple[str, ...],
) -> Iterator[Recording]:
    edges = [0, *(np.flatnonzero(np.diff(times_s) > GAP_S) + 1), len(times_s)]
    parts = [slice(first, end) for first, end in pairwise(edges)]
    whole = [part for part in parts if part.stop - part.start >= FEWEST]
    if not whole:
        told = f"{path}: {len(times_s)} rows in {len(parts)} part(s)"
        raise BadInput(told, valid=f"{FEWEST} rows without a gap of {GAP_S:g} s")
    for number, part in enumerate(whole, 1):
        acc_g_NC, _ = in_g(as_samples(acc_NC[part], 3, f"{path}: acceleration"), ("g",), f"{path}: acceleration")
        yield Recording(
            participant=who,
            device="Apple Watch",
            format=NAME,
            acc=sampled(times_s[part], acc_g_NC, "g", place=_place(path, line_N[part])),
            ppg=None,
            notes=(f"part {number} of {len(whole)}", *notes),
        )


def _place(path: Path, line_N: NDArray[np.int64]) -> Place:
    return lambda sample: f"{path}, line {line_N[sample] + 1}"


def _who(path: Path, given: str) -> str:
    return path.name.removesuffix(ENDS) if re.fullmatch(rf"\d+{ENDS}", path.name) else given


def _heart_rate(path: Path) -> str:
    """What the watch's heart rates beside the file are."""
    if not path.name.endswith(ENDS):
        return "no heart rate beside the file"
    name = path.name.removesuffix(ENDS) + "_heartrate.txt"
    for file in (path.with_name(name), path.parent.parent / "heart_rate" / name):
        if file.is_file():
            rates = read_columns(file, ",", [Column("time"), Column("heart rate")], skip=0)["heart rate"]
            wrong = np.flatnonzero((rates < RATE_BPM[0]) | (rates > RATE_BPM[1]))
            if len(wrong):
                told = f"{file}, line {wrong[0] + 1}: a heart rate of {rates[wrong[0]]:g}"
                raise BadInput(told, valid=f"{RATE_BPM[0]:g} to {RATE_BPM[1]:g} a minute")
            return f"heart rate of the watch, not beats: {len(rates)} values, median {np.median(rates):.0f} a minute"
    return "no heart rate beside the file"
