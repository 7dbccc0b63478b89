"""The device's own intervals: brought to the sensor's clock, and as beats within a window."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeacc.recordings.recording import Stream

COVERAGE = 0.8
"""Least share of a window that intervals must cover to label it (our choice)."""
JOIN_S = 0.02
"""Two intervals adjoin where one begins as the other ends, within a step of the coarsest clock (1/64 s) and a bit."""
SEARCH_S = 30.0
"""How far a host's clock is searched (our choice)."""
SEARCH_STEP_S = 0.05
LARGEST_MISFIT_S = 0.03
"""Median difference between the device's intervals and those between detected beats, to be aligned (our choice)."""
FEWEST = 30
"""Fewer intervals than this cannot tell a clock's offset (our choice)."""


def beats_within(intervals: Stream, start_s: float, window_s: float) -> NDArray[np.float32]:
    """The device's beats in one window.

    Args:
        intervals: each at the time of the beat that ends it.
        start_s: the window's first sample, on the same clock.
        window_s: its length.

    Returns:
        Seconds from the window's start, with a NaN wherever two intervals do not adjoin; none at all where the
        intervals cover less than `COVERAGE` of the window.
    """
    ends_s, length_s = intervals.at_s - start_s, intervals.samples_CN[0].astype(np.float64)
    inside = (ends_s - length_s >= 0) & (ends_s < window_s)
    ends_s, length_s = ends_s[inside], length_s[inside]
    if length_s.sum() < COVERAGE * window_s:
        return np.empty(0, np.float32)
    breaks = np.flatnonzero(np.abs(np.diff(ends_s) - length_s[1:]) > JOIN_S) + 1
    beats_s = [np.concatenate([[run[0] - first], run, [np.nan]]) for run, first in _runs(ends_s, length_s, breaks)]
    return np.concatenate(beats_s)[:-1].astype(np.float32)


def host_lag_s(intervals: Stream, beats_s: NDArray[np.float64]) -> float | None:
    """By how much the intervals' clock is late against beats found in the PPG: where the intervals' lengths fit best.

    Args:
        intervals: of the device, on the host's clock.
        beats_s: (N,) ascending beats over the whole recording, on the sensor's clock.

    Returns:
        Seconds within `SEARCH_S`; None where too few intervals, or no lag under which they fit.
    """
    middle_s = intervals.at_s - intervals.samples_CN[0] / 2
    between_s = np.diff(beats_s)
    best: tuple[float, float] | None = None
    for lag_s in np.arange(-SEARCH_S, SEARCH_S, SEARCH_STEP_S):
        place = np.searchsorted(beats_s, middle_s - lag_s) - 1
        inside = (place >= 0) & (place < len(between_s))
        if inside.sum() < max(FEWEST, len(middle_s) // 2):
            continue
        misfit_s = float(np.median(np.abs(between_s[place[inside]] - intervals.samples_CN[0][inside])))
        best = min(best or (misfit_s, lag_s), (misfit_s, lag_s))
    return None if best is None or best[0] > LARGEST_MISFIT_S else round(float(best[1]), 3)


def padded(rows: list[NDArray[np.float32]], fewest: int) -> Tensor:
    """Rows of different lengths as one (B, K) tensor with at least `fewest` columns, NaN behind the last."""
    beats_BK = torch.full((len(rows), max(fewest, *(len(row) for row in rows))), torch.nan)
    for row_K, beats_s in zip(beats_BK, rows, strict=True):
        row_K[: len(beats_s)] = torch.from_numpy(beats_s)
    return beats_BK


def _runs(
    ends_s: NDArray[np.float64], length_s: NDArray[np.float64], breaks: NDArray[np.int64]
) -> list[tuple[NDArray[np.float64], float]]:
    """Runs of adjoining intervals: the times at which they end, and the length of the first."""
    parts = zip(np.split(ends_s, breaks), np.split(length_s, breaks), strict=True)
    return [(ends, float(lengths[0])) for ends, lengths in parts]
