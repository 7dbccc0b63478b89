"""From the device's rate to the contract's: band-limited for regular samples, a spline for irregular ones.

Recordings come this way once, before they are windows, so this is NumPy alone.
"""

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.interpolate import CubicSpline

from edgeacc.errors import BadInput
from edgeacc.signals.filters import low_pass_taps

LARGEST_FACTOR = 2000
"""Rates whose ratio needs a larger whole number are treated as irregular: `to_grid`."""
TRANSITION = 0.2
"""Width of the low-pass's transition, of half the lower rate; it ends at half the lower rate (our choice)."""


def resample(x: NDArray[np.floating[Any]], from_hz: float, to_hz: float) -> NDArray[np.floating[Any]]:
    """Resample by a whole ratio behind a linear-phase low-pass; the first sample stays where it is in time.

    Content up to 80 % of half the lower rate is kept, above half of it there is nothing (60 dB). The edges are
    reflected. Only the samples wanted are computed (`scipy.signal.upfirdn`), so memory holds no more than `x` and the
    result, whatever the ratio: between the rates a day at 50 Hz would be 138 million samples an axis.

    Args:
        x: (..., T) regular samples without NaN.
        from_hz: their rate.
        to_hz: the wanted rate.

    Returns:
        (..., floor((T - 1) * to_hz / from_hz) + 1), the span of `x`.

    Raises:
        BadInput: the ratio of the rates is none of whole numbers up to 2,000, or the filter is longer than the signal.
    """
    if from_hz == to_hz:
        return x
    ratio = whole_ratio(from_hz, to_hz)
    if ratio is None:
        raise BadInput(
            f"rates of {from_hz:g} and {to_hz:g} Hz are in no whole ratio",
            valid=f"a ratio of whole numbers up to {LARGEST_FACTOR}, or samples with their times",
        )
    up, down = ratio
    half_hz = min(from_hz, to_hz) / 2
    width_hz = TRANSITION * half_hz
    taps = up * low_pass_taps(from_hz * up, half_hz - width_hz / 2, width_hz)
    half = len(taps) // 2
    if (x.shape[-1] - 1) * up < half:
        raise BadInput(f"{x.shape[-1]} samples are too few to resample from {from_hz:g} to {to_hz:g} Hz")
    first, margin = x[..., :1], -(-half // up)
    padded = np.pad(x - first, [(0, 0)] * (x.ndim - 1) + [(margin, margin)], mode="reflect")
    late = (-(margin * up + half)) % down  # leading zeros of the taps that put the first sample on a step of `down`
    y = signal.upfirdn(np.pad(taps, (late, 0)), padded, up, down, axis=-1)
    start, count = (margin * up + half + late) // down, (x.shape[-1] - 1) * up // down + 1
    kept: NDArray[np.floating[Any]] = y[..., start : start + count] + first
    return kept


def to_grid(
    t_s: NDArray[np.float64], x_CT: NDArray[np.floating[Any]], grid_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Irregular samples on a regular grid, by a cubic spline through them (`scipy.interpolate.CubicSpline`).

    A spline does not band-limit: use it where the grid's rate is about the samples' or above. At 52 Hz a cubic spline
    passes 18 Hz with amplitude 0.92.

    Args:
        t_s: (T,) times, ascending.
        x_CT: (C, T) samples.
        grid_s: (N,) times wanted.

    Returns:
        (C, N), NaN outside the samples' span. What lies in a gap between them is invented: the caller marks it.
    """
    y_CN = np.asarray(CubicSpline(t_s, x_CT, axis=1)(grid_s), np.float64)
    y_CN[:, (grid_s < t_s[0]) | (grid_s > t_s[-1])] = np.nan
    return y_CN


def whole_ratio(from_hz: float, to_hz: float) -> tuple[int, int] | None:
    """By how much to stretch and then thin samples to change their rate; None where no small whole numbers do it."""
    ratio = Fraction(to_hz / from_hz).limit_denominator(LARGEST_FACTOR)
    if ratio.numerator > LARGEST_FACTOR or abs(float(ratio) * from_hz / to_hz - 1) > 1e-9:
        return None
    return ratio.numerator, ratio.denominator
