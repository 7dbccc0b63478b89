"""From a recording to windows: align, look for faults, keep the still and whole ones, prepare and label them."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeacc.recordings.recording import Recording, Stream
from edgeacc.signals.beats import detect_beats, labels_of, rate_and_variability
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.gate import motion_mg
from edgeacc.signals.prepare import prepare_acc, prepare_ppg
from edgeacc.signals.quality import Fault, acc_faults, ppg_faults
from edgeacc.windows import columns
from edgeacc.windows.align import Aligned, align
from edgeacc.windows.device_beats import beats_within, host_lag_s, padded
from edgeacc.windows.labels import DEVICE_PREFIX, LABELS
from edgeacc.windows.window_set import WindowSet

STEPS_PER_WINDOW = 4
"""Behind a rejected window the next is tried a quarter of a window later (our choice: it keeps a third more of
Stress-Predict than trying whole windows only)."""
SAMPLES_PER_RECORDING = 10**9
"""A window's number is its recording's number times this, plus its first sample's number on the recording's grid."""


class Device(NamedTuple):
    """What the device's own intervals were good for.

    Attributes:
        labels: `device_...` -> (B,).
        lag_s: by how much their clock was late; None where there are none, or none that fit.
        hr_difference_bpm: median difference between their rate and that of the beats in the PPG, where there are both.
    """

    labels: dict[str, Tensor]
    lag_s: float | None
    hr_difference_bpm: float | None


@dataclass(frozen=True)
class Cut:
    """The windows of one recording, and the account of the rest.

    Attributes:
        windows: those kept.
        rejected: starts that were tried and rejected, by reason; each stands for a quarter of a window.
        recorded_s: the span in which both streams exist.
        device: the device's intervals and the labels of the windows.
    """

    windows: WindowSet
    rejected: Counter[str]
    recorded_s: float
    device: Device


def cut(recording: Recording, contract: SignalContract, *, participant: int = 0, number: int = 0) -> Cut:
    """Cut a recording into windows that do not overlap.

    From the first common sample on: a window without fault is kept, and the next begins where it ends; behind a faulty
    one the next begins a quarter of a window later.

    Args:
        recording: from a reader.
        contract: of the windows.
        participant: the opaque number of the person.
        number: of the recording, for the windows' numbers.

    Returns:
        Windows with their device labels and motion (truth is NaN), and what was rejected.

    Raises:
        BadInput: there is no PPG, or the streams do not overlap in time or are too short to resample.
    """
    aligned = align(recording, contract)
    starts, rejected = _sieve(recording, aligned, contract)
    recorded_s = aligned.acc_g_CN.shape[1] / contract.rate_hz
    if not starts:
        return Cut(columns.empty(0, 0, contract), rejected, recorded_s, Device({}, None, None))
    acc_g_BCT, ppg_BCT = (_gather(x_CN, starts, contract) for x_CN in (aligned.acc_g_CN, aligned.ppg_CN))
    prepared_ppg_BCT = prepare_ppg(ppg_BCT, contract)
    beats_BK = detect_beats(prepared_ppg_BCT, contract.rate_hz)
    device = _device(recording.intervals, beats_BK, aligned.start_s + np.array(starts) / contract.rate_hz, contract)
    windows = WindowSet(
        acc_BCT=prepare_acc(acc_g_BCT, contract).half(),
        ppg_BCT=prepared_ppg_BCT.half(),
        beats_BK=beats_BK,
        participant_B=torch.full((len(starts),), participant),
        window_id_B=number * SAMPLES_PER_RECORDING + torch.tensor(starts),
        labels=_labels(len(starts)) | device.labels | {"motion_mg": motion_mg(acc_g_BCT)},
        contract=contract,
    )
    return Cut(windows, rejected, recorded_s, device)


def _sieve(recording: Recording, aligned: Aligned, contract: SignalContract) -> tuple[list[int], Counter[str]]:
    """First samples of the windows to keep, and why the others are not."""
    starts: list[int] = []
    rejected: Counter[str] = Counter()
    at, last = 0, aligned.acc_g_CN.shape[1] - contract.samples
    while at <= last:
        fault = _fault(recording, aligned, at, contract)
        if fault is None:
            starts.append(at)
        else:
            rejected[fault] += 1
        at += contract.samples if fault is None else contract.samples // STEPS_PER_WINDOW
    return starts, rejected


def _fault(recording: Recording, aligned: Aligned, at: int, contract: SignalContract) -> Fault | None:
    """The first fault of one window, in the order of `Fault`; all but gaps and motion are looked for as recorded."""
    span = slice(at, at + contract.samples)
    acc_g_CT = aligned.acc_g_CN[:, span]
    if np.isnan(acc_g_CT).any() or np.isnan(aligned.ppg_CN[:, span]).any():
        return Fault.GAP
    start_s = aligned.start_s + at / contract.rate_hz
    acc, ppg = recording.pair()
    found = [
        *acc_faults(_native(acc, start_s, contract.window_s), acc.rate_hz, contract, acc.range),
        *ppg_faults(_native(ppg, start_s, contract.window_s), ppg.rate_hz, contract),
    ]
    if motion_mg(acc_g_CT[None])[0] >= contract.low_motion_mg:
        found.append(Fault.MOTION)
    return min(found, key=list(Fault).index, default=None)


def _native(stream: Stream, start_s: float, window_s: float) -> NDArray[np.float32]:
    """The samples of one window as the device gave them."""
    if stream.times_s is not None:
        first, end = np.searchsorted(stream.times_s, [start_s, start_s + window_s])
    else:
        first = round((start_s - stream.start_s) * stream.rate_hz)
        end = first + round(window_s * stream.rate_hz)
    return stream.samples_CN[:, first:end]


def _gather(x_CN: NDArray[np.float32], starts: list[int], contract: SignalContract) -> Tensor:
    return torch.from_numpy(np.stack([x_CN[:, at : at + contract.samples] for at in starts]))


def _labels(count: int) -> dict[str, Tensor]:
    """All labels, not known."""
    return {name: torch.full((count,), torch.nan) for name in LABELS}


def _device(
    intervals: Stream | None, beats_BK: Tensor, start_s_B: NDArray[np.float64], contract: SignalContract
) -> Device:
    """Labels from the device's intervals where these cover a window, else from the beats found in the PPG."""
    found = labels_of(rate_and_variability(beats_BK), prefix=DEVICE_PREFIX)
    absent = found | {"device_intervals": torch.zeros(len(beats_BK))}
    if intervals is None:
        return Device(absent, None, None)
    lag_s = 0.0 if intervals.clock == "sensor" else host_lag_s(intervals, _absolute(beats_BK, start_s_B))
    if lag_s is None:
        return Device(absent, None, None)
    rows = [beats_within(intervals, start_s + lag_s, contract.window_s) for start_s in start_s_B]
    own = labels_of(rate_and_variability(padded(rows, fewest=beats_BK.shape[1])), prefix=DEVICE_PREFIX)
    used_B = ~own["device_hr_bpm"].isnan()
    apart_bpm_B = (own["device_hr_bpm"] - found["device_hr_bpm"]).abs()
    labels = {name: torch.where(used_B, own[name], found[name]) for name in found}
    median_bpm = None if apart_bpm_B.isnan().all() else float(apart_bpm_B.nanmedian())
    return Device(labels | {"device_intervals": used_B.float()}, lag_s, median_bpm)


def _absolute(beats_BK: Tensor, start_s_B: NDArray[np.float64]) -> NDArray[np.float64]:
    """All beats of all windows, in seconds on the recording's clock."""
    beats_s = (beats_BK.double().numpy() + start_s_B[:, None]).ravel()
    return beats_s[~np.isnan(beats_s)]
