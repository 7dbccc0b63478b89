"""What can be wrong with a window: gaps, saturation, frozen axes; short gaps are filled, the rest rejected by name."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.signals.contract import SignalContract
from edgeacc.signals.samples import Samples

if TYPE_CHECKING:
    from torch import Tensor

MOST_SATURATED = 3
"""Samples at the end of the range that a window may hold ("a few": our choice)."""
FROZEN_SHARE = 0.5
"""An axis is frozen that holds one value for more than this share of the window. A still wrist on a coarse sensor
(15.6 mg a step) does hold one value for seconds, so a short run proves nothing; half the window carries nothing (our
choice)."""
FLAT_S = 0.5
"""A PPG is flat (clipped, or off the wrist) that holds one value for longer. In still Empatica E4 windows the longest
such run is 0.17 s (measured on the 28 recordings of Stress-Predict)."""

OFF_WRIST_MG = 2.0
"""A window without a pulse that moves less was not worn (our estimate: three axes of 150 ug/sqrt(Hz), a fine
accelerometer's noise, over 32 Hz make 1.5 mg; the stillest worn minute measured, of Polar Verity Sense, has 4.4 mg)."""


class Fault(StrEnum):
    """Why a window is not used, in the order in which they are looked for."""

    GAP = "gap"
    SATURATED = "saturated"
    FROZEN_AXIS = "frozen_axis"
    FLAT_PPG = "flat_ppg"
    CLOCK = "clock"
    MOTION = "motion"
    OFF_WRIST = "off_wrist"
    NO_PULSE = "no_pulse"


def acc_faults(
    acc_g_CT: NDArray[np.floating[Any]], rate_hz: float, contract: SignalContract, range_g: float | None = None
) -> list[Fault]:
    """Faults of one window of the accelerometer as the device gave it, before any resampling.

    Args:
        acc_g_CT: (3, T) in g, NaN where missing.
        rate_hz: the device's rate.
        contract: allows gaps up to `max_gap_s` and values inside `acc_range_g`.
        range_g: the device's own range, where it is smaller.

    Returns:
        All that apply, in the order of `Fault`.
    """
    limit_g = min(contract.acc_range_g, range_g or contract.acc_range_g)
    found = {
        Fault.GAP: _longest_run(np.isnan(acc_g_CT)) > contract.max_gap_s * rate_hz,
        Fault.SATURATED: (np.abs(acc_g_CT) >= limit_g * (1 - 1e-6)).sum(-1).max() > MOST_SATURATED,
        Fault.FROZEN_AXIS: _longest_run(_repeats(acc_g_CT)) > FROZEN_SHARE * acc_g_CT.shape[-1],
    }
    return [fault for fault, there in found.items() if there]


def ppg_faults(ppg_CT: NDArray[np.floating[Any]], rate_hz: float, contract: SignalContract) -> list[Fault]:
    """Faults of one window of the PPG as the device gave it, before any resampling.

    Args:
        ppg_CT: (C, T) in any unit, NaN where missing.
        rate_hz: the device's rate.
        contract: allows gaps up to `max_gap_s`.

    Returns:
        All that apply, in the order of `Fault`.
    """
    found = {
        Fault.GAP: _longest_run(np.isnan(ppg_CT)) > contract.max_gap_s * rate_hz,
        Fault.FLAT_PPG: _longest_run(_repeats(ppg_CT)) > FLAT_S * rate_hz,
    }
    return [fault for fault, there in found.items() if there]


def fill_gaps(x: Samples, rate_hz: float, max_gap_s: float) -> Samples:
    """Fill runs of NaN no longer than `max_gap_s` by a straight line between their neighbours; leave longer ones.

    A run at the edge of the window, which has one neighbour, repeats it.

    Args:
        x: (..., T) samples.
        rate_hz: their rate.
        max_gap_s: longest gap that is filled.

    Returns:
        (..., T); `x` itself where nothing is missing.
    """
    longest = int(min(max_gap_s * rate_hz + 1e-6, x.shape[-1]))
    if isinstance(x, np.ndarray):
        return _filled_numpy(x, longest) if np.isnan(x).any() else x
    return _filled_torch(x, longest) if bool(x.isnan().any()) else x


def _filled_numpy(x: NDArray[np.floating[Any]], longest: int) -> NDArray[np.floating[Any]]:
    missing, last = np.isnan(x), x.shape[-1] - 1
    place = np.broadcast_to(np.arange(last + 1), x.shape)
    before = np.maximum.accumulate(np.where(missing, -1, place), axis=-1)
    after = np.flip(np.minimum.accumulate(np.flip(np.where(missing, last + 1, place), -1), axis=-1), -1)
    left = np.where(before < 0, np.clip(after, 0, last), before)
    right = np.where(after > last, left, after)
    share = (place - left) / np.maximum(right - left, 1)
    a, b = np.take_along_axis(x, left, -1), np.take_along_axis(x, right, -1)
    return np.where(missing & (after - before - 1 <= longest), a + share * (b - a), x).astype(x.dtype)


def _filled_torch(x: "Tensor", longest: int) -> "Tensor":
    import torch

    missing, last = x.isnan(), x.shape[-1] - 1
    place = torch.arange(last + 1, device=x.device).expand(x.shape)
    before = torch.where(missing, -1, place).cummax(-1).values
    after = torch.where(missing, last + 1, place).flip(-1).cummin(-1).values.flip(-1)
    left = torch.where(before < 0, after.clamp(0, last), before)
    right = torch.where(after > last, left, after)
    share = (place - left).to(x.dtype) / (right - left).clamp(min=1)
    a, b = x.gather(-1, left), x.gather(-1, right)
    return torch.where(missing & (after - before - 1 <= longest), a + share * (b - a), x)


def _repeats(x_CT: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Where a sample equals the one before it."""
    return np.asarray(x_CT[:, 1:] == x_CT[:, :-1])


def _longest_run(flag_CT: NDArray[np.bool_]) -> int:
    """Longest run of True in any row."""
    place = np.arange(1, flag_CT.shape[-1] + 1)
    since = np.maximum.accumulate(np.where(flag_CT, 0, place), axis=-1)
    return int((place - since).max(initial=0))
