"""Which windows of a recording to keep, and why the others are not: every start that is tried is accounted for."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeacc.recordings.recording import Recording, Stream
from edgeacc.signals.beats import detect_beats
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.gate import motion_mg
from edgeacc.signals.prepare import prepare_ppg
from edgeacc.signals.pulse_quality import pulse_quality
from edgeacc.signals.quality import OFF_WRIST_MG, Fault, acc_faults, ppg_faults
from edgeacc.windows.align import Aligned, OnGrid

STEPS_PER_WINDOW = 4
"""Behind a rejected window the next is tried a quarter of a window later (our choice: it keeps a third more of
Stress-Predict than trying whole windows only)."""


class Pair(NamedTuple):
    """First samples of a window on the recording's grid: the same, but for streams that each count their own time."""

    ppg: int
    acc: int


@dataclass
class Sieved:
    """What was kept of a stretch, and what was not.

    Attributes:
        pairs: the windows to keep.
        rejected: starts that were tried and rejected, by reason; each stands for a quarter of a window.
        end: where the next stretch begins.
    """

    pairs: list[Pair] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    end: int = 0


def sieve(
    recording: Recording, aligned: Aligned, contract: SignalContract, stretch: range, delay_s: Callable[[float], float]
) -> Sieved:
    """Try window after window from the stretch's first sample on; none begins behind its last.

    Args:
        recording: as its device gave it.
        aligned: the same on the contract's grid.
        contract: of the windows.
        stretch: samples at which a window may begin.
        delay_s: by how much to delay the accelerometer, at a time in seconds from the grid's start.
    """
    done = Sieved(end=stretch.start)
    last = aligned.samples - contract.samples
    while done.end <= min(last, stretch.stop - 1):
        pair = Pair(done.end, done.end - round(delay_s(done.end / contract.rate_hz) * contract.rate_hz))
        if not 0 <= pair.acc <= last:
            done.end += max(1, -pair.acc)
            continue
        fault = fault_of(recording, aligned, pair, contract)
        if fault is None:
            done.pairs.append(pair)
        else:
            done.rejected[fault] += 1
        done.end += contract.samples if fault is None else contract.samples // STEPS_PER_WINDOW
    return done


def gathered(stream: OnGrid, starts: list[int], contract: SignalContract) -> Tensor:
    """The windows that begin at these samples, (B, C, T)."""
    return torch.from_numpy(np.stack([stream[at : at + contract.samples] for at in starts]))


def fault_of(recording: Recording, aligned: Aligned, pair: Pair, contract: SignalContract) -> Fault | None:
    """The first fault of a window, in the order of `Fault`; of samples as recorded, but for gaps, motion and pulse."""
    acc_g_CT = aligned.acc_g[pair.acc : pair.acc + contract.samples]
    ppg_CT = aligned.ppg[pair.ppg : pair.ppg + contract.samples]
    if np.isnan(acc_g_CT).any() or np.isnan(ppg_CT).any():
        return Fault.GAP
    acc, ppg = recording.pair()
    acc_s, ppg_s = (aligned.start_s + at / contract.rate_hz for at in (pair.acc, pair.ppg))
    found = [
        *acc_faults(_native(acc, acc_s, contract.window_s), acc.rate_hz, contract, acc.range),
        *ppg_faults(_native(ppg, ppg_s, contract.window_s), ppg.rate_hz, contract),
    ]
    moved_mg = float(motion_mg(acc_g_CT[None])[0])
    if moved_mg >= contract.low_motion_mg:
        found.append(Fault.MOTION)
    if not found and _no_pulse(ppg_CT, contract):
        found.append(Fault.OFF_WRIST if moved_mg < OFF_WRIST_MG else Fault.NO_PULSE)
    return min(found, key=list(Fault).index, default=None)


def _no_pulse(ppg_CT: NDArray[np.float32], contract: SignalContract) -> bool:
    prepared_1CT = prepare_ppg(torch.from_numpy(ppg_CT[None]), contract)
    beats_1K = detect_beats(prepared_1CT, contract.rate_hz)
    return float(pulse_quality(prepared_1CT, beats_1K, contract.rate_hz)[0]) == 0.0


def _native(stream: Stream, start_s: float, window_s: float) -> NDArray[np.float32]:
    """The samples of one window as the device gave them."""
    if stream.times_s is not None:
        first, end = np.searchsorted(stream.times_s, [start_s, start_s + window_s])
    else:
        first = max(0, round((start_s - stream.start_s) * stream.rate_hz))
        end = first + round(window_s * stream.rate_hz)
    return stream.samples_CN[:, first:end]
