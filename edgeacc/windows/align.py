"""Two streams of one recording on one grid: the common span, the contract's rate, gaps kept visible."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.recording import Recording, Stream
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.quality import fill_gaps
from edgeacc.signals.resample import resample, to_grid, whole_ratio

BLOCK = 2**17
"""Grid points that are made at once (our choice: half an hour)."""
BLOCKS_KEPT = 4
"""Two hours: windows of an hour are looked at twice or three times, to tell its clock (our choice)."""
MARGIN_S = 6.0
"""Samples around a block that take part in it: longer than the anti-alias filter of the slowest rate, 16 Hz."""


class OnGrid:
    """One stream at the times of a grid of the contract's rate, made block by block where it is looked at.

    Regular samples whose rate is in a whole ratio to the contract's are resampled behind an anti-alias filter; if
    their start falls between the grid's points, a spline through the result shifts them. All others go by a spline
    onto a grid at least as fine as they are, and from there to the contract's rate behind the same filter.

    Args:
        stream: regular or irregular.
        start_s: the grid's first point, within the stream's span.
        samples: N, its points, all within the span.
        contract: its rate and its longest gap.
    """

    def __init__(self, stream: Stream, start_s: float, samples: int, contract: SignalContract) -> None:
        """Make nothing yet."""
        self.channels, self.samples = len(stream.samples_CN), samples
        self._stream, self._start_s, self._contract = stream, start_s, contract
        self._blocks: dict[int, NDArray[np.float32]] = {}

    def __getitem__(self, span: slice) -> NDArray[np.float32]:
        """(C, stop - start) float32 of the grid's points from start to stop; NaN in gaps longer than filled."""
        blocks = range(span.start // BLOCK, (span.stop - 1) // BLOCK + 1)
        parts = [self._block(n)[:, max(0, span.start - n * BLOCK) : span.stop - n * BLOCK] for n in blocks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _block(self, number: int) -> NDArray[np.float32]:
        if number not in self._blocks:
            while len(self._blocks) >= BLOCKS_KEPT:
                del self._blocks[next(iter(self._blocks))]
            first, last = number * BLOCK, min(self.samples, (number + 1) * BLOCK)
            margin = round(MARGIN_S * self._contract.rate_hz)
            wide_first, wide_last = max(0, first - margin), min(self.samples, last + margin)
            wide_s = self._start_s + np.arange(wide_first, wide_last) / self._contract.rate_hz
            wide_CN = _resampled(self._stream, wide_s, self._contract)
            self._blocks[number] = wide_CN[:, first - wide_first : last - wide_first]
        return self._blocks[number]


class Aligned(NamedTuple):
    """A recording's two signals on one grid.

    Attributes:
        start_s: time of the first sample on the recording's clock.
        samples: N, of either.
        acc_g: (3, N), g.
        ppg: (C, N).
    """

    start_s: float
    samples: int
    acc_g: OnGrid
    ppg: OnGrid


def align(recording: Recording, contract: SignalContract) -> Aligned:
    """Crop to the span that both streams have, and bring both to the contract's rate.

    Raises:
        BadInput: there is no PPG, or the streams do not overlap in time.
    """
    acc, ppg = recording.pair()
    start_s = max(acc.start_s, ppg.start_s)
    end_s = min(acc.end_s, ppg.end_s)
    if end_s <= start_s:
        raise BadInput(
            f"{recording.participant}: accelerometer ({acc.start_s:.1f} to {acc.end_s:.1f} s) and "
            f"PPG ({ppg.start_s:.1f} to {ppg.end_s:.1f} s) do not overlap in time",
            valid="streams of the same recording on one clock",
        )
    count = int((end_s - start_s) * contract.rate_hz + 1e-6) + 1
    acc_g, ppg_ = (OnGrid(stream, start_s, count, contract) for stream in (acc, ppg))
    return Aligned(start_s, count, acc_g, ppg_)


def _resampled(stream: Stream, grid_s: NDArray[np.float64], contract: SignalContract) -> NDArray[np.float32]:
    """A stretch of the grid, by the samples in it and `MARGIN_S` around."""
    ratio = whole_ratio(stream.rate_hz, contract.rate_hz) if stream.times_s is None else None
    samples_CN, at_s, edges = _around(stream, grid_s, ratio[1] if ratio else 1)
    missing = _in_long_gap(at_s[~np.isnan(samples_CN).any(0)], grid_s, stream.rate_hz, contract.max_gap_s, edges)
    if missing.all():
        return np.full((len(samples_CN), len(grid_s)), np.nan, np.float32)
    filled_CN = fill_gaps(samples_CN, stream.rate_hz, np.inf).astype(np.float64)
    if ratio:
        resampled_CN = np.asarray(resample(filled_CN, stream.rate_hz, contract.rate_hz), np.float64)
        y_CN = _shifted(resampled_CN, (grid_s[0] - at_s[0]) * contract.rate_hz, len(grid_s))
    else:
        finer = int(np.ceil(stream.rate_hz / contract.rate_hz - 0.01))
        fine_s = grid_s[0] + np.arange((len(grid_s) - 1) * finer + 1) / (finer * contract.rate_hz)
        fine_CN = fill_gaps(to_grid(at_s, filled_CN, fine_s), contract.rate_hz, np.inf)
        y_CN = np.asarray(resample(fine_CN, finer * contract.rate_hz, contract.rate_hz), np.float64)
    y_CN[:, missing] = np.nan
    return y_CN.astype(np.float32)


def _around(
    stream: Stream, grid_s: NDArray[np.float64], step: int
) -> tuple[NDArray[np.float32], NDArray[np.float64], tuple[bool, bool]]:
    """Samples around a stretch and their times, and whether these are the stream's first and last.

    Regular ones begin at a multiple of `step`, so that every stretch resamples at the same phase.
    """
    samples = stream.samples_CN.shape[1]
    low_s, high_s = grid_s[0] - MARGIN_S, grid_s[-1] + MARGIN_S
    if stream.times_s is not None:
        first, last = (int(edge) for edge in np.searchsorted(stream.times_s, (low_s, high_s)))
        at_s = stream.times_s[first:last]
    else:
        first = max(0, int((low_s - stream.start_s) * stream.rate_hz)) // step * step
        last = min(samples, int((high_s - stream.start_s) * stream.rate_hz) + 1)
        at_s = stream.start_s + np.arange(first, last) / stream.rate_hz
    return stream.samples_CN[:, first:last], at_s, (first == 0, last == samples)


def _shifted(x_CN: NDArray[np.float64], offset: float, count: int) -> NDArray[np.float64]:
    """`count` samples from a fractional offset on."""
    whole = round(offset)
    if abs(offset - whole) < 1e-3 and whole + count <= x_CN.shape[1]:
        return x_CN[:, whole : whole + count].copy()
    place = np.arange(x_CN.shape[1], dtype=np.float64)
    return to_grid(place, x_CN, (offset + np.arange(count)).clip(0, place[-1]))


def _in_long_gap(
    good_s: NDArray[np.float64], grid_s: NDArray[np.float64], rate_hz: float, max_gap_s: float, edges: tuple[bool, bool]
) -> NDArray[np.bool_]:
    """Which grid points lie between two neighbouring good samples that are too far apart, or far off an end."""
    if len(good_s) < 2:
        return np.ones(len(grid_s), np.bool_)
    before_s = good_s[0] - max_gap_s if edges[0] else -np.inf
    behind_s = good_s[-1] + max_gap_s if edges[1] else np.inf
    good_s = np.concatenate([[before_s], good_s, [behind_s]])
    after = np.searchsorted(good_s, grid_s)
    off = (after == 0) | (after == len(good_s))
    after = after.clip(1, len(good_s) - 1)
    between = (grid_s != good_s[after]) & (grid_s != good_s[after - 1])
    return np.asarray(off | (between & (good_s[after] - good_s[after - 1] > max_gap_s + 1.5 / rate_hz)))
