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

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from edgeacc.errors import BadInput
from edgeacc.recordings.recording import Recording, Stream, irregular, lines, sampled
from edgeacc.recordings.text import Column, head, read_columns

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


def _columns(file: Path, numbers: dict[str, str]) -> dict[str, np.ndarray]:
    """All columns of a file: those in `numbers` as this kind, the rest as text; a last `;` makes one more."""
    names = _header(file)
    if lacking := [name for name in (PHONE, *numbers) if name not in names]:
        raise BadInput(f"{file}, line 1 lacks {', '.join(lacking)}", valid=f"columns such as {'; '.join(numbers)}")
    columns = [Column(name, numbers.get(name, "text")) for name in names]  # type: ignore[arg-type]
    if any(line.endswith(";") for line in head(file, 2)[1:]):
        columns.append(Column("", "text"))
    return read_columns(file, ";", columns, skip=1)


def _acc(file: Path) -> tuple[Stream, float]:
    """The accelerometer, and by how much the phone's clock is ahead of the sensor's."""
    columns = _columns(file, {CLOCK: "int", **dict.fromkeys(AXES, "float")})
    times_s = columns[CLOCK] / 1e9
    samples_NC = np.stack([columns[name] for name in AXES], axis=1) / 1000
    ahead_s = float(np.median(_phone_s(file, columns[PHONE]) - times_s))
    return sampled(times_s, samples_NC, "g", place=lines(file, 2)), ahead_s


def _ppg(file: Path) -> Stream:
    channels = [name for name in _header(file) if name.startswith("channel")] or ["channel 0"]
    columns = _columns(file, {CLOCK: "int", **dict.fromkeys([*channels, AMBIENT], "float")})
    light_NC = np.stack([columns[name] - columns[AMBIENT] for name in channels], axis=1)
    return sampled(columns[CLOCK] / 1e9, -light_NC, "au", place=lines(file, 2))


def _intervals(file: Path, host_ahead_s: float) -> Stream | None:
    """The sensor's intervals on its clock, as far as the phone knows it; None where none can be trusted."""
    columns = _columns(file, {INTERVAL: "float", ERROR: "float"})
    good = columns[ERROR] <= LARGEST_ERROR_MS
    interval_s = columns[INTERVAL][good] / 1000
    if len(interval_s) < 2:
        return None
    ends_s = _phone_s(file, columns[PHONE])[good] - host_ahead_s + interval_s
    order = np.argsort(ends_s, kind="stable")
    order = order[np.diff(ends_s[order], prepend=-np.inf) > 0]
    samples_NC = interval_s[order][:, None]
    return irregular(ends_s[order], samples_NC, "s", place=lines(file, 2), clock="host")


def _phone_s(file: Path, texts: np.ndarray) -> np.ndarray:
    """Seconds since 1970 of the phone's local times, without a zone (only differences are used)."""
    times_s = np.empty(len(texts))
    for row, text in enumerate(texts):
        try:
            times_s[row] = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        except ValueError as error:
            told = f"{lines(file, 2)(row)}: {PHONE} is {text[:40]!r}"
            raise BadInput(told, valid="times such as 2022-04-25T11:39:36.978") from error
    return times_s
