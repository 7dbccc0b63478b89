"""Intervals by resampling participants: windows of one person are not independent, people are.

Percentile bootstrap (Efron and Tibshirani 1993, chapter 13). `R` resamples, `P` participants.
"""

from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from edgeacc.evaluation.people import people, totals

RESAMPLES = 2000
_LEVEL = 0.95


class Interval(BaseModel):
    """A mean with its 95 % participant-bootstrap interval; no interval where there is one participant only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float
    low: float | None = None
    high: float | None = None


class Improvement(BaseModel):
    """How much smaller the error of a method is than that of a base, on the same windows.

    Attributes:
        difference: base - method, in the target's unit.
        over_method: (base - method) / method; can exceed 1.
        over_base: (base - method) / base; 1 would be no error left.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    difference: Interval
    over_method: Interval
    over_base: Interval


@dataclass(frozen=True)
class Resampled:
    """Weighted means of several columns, as measured and in each resample."""

    value_K: Tensor
    resampled_RK: Tensor


def resample_means(value_BK: Tensor, participant_B: Tensor, seed: int, resamples: int = RESAMPLES) -> Resampled:
    """Means over windows of each column, in resamples of whole participants; the columns share their resamples.

    Args:
        value_BK: values per window; a row with a NaN anywhere is left out for all columns.
        participant_B: whose window it is.
        seed: of the resampling.
        resamples: how many.

    Returns:
        Means (K,) and resampled means (R, K), float64; NaN where no window is left.
    """
    keep_B = torch.isfinite(value_BK).all(1)
    value_BK = value_BK[keep_B].double()
    them = people(participant_B[keep_B])
    if not len(them):
        nothing = value_BK.new_full((value_BK.shape[1],), torch.nan)
        return Resampled(nothing, nothing[None].expand(resamples, -1))
    drawn_RP = draws(len(them), seed, resamples)
    resampled_RK = (drawn_RP @ totals(value_BK, them)) / (drawn_RP @ them.windows_P.double())[:, None]
    return Resampled(value_BK.mean(0), resampled_RK)


def mean_interval(value_B: Tensor, participant_B: Tensor, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Mean over windows with its interval over participants; NaN windows are left out."""
    means = resample_means(value_B[:, None], participant_B, seed, resamples)
    return interval(means.value_K[0], means.resampled_RK[:, 0], _known_people(value_B, participant_B))


def improvement(
    base_B: Tensor, method_B: Tensor, participant_B: Tensor, seed: int, resamples: int = RESAMPLES
) -> Improvement:
    """Paired comparison of two methods' absolute errors over the same windows and the same resamples."""
    both_BK = torch.stack([base_B, method_B], 1)
    means = resample_means(both_BK, participant_B, seed, resamples)
    known = _known_people(both_BK.sum(1), participant_B)
    (base, method), (base_R, method_R) = means.value_K, means.resampled_RK.T
    gain, gain_R = base - method, base_R - method_R
    return Improvement(
        difference=interval(gain, gain_R, known),
        over_method=interval(gain / method, gain_R / method_R, known),
        over_base=interval(gain / base, gain_R / base_R, known),
    )


def interval(value: Tensor, resampled_R: Tensor, participants: int) -> Interval:
    """The percentile interval around a value; none where there are fewer than two participants."""
    if participants < 2:
        return Interval(value=float(value))
    tail = (1 - _LEVEL) / 2
    low, high = resampled_R.quantile(resampled_R.new_tensor([tail, 1 - tail])).tolist()
    return Interval(value=float(value), low=low, high=high)


def _known_people(value_B: Tensor, participant_B: Tensor) -> int:
    return len(people(participant_B[torch.isfinite(value_B)]))


def draws(participants: int, seed: int, resamples: int = RESAMPLES) -> Tensor:
    """How often each participant is drawn in each resample, (R, P) float64; rows sum to P."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(participants, (resamples, participants), generator=generator)
    once_RP = torch.ones(resamples, participants, dtype=torch.float64)
    return torch.zeros_like(once_RP).scatter_add_(1, drawn, once_RP)
