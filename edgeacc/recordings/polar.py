"""Polar sensors (Verity Sense, OH1) as logged by the Polar Sensor Logger app: `;` separated text files in one folder.

- accelerometer: phone time; sensor time in ns; X, Y, Z in mg (header `X [mg]`), about 52 Hz.
- PPG: phone time; sensor time in ns; channel 0, 1, 2; ambient; about 55 Hz; rows end with one more `;`.
- intervals, optional: phone time of the beginning; interval in ms; error estimate in ms; blocker; contact;
  contact; HR.

The sensor's clock is used (in the recording checked the phone is 2.15 s ahead of it for the accelerometer and 0.87 s
for the PPG: one of the two is 1.3 s wrong). The intervals have only the phone's time: they are marked `host`, and
whoever uses them aligns them. The ambient light is subtracted from each channel. The channels are reflected light,
which falls as the pulse arrives, so the sign is turned: in the recording checked the raw light's steepest falls are
1.7 times its steepest rises. Checked on one recording of a Verity Sense (sample data of the BIOBSS package).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.recording import Recording, Stream, irregular, lines, sampled
from edgeacc.recordings.text import MISSING, Column, Kind, head, read_columns, rows

NAME = "polar-sense"
CLOCK = "sensor timestamp [ns]"
PHONE = "Phone timestamp"
AXES = ("X [mg]", "Y [mg]", "Z [mg]")
AMBIENT = "ambient"
INTERVAL = "PP-interval [ms]"
ERROR = "error estimate [ms]"
LARGEST_ERROR_MS = 30
"""Intervals that the sensor itself trusts less are left out (our choice; its good ones say about 10)."""


def recognise(path: Path) -> bool:
    """Whether a folder holds a text file with the header of one of the two streams."""
    return path.is_dir() and bool({"acc", "ppg"} & set(_roles(path)))


def read(path: Path, participant: str) -> Recording:
    """Read one recording's folder.

    Raises:
        BadInput: a stream is missing or there twice, or a file is malformed: which, at which line, what was expected.
    """
    files = _roles(path)
    there = ", ".join(sorted(file.name for file in path.glob("*.txt")))
    for role, header in (("acc", "X [mg];Y [mg];Z [mg]"), ("ppg", "channel 0;...;ambient")):
        if len(files.get(role, [])) != 1:
            found = ", ".join(file.name for file in files.get(role, [])) or f"none of {there}"
            raise BadInput(f"{path}: files with the {role} stream: {found}", valid=f"one file with the header {header}")
    acc, host_ahead_s = _acc(files["acc"][0])
    return Recording(
        participant=participant,
        device="Polar optical sensor",
        format=NAME,
        acc=acc,
        ppg=_ppg(files["ppg"][0]),
        intervals=_intervals(files["intervals"][0], host_ahead_s) if "intervals" in files else None,
        notes=("ambient light subtracted, sign turned",),
    )


def _roles(folder: Path) -> dict[str, list[Path]]:
    """The folder's files by what their first line says they are."""
    roles: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("*.txt")):
        names = _header(file)
        if CLOCK in names and set(AXES) <= set(names):
            roles.setdefault("acc", []).append(file)
        elif CLOCK in names and AMBIENT in names:
            roles.setdefault("ppg", []).append(file)
        elif INTERVAL in names:
            roles.setdefault("intervals", []).append(file)
    return roles


def _header(file: Path) -> list[str]:
    return (head(file, 1) or [""])[0].rstrip(";").split(";")


def _columns(file: Path, numbers: dict[str, Kind]) -> dict[str, NDArray[Any]]:
    """The columns of a file in `numbers`, as this kind; a last `;` makes one more that is ignored."""
    names = _header(file)
    if lacking := [name for name in numbers if name not in names]:
        raise BadInput(f"{file}, line 1 lacks {', '.join(lacking)}", valid=f"columns such as {'; '.join(numbers)}")
    if twice := [name for name in numbers if names.count(name) > 1]:
        raise BadInput(f"{file}, line 1 has {', '.join(twice)} more than once", valid="one column of each name")
    kinds = [numbers.get(name, "ignored") for name in names]
    columns = [Column(name, kind, MISSING if kind == "sample" else ()) for name, kind in zip(names, kinds, strict=True)]
    if any(line.endswith(";") for line in head(file, 2)[1:]):
        columns.append(Column("", "ignored"))
    return read_columns(file, ";", columns, skip=1)


def _acc(file: Path) -> tuple[Stream, float]:
    """The accelerometer, and by how much the phone's clock is ahead of the sensor's."""
    columns = _columns(file, {PHONE: "time", CLOCK: "int", **_all(AXES)})
    times_s = columns.pop(CLOCK) / 1e9
    ahead_s = float(np.median(columns.pop(PHONE) - times_s))
    samples_CN = rows(columns, AXES)
    samples_CN /= np.float32(1000)
    return sampled(times_s, samples_CN.T, "g", place=lines(file, 2)), ahead_s


def _ppg(file: Path) -> Stream:
    channels = [name for name in _header(file) if name.startswith("channel")] or ["channel 0"]
    columns = _columns(file, {CLOCK: "int", **_all([*channels, AMBIENT])})
    times_s, ambient_N = columns.pop(CLOCK) / 1e9, columns.pop(AMBIENT)
    light_CN = rows(columns, channels)
    np.subtract(ambient_N, light_CN, out=light_CN)
    return sampled(times_s, light_CN.T, "au", place=lines(file, 2))


def _all(names: Sequence[str]) -> dict[str, Kind]:
    return dict.fromkeys(names, "sample")


def _intervals(file: Path, host_ahead_s: float) -> Stream | None:
    """The sensor's intervals on its clock, as far as the phone knows it; None where none can be trusted."""
    columns = _columns(file, {PHONE: "time", INTERVAL: "float", ERROR: "float"})
    good = columns[ERROR] <= LARGEST_ERROR_MS
    interval_s = columns[INTERVAL][good] / 1000
    if len(interval_s) < 2:
        return None
    ends_s = columns[PHONE][good] - host_ahead_s + interval_s
    order = np.argsort(ends_s, kind="stable")
    order = order[np.diff(ends_s[order], prepend=-np.inf) > 0]
    samples_NC = interval_s[order][:, None]
    return irregular(ends_s[order], samples_NC, "s", place=lines(file, 2), clock="host")
