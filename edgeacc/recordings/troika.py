"""TROIKA, the data of the IEEE Signal Processing Cup 2015: one MATLAB file per run on a treadmill, `sig` in it.

`sig` has six rows at 125 Hz (the training files): the chest's ECG; two channels of PPG (green light, wrist); the
wrist's acceleration along x, y and z. The test files lack the ECG: five rows. The read-me gives no unit for the
acceleration: it is taken as g or m/s2, whichever makes the median magnitude that of gravity, and a note says which.
Nor is there one for the ECG, which is kept as it is.
Nor does it say whether the pulse's upstroke is positive: the sign is left as it is, and a note says so.

`BPM0`, a file of its own, is the heart rate in 8-s windows every 2 s, not beats: no intervals. Source: Zhang, Pi and
Liu, IEEE Trans. Biomed. Eng. 62(2):522, 2015, and the read-me of the data set. Checked on a fixture only.
"""

import mmap
from pathlib import Path

import numpy as np

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.recordings import matlab
from edgeacc.recordings.matlab import Matlab
from edgeacc.recordings.recording import Recording, regular
from edgeacc.recordings.repeats import repeated
from edgeacc.recordings.units import as_samples, in_g

NAME = "troika"
RATE_HZ = 125.0
ROWS = {6: "with ECG", 5: "without ECG"}


def recognise(path: Path) -> bool:
    """Whether a file is MATLAB's and holds a variable `sig`."""
    return names_of(path, "sig")


def names_of(path: Path, *names: str) -> bool:
    """Whether a file is MATLAB's and holds these variables; one that cannot be read counts if it mentions them."""
    kind = matlab.version(path)
    if kind is None:
        return False
    try:
        return set(names) <= set(Matlab(path).names)
    except (BadInput, NotPossibleHere):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
            return all(raw.find(name.encode() + b"\0") >= 0 for name in names)


def read(path: Path, participant: str) -> Recording:
    """Read one run.

    Raises:
        BadInput: the file is malformed, or `sig` is not there or not what it should be.
        NotPossibleHere: the file is of v7.3 and h5py is not installed.
    """
    file = Matlab(path)
    if "sig" not in file.names:
        raise BadInput(f"{path} lacks the variable sig; it has {', '.join(file.names[:10]) or 'none'}", valid="sig")
    sig = file.value("sig")
    if not isinstance(sig, np.ndarray) or sig.ndim != 2 or sig.shape[0] not in ROWS:
        shape = sig.shape if isinstance(sig, np.ndarray) else type(sig).__name__
        raise BadInput(f"{path}: sig is {shape}", valid="6 rows (ECG, 2 PPG, 3 acceleration) or 5 (the same, no ECG)")
    first = sig.shape[0] - 5
    ppg_NC = as_samples(sig[first : first + 2].T, 2, f"{path}: PPG in sig")
    acc_NC = as_samples(sig[first + 2 :].T, 3, f"{path}: acceleration in sig")
    acc_g_NC, unit = in_g(acc_NC, ("g", "m/s2"), f"{path}: acceleration in sig")
    ecg_NC = as_samples(sig[0], 1, f"{path}: ECG in sig") if first else None
    ppg = regular(ppg_NC, "au", 0.0, RATE_HZ)
    again = repeated(ppg, lambda sample: f"sig, column {sample + 1}")
    return Recording(
        participant=participant,
        device="wristband of TROIKA",
        format=NAME,
        acc=regular(acc_g_NC, "g", 0.0, RATE_HZ),
        ppg=ppg,
        ecg=None if ecg_NC is None else regular(ecg_NC, "au", 0.0, RATE_HZ),
        notes=(
            f"accelerometer was in {unit} by its gravity",
            "sign of the PPG as in the file",
            f"{ROWS[sig.shape[0]]}, without reference beats",
            *again,
        ),
    )
