"""Aurora-BP waveforms: one tab-separated file per measurement, all sensors interpolated to 500 Hz.

Columns `t` (s), `ekg` (mV), `optical` (arbitrary units), `pressure` (mbar), `accel_x`, `accel_y`, `accel_z` (g). The
sensors ran slower: the accelerometer at 100 Hz, so it is brought back to that rate behind an anti-alias filter (which
keeps up to 40 Hz); the PPG at 250 Hz and the ECG, which are left at 500. An empty cell is a missing sample.

In the ambulatory phase the acceleration has no gravity in it (median magnitude under 0.5 g): such a recording carries
the note `GRAVITY_FREE`, and its unit cannot be checked. Otherwise the unit is checked by gravity. The ECG
(`ekg`, optional here) has no marked beats: no intervals. The sign of the PPG is left as it is, and a note says so.

Files lie in one folder per person, which they name first (`o000/o000.initial.Supine_1.tsv`): that is the participant.
Source: Mieloszyk et al., IEEE J. Biomed. Health Inform. 26(7):2022, and the documentation of the sample data. The data
are under a data-use agreement. Checked on a fixture only.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.binary import first_bytes
from edgeacc.recordings.recording import Recording, lines, regular, sampled
from edgeacc.recordings.table import STILL_G
from edgeacc.recordings.text import MISSING, Column, head, read_columns
from edgeacc.recordings.units import as_samples, has_samples, in_g, magnitude_of

NAME = "aurora-bp"
FILE_HZ, ACC_HZ = 500.0, 100.0
RATE_DIFFERS = 0.01
"""Largest relative difference from the declared rate (our choice)."""
AXES = ("accel_x", "accel_y", "accel_z")
PPG = "optical"
ECG = "ekg"
GRAVITY_FREE = "no gravity in the accelerometer (ambulatory phase)"
LARGEST_G = 16.0
LOOK_AT_BYTES = 1024


def recognise(path: Path) -> bool:
    """Whether a file's first line names the time, the optical and the acceleration's columns."""
    first = first_bytes(path, LOOK_AT_BYTES).split(b"\n")[0].rstrip(b"\r").decode("latin-1")
    return {"t", PPG, *AXES} <= set(first.split("\t"))


def read(path: Path, participant: str) -> Recording:
    """Read one measurement.

    Raises:
        BadInput: which line, and what was expected.
    """
    names = _header(path)
    if lacking := [name for name in ("t", PPG, *AXES) if name not in names]:
        raise BadInput(f"{path}, line 1 lacks {', '.join(lacking)}", valid=f"columns t, {PPG}, {', '.join(AXES)}")
    columns = [_column(name) for name in names]
    cells = read_columns(path, "\t", columns, skip=1)
    _check_times(path, cells["t"])
    ppg_NC = as_samples(cells[PPG], 1, f"{path}: {PPG}")
    acc_NC = as_samples(np.stack([cells[name] for name in AXES], axis=1), 3, f"{path}: acceleration")
    ecg_NC = as_samples(cells[ECG], 1, f"{path}: {ECG}") if has_samples(cells.get(ECG)) else None
    notes = ["accelerometer brought back to 100 Hz", "sign of the PPG as in the file", "without reference beats"]
    if magnitude_of(acc_NC) <= STILL_G[0]:
        _check_range(path, acc_NC)
        notes.append(GRAVITY_FREE)
    else:
        in_g(acc_NC, ("g",), f"{path}: acceleration")
    start_s = float(cells["t"][0])
    return Recording(
        participant=_who(path, participant),
        device="Aurora-BP wrist devices",
        format=NAME,
        acc=regular(_thinned(path, acc_NC), "g", start_s, ACC_HZ),
        ppg=regular(ppg_NC, "au", start_s, FILE_HZ),
        ecg=None if ecg_NC is None else regular(ecg_NC, "mV", start_s, FILE_HZ),
        notes=tuple(notes),
    )


def _column(name: str) -> Column:
    if name == "t":
        return Column(name)
    return Column(name, "sample", ("", *MISSING)) if name in (ECG, PPG, *AXES) else Column(name, "ignored")


def _header(path: Path) -> list[str]:
    return (head(path, 1) or [""])[0].split("\t")


def _who(path: Path, given: str) -> str:
    name = path.name.split(".")[0]
    return name if re.fullmatch(r"[ao]\d+", name) else given


def _check_times(path: Path, times_s: NDArray[np.float64]) -> None:
    """Raise BadInput unless the rows are at 500 Hz without a gap."""
    place = lines(path, 2)
    sampled(times_s, times_s[:, None], "s", place=place)
    steps_s = np.diff(times_s)
    rate_hz = 1 / float(np.median(steps_s))
    if abs(rate_hz / FILE_HZ - 1) > RATE_DIFFERS:
        raise BadInput(f"{path}: column t has {rate_hz:.6g} rows per second", valid=f"{FILE_HZ:g}")
    leaps = np.flatnonzero(steps_s > 1.5 / FILE_HZ)
    if len(leaps):
        raise BadInput(f"{place(int(leaps[0]) + 1)}: time leaps by {steps_s[leaps[0]]:.6g} s", valid="rows at 500 Hz")


def _check_range(path: Path, acc_NC: NDArray[np.float32]) -> None:
    largest = float(np.nanmax(np.abs(acc_NC)))
    if largest == 0 or largest > LARGEST_G:
        raise BadInput(
            f"{path}: the largest acceleration is {largest:.4g}", valid=f"more than 0, up to {LARGEST_G:g} g"
        )


def _thinned(path: Path, acc_NC: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, 3) at 100 Hz; NaN where a sample within a step of it was missing."""
    from edgeacc.signals.resample import resample  # torch is slow to import, and only this reader needs it

    times = np.arange(len(acc_NC))
    missing_N = np.isnan(acc_NC).any(1)
    whole_CN = np.stack([np.interp(times, times[~np.isnan(x_N)], x_N[~np.isnan(x_N)]) for x_N in acc_NC.T])
    try:
        thinned_CN = np.asarray(resample(whole_CN, FILE_HZ, ACC_HZ), np.float64)
    except BadInput as error:
        raise BadInput(f"{path}: {len(acc_NC)} rows: {error.problem}", valid="a second or more") from error
    step = round(FILE_HZ / ACC_HZ)
    near_N = np.convolve(missing_N, np.ones(2 * step + 1), "same")[::step] > 0.5
    count = min(thinned_CN.shape[1], len(near_N))
    thinned_CN = thinned_CN[:, :count]
    thinned_CN[:, near_N[:count]] = np.nan
    return thinned_CN.T
