"""What can be wrong with a window: gaps, saturation, frozen axes; short gaps are filled, the rest rejected by name."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeacc.signals.samples import Samples


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
    longest = int(max_gap_s * rate_hz + 1e-6)
    if isinstance(x, Tensor):
        return _filled_torch(x, longest) if bool(x.isnan().any()) else x
    return _filled_numpy(x, longest) if np.isnan(x).any() else x


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


def _filled_torch(x: Tensor, longest: int) -> Tensor:
    missing, last = x.isnan(), x.shape[-1] - 1
    place = torch.arange(last + 1, device=x.device).expand(x.shape)
    before = torch.where(missing, -1, place).cummax(-1).values
    after = torch.where(missing, last + 1, place).flip(-1).cummin(-1).values.flip(-1)
    left = torch.where(before < 0, after.clamp(0, last), before)
    right = torch.where(after > last, left, after)
    share = (place - left) / (right - left).clamp(min=1)
    a, b = x.gather(-1, left), x.gather(-1, right)
    return torch.where(missing & (after - before - 1 <= longest), a + share.to(x.dtype) * (b - a), x)
