"""PPG-DaLiA and WESAD: one `SX.pkl` per person, a pickled dict of a wrist (Empatica E4) and a chest (RespiBAN) device.

- `signal` -> `wrist` -> `ACC`: (N, 3), 32 Hz. The data page gives 1/64 g; both that (WESAD) and g (PPG-DaLiA) are said
  to occur in the files, so the unit is the one under which gravity is 1 g, and a note says which.
- `signal` -> `wrist` -> `BVP`: (N, 1), 64 Hz, upstroke positive as in the E4's own files.
- `rpeaks` (PPG-DaLiA): sample numbers of the R peaks in the chest's ECG, 700 Hz: the reference beats. They come before
  the pulse at the wrist by its travel time. WESAD has the ECG without peaks: no intervals.
- `signal` -> `chest` -> `ECG`: (N, 1), 700 Hz; the raw ECG, if it is there. Its unit is not told by the file.
- `label`: heart rate of 8-s windows every 2 s (PPG-DaLiA), state of the protocol at 700 Hz (WESAD): told, not used.

The streams of both devices begin together. The pickle is never run: see `edgeacc.recordings.pickled`. Sources: Reiss et
al., Sensors 19(14):3079, 2019, and Schmidt et al., ICMI 2018, with the data sets' pages at the UCI repository. Checked
on a fixture only.
"""

from pathlib import Path
from typing import Any

import numpy as np

from edgeacc.errors import BadInput
from edgeacc.recordings.e4 import PPG_LATE_S
from edgeacc.recordings.pickled import Pickle, opened
from edgeacc.recordings.recording import Recording, Stream, regular
from edgeacc.recordings.repeats import repeated
from edgeacc.recordings.units import E4_COUNT, as_samples, beats, check_spans, in_g

NAME = "dalia-wesad"
ACC_HZ, BVP_HZ, CHEST_HZ = 32.0, 64.0, 700.0
SPANS_DIFFER_S = 2.0
"""Largest difference between the spans of the streams (our choice)."""


def recognise(path: Path) -> bool:
    """Whether a file begins as the pickle of a dict and has the names of the wrist's streams in it."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(12)
        if not (start.startswith((b"(d", b"}")) or (start[:1] == b"\x80" and b"}" in start)):
            return False
        with opened(path) as pickle:
            return pickle.mentions(b"wrist", b"BVP", b"ACC")
    except (BadInput, OSError):
        return False


def read(path: Path, participant: str) -> Recording:
    """Read one person's file.

    Raises:
        BadInput: the file holds anything but data (at which byte), or a stream is missing, or is not what it should be.
    """
    with opened(path) as pickle:
        value = pickle.value()
        wrist = _within(path, _within(path, value, "signal"), "wrist", above="signal -> ")
        acc_NC = as_samples(pickle.numbers(_held(path, wrist, "ACC"), "wrist ACC"), 3, f"{path}: wrist ACC")
        bvp_NC = as_samples(pickle.numbers(_held(path, wrist, "BVP"), "wrist BVP"), 1, f"{path}: wrist BVP")
        what = f"{path}: wrist ACC at {ACC_HZ:g} Hz and BVP at {BVP_HZ:g} Hz"
        check_spans(len(acc_NC) / ACC_HZ, len(bvp_NC) / BVP_HZ, what, SPANS_DIFFER_S)
        intervals, told = _intervals(path, pickle, value, len(bvp_NC) / BVP_HZ)
        ecg = _ecg(path, pickle, value["signal"])
    acc_g_NC, unit = in_g(acc_NC, (E4_COUNT, "g"), f"{path}: wrist ACC")
    ppg = regular(bvp_NC, "au", 0.0, BVP_HZ)
    again = repeated(ppg, lambda sample: f"wrist BVP, sample {sample}")
    return Recording(
        participant=_who(value, participant),
        device="Empatica E4",
        format=NAME,
        acc=regular(acc_g_NC, "g", 0.0, ACC_HZ, 127 / 64),
        ppg=ppg,
        reference=intervals,
        ppg_late_s=PPG_LATE_S,
        ecg=ecg,
        notes=(f"accelerometer was in {unit}", told, "the file's labels are not used", *again),
    )


def _who(value: dict[Any, Any], given: str) -> str:
    """The file's own name for the person, with the data set's, since both begin with S2."""
    subject = value.get("subject")
    if not isinstance(subject, str) or not 0 < len(subject) <= 20:
        return given
    return f"{'dalia' if 'rpeaks' in value else 'wesad'} {subject}"


def _intervals(path: Path, pickle: Pickle, value: dict[Any, Any], span_s: float) -> tuple[Stream | None, str]:
    if "rpeaks" not in value:
        return None, "chest ECG without R peaks: no reference beats"
    peaks = pickle.numbers(value["rpeaks"], "rpeaks").ravel()
    if peaks.dtype.kind not in "iu" or (len(peaks) and not 0 <= peaks.min() <= peaks.max() <= 1e12):
        raise BadInput(f"{path}: rpeaks are not sample numbers ({peaks.dtype})", valid="whole numbers from 0 on")
    times_s = peaks / CHEST_HZ
    if len(times_s) and times_s[-1] > span_s + SPANS_DIFFER_S:
        told = f"the last R peak is at {times_s[-1]:.1f} s, the recording ends at {span_s:.1f} s"
        raise BadInput(f"{path}: {told}", valid=f"R peaks as samples at {CHEST_HZ:g} Hz")
    stream = beats(np.asarray(times_s, np.float64), lambda beat: f"{path}: rpeaks, number {beat}")
    return stream, "reference beats: the R peaks of the chest ECG, as marked"


def _ecg(path: Path, pickle: Pickle, signal: dict[Any, Any]) -> Stream | None:
    """The chest's ECG, whose unit the file does not tell; None where there is none."""
    chest = signal.get("chest")
    if not isinstance(chest, dict) or "ECG" not in chest:
        return None
    ecg_NC = as_samples(pickle.numbers(chest["ECG"], "chest ECG"), 1, f"{path}: chest ECG")
    return regular(ecg_NC, "au", 0.0, CHEST_HZ)


def _within(path: Path, value: object, name: str, above: str = "") -> dict[Any, Any]:
    inner = _held(path, value, name, above)
    if not isinstance(inner, dict):
        raise BadInput(f"{path}: {above}{name} is no dict", valid="signal -> wrist -> ACC, BVP")
    return inner


def _held(path: Path, value: object, name: str, above: str = "signal -> wrist -> ") -> Any:  # noqa: ANN401
    if not isinstance(value, dict):
        raise BadInput(f"{path} holds no dict", valid="signal -> wrist -> ACC, BVP")
    if name not in value:
        there = ", ".join(str(key)[:20] for key in list(value)[:10]) or "nothing"
        raise BadInput(f"{path} lacks {above}{name}; there is {there}", valid="signal -> wrist -> ACC, BVP")
    return value[name]
