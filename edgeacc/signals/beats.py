"""Heartbeats in a prepared PPG, and the rate and variability that a watch would tell from them.

A beat's time is the steepest point of the pulse's upstroke (the maximum of the first derivative), the fiducial point
that baseline and pulse shape move least (Peralta et al. 2019, Physiological Measurement 40:025007).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from edgeacc.signals.samples import centred

REFRACTORY_S = 0.33
"""No second beat so soon after one: 180 beats a minute (our estimate of the highest rate in a still window)."""
SMOOTHING_S = 0.03
"""Standard deviation of the Gaussian whose derivative is the slope filter (our estimate: half an upstroke)."""
SLOPE_THRESHOLD = 0.45
"""Smallest slope of a beat, of the window's typical steepest slope (our estimate)."""
TYPICAL_BLOCK_S = 1.5
"""The typical steepest slope is the median of the maxima of blocks that hold at least one beat over 40 a minute."""
INTERVAL_RANGE_S = (0.33, 2.0)
"""Intervals outside (180 to 30 beats a minute) are artefacts."""
LARGEST_CHANGE = 0.2
"""An interval further than this from the median around it is an artefact (20 %: Malik et al. 1989, Eur Heart J 10)."""
NEIGHBOURS = 7
"""Intervals in that median (our estimate)."""
FEWEST_INTERVALS = 10
"""Fewer good intervals than this give NaN (our estimate)."""


class Rhythm(NamedTuple):
    """Rate and variability per window; NaN where fewer than `FEWEST_INTERVALS` intervals are good."""

    hr_bpm_B: Tensor
    sdnn_ms_B: Tensor
    rmssd_ms_B: Tensor


def most_beats(duration_s: float) -> int:
    """K: columns that hold the beats of any window this long."""
    return math.ceil(duration_s / REFRACTORY_S) + 1


def detect_beats(ppg_BCT: Tensor, rate_hz: float) -> Tensor:
    """Find the steepest points of the upstrokes.

    The channels are averaged; a derivative-of-Gaussian filter gives the slope; a beat is the largest slope within
    `REFRACTORY_S` on both sides and above `SLOPE_THRESHOLD`; a parabola through three samples places it between them.

    Args:
        ppg_BCT: (B, C, T) prepared PPG (`prepare_ppg`), upstroke positive. A window with NaN gives no beats.
        rate_hz: its rate.

    Returns:
        (B, K) float32 seconds from the first sample, ascending, NaN behind the last; K = `most_beats(T / rate_hz)`.
    """
    slope_BT = _slope(centred(ppg_BCT.float()).mean(1), rate_hz)
    found_BT = _tops(slope_BT, rate_hz) & (slope_BT > SLOPE_THRESHOLD * _typical_top(slope_BT, rate_hz))
    found_BT[:, [0, -1]] = False
    return _places(slope_BT, found_BT, most_beats(slope_BT.shape[1] / rate_hz)) / rate_hz


def rate_and_variability(beats_BK: Tensor) -> Rhythm:
    """Mean heart rate, SDNN and RMSSD of the intervals between beats, artefacts dropped.

    An interval is dropped when it is outside `INTERVAL_RANGE_S` or further than `LARGEST_CHANGE` from the median of
    the `NEIGHBOURS` around it. Rate is 60 over the mean interval; SDNN has n - 1 below (Task Force 1996, Circulation
    93:1043); RMSSD takes pairs of adjoining intervals that are both good.

    Args:
        beats_BK: (B, K) seconds, ascending, NaN-padded.

    Returns:
        (B) each, in beats a minute, ms and ms.
    """
    interval_BK = beats_BK.diff(dim=1)
    median_BK = _running_median(interval_BK)
    good_BK = (interval_BK > INTERVAL_RANGE_S[0]) & (interval_BK < INTERVAL_RANGE_S[1])
    good_BK &= (interval_BK - median_BK).abs() < LARGEST_CHANGE * median_BK
    return _statistics(interval_BK, good_BK)


def exact_rate_and_variability(beats_BK: Tensor) -> Rhythm:
    """As `rate_and_variability` for beats that are known to be true: no interval is dropped."""
    interval_BK = beats_BK.diff(dim=1)
    return _statistics(interval_BK, interval_BK.isfinite())


def labels_of(rhythm: Rhythm, *, prefix: str = "") -> dict[str, Tensor]:
    """Rhythm as label columns: `hr_bpm`, `sdnn_ms`, `rmssd_ms`, with a prefix."""
    return {prefix + name.removesuffix("_B"): values for name, values in rhythm._asdict().items()}


def _slope(x_BT: Tensor, rate_hz: float) -> Tensor:
    sigma = SMOOTHING_S * rate_hz
    half = math.ceil(4 * sigma)
    k = torch.arange(-half, half + 1, device=x_BT.device, dtype=torch.float32)
    bell = torch.exp(-0.5 * (k / sigma) ** 2)
    derivative = k * bell / (k * k * bell).sum()
    padded_BT = functional.pad(x_BT[:, None], (half, half), mode="replicate")
    return functional.conv1d(padded_BT, derivative[None, None])[:, 0]


def _tops(slope_BT: Tensor, rate_hz: float) -> Tensor:
    half = round(REFRACTORY_S * rate_hz)
    return slope_BT == functional.max_pool1d(slope_BT[:, None], 2 * half + 1, 1, half)[:, 0]


def _typical_top(slope_BT: Tensor, rate_hz: float) -> Tensor:
    block = min(round(TYPICAL_BLOCK_S * rate_hz), slope_BT.shape[1])
    tops_BN = functional.max_pool1d(slope_BT[:, None], block, max(1, block // 3))[:, 0]
    return tops_BN.median(1, keepdim=True).values


def _places(slope_BT: Tensor, found_BT: Tensor, most: int) -> Tensor:
    """Sample indices (fractional) of the found tops, ascending, NaN-padded to `most`."""
    rank_BT = found_BT.cumsum(1) - 1
    window_N, sample_N = torch.nonzero(found_BT & (rank_BT < most), as_tuple=True)
    middle_BK = sample_N.new_zeros(len(slope_BT), most)
    middle_BK[window_N, rank_BT[window_N, sample_N]] = sample_N
    found_BK = middle_BK > 0
    middle_BK = middle_BK.clamp(min=1)
    before_BK, at_BK, after_BK = (slope_BT.gather(1, middle_BK + step) for step in (-1, 0, 1))
    bend_BK = (before_BK - 2 * at_BK + after_BK).clamp(max=-1e-9)
    shift_BK = (0.5 * (before_BK - after_BK) / bend_BK).clamp(-0.5, 0.5)
    return torch.where(found_BK, middle_BK + shift_BK, torch.nan)


def _running_median(x_BK: Tensor) -> Tensor:
    half = NEIGHBOURS // 2
    padded_BK = functional.pad(x_BK, (half, half), value=torch.nan)
    return padded_BK.unfold(1, NEIGHBOURS, 1).nanmedian(-1).values


def _statistics(interval_BK: Tensor, good_BK: Tensor) -> Rhythm:
    interval_BK = interval_BK.double()
    count_B = good_BK.sum(1)
    enough_B = count_B >= FEWEST_INTERVALS
    mean_B = torch.where(good_BK, interval_BK, 0.0).sum(1) / count_B
    spread_BK = torch.where(good_BK, interval_BK - mean_B[:, None], 0.0)
    sdnn_B = (spread_BK.square().sum(1) / (count_B - 1)).sqrt()
    pair_BK = good_BK[:, 1:] & good_BK[:, :-1]
    change_BK = torch.where(pair_BK, interval_BK.diff(dim=1), 0.0)
    rmssd_B = (change_BK.square().sum(1) / pair_BK.sum(1)).sqrt()
    return Rhythm(*(_or_nan(x, enough_B) for x in (60 / mean_B, 1000 * sdnn_B, 1000 * rmssd_B)))


def _or_nan(x_B: Tensor, good_B: Tensor) -> Tensor:
    return torch.where(good_B, x_B, torch.nan).float()
