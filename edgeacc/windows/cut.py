"""From a recording to windows: align, keep the still and whole ones, prepare and label them."""

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
from edgeacc.signals.pulse_quality import pulse_quality
from edgeacc.windows import columns
from edgeacc.windows.align import Aligned, align
from edgeacc.windows.device_beats import beats_within, host_lag_s, padded
from edgeacc.windows.labels import DEVICE_PREFIX, LABELS
from edgeacc.windows.reference import Source, no_reference, reference_of
from edgeacc.windows.sieve import Pair, gathered
from edgeacc.windows.synchronise import Synchrony, paired
from edgeacc.windows.window_set import WindowSet

WINDOWS_AT_ONCE = 64
"""That are prepared together (our choice)."""
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
        reference: where the truth comes from; None where there is none.
        synchrony: how the streams were brought together; None where they share a clock.
    """

    windows: WindowSet
    rejected: Counter[str]
    recorded_s: float
    device: Device
    reference: Source | None = None
    synchrony: Synchrony | None = None


def cut(recording: Recording, contract: SignalContract, *, participant: int = 0, number: int = 0) -> Cut:
    """Cut a recording into windows that do not overlap.

    From the first common sample on: a window without fault is kept, and the next begins where it ends; behind a faulty
    one the next begins a quarter of a window later. Streams that each count their own time are brought together first
    (`edgeacc.windows.synchronise`).

    Args:
        recording: from a reader.
        contract: of the windows.
        participant: the opaque number of the person.
        number: of the recording, for the windows' numbers.

    Returns:
        Windows with their labels, and what was rejected.

    Raises:
        BadInput: there is no PPG, or the streams do not overlap in time or are too short to resample.
    """
    aligned = align(recording, contract)
    sieved, synchrony = paired(recording, aligned, contract)
    recorded_s = aligned.samples / contract.rate_hz
    if not sieved.pairs:
        return Cut(
            columns.empty(0, 0, contract), sieved.rejected, recorded_s, Device({}, None, None), synchrony=synchrony
        )
    acc_BCT, ppg_BCT, beats_BK, motion_mg_B, quality_B = _prepared(sieved.pairs, aligned, contract)
    starts = [pair.ppg for pair in sieved.pairs]
    start_s_B = aligned.start_s + np.array(starts) / contract.rate_hz
    device = _device(recording.intervals, beats_BK, start_s_B, contract)
    reference = reference_of(recording, start_s_B, contract.window_s)
    truth = reference.labels if reference else no_reference(len(starts))
    windows = WindowSet(
        acc_BCT=acc_BCT,
        ppg_BCT=ppg_BCT,
        beats_BK=beats_BK,
        participant_B=torch.full((len(starts),), participant),
        window_id_B=number * SAMPLES_PER_RECORDING + torch.tensor(starts),
        labels=_labels(len(starts)) | truth | device.labels | {"motion_mg": motion_mg_B, "ppg_quality": quality_B},
        contract=contract,
    )
    return Cut(windows, sieved.rejected, recorded_s, device, reference.source if reference else None, synchrony)


def _prepared(pairs: list[Pair], aligned: Aligned, contract: SignalContract) -> tuple[Tensor, ...]:
    """Accelerometer and PPG as they are kept, beats, motion and the pulse's quality, some windows at a time.

    A PPG of one channel, which the contract repeats, is held once.
    """
    acc_BCT = torch.empty(len(pairs), 3, contract.samples, dtype=torch.float16)
    held = 1 if aligned.ppg.channels == 1 else contract.ppg_channels
    ppg_BCT = torch.empty(len(pairs), held, contract.samples, dtype=torch.float16)
    others: list[tuple[Tensor, Tensor, Tensor]] = []
    for first in range(0, len(pairs), WINDOWS_AT_ONCE):
        block = pairs[first : first + WINDOWS_AT_ONCE]
        acc_g_BCT = gathered(aligned.acc_g, [pair.acc for pair in block], contract)
        prepared_BCT = prepare_ppg(gathered(aligned.ppg, [pair.ppg for pair in block], contract), contract)
        beats_BK = detect_beats(prepared_BCT, contract.rate_hz)
        rows = slice(first, first + len(block))
        acc_BCT[rows], ppg_BCT[rows] = prepare_acc(acc_g_BCT, contract), prepared_BCT[:, :held]
        others.append((beats_BK, motion_mg(acc_g_BCT), pulse_quality(prepared_BCT, beats_BK, contract.rate_hz)))
    ppg_BCT = ppg_BCT.expand(-1, contract.ppg_channels, -1)
    return acc_BCT, ppg_BCT, *(torch.cat(parts) for parts in zip(*others, strict=True))


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
