"""Two streams of one recording on one grid: the common span, the contract's rate, gaps kept visible."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.recording import Recording, Stream
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.quality import fill_gaps
from edgeacc.signals.resample import resample, to_grid, whole_ratio


class Aligned(NamedTuple):
    """A recording's two signals on one grid.

    Attributes:
        start_s: time of the first sample on the recording's clock.
        acc_g_CN: (3, N) float32, g, NaN in gaps longer than the contract fills.
        ppg_CN: (C, N) float32, likewise.
    """

    start_s: float
    acc_g_CN: NDArray[np.float32]
    ppg_CN: NDArray[np.float32]


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
    grid_s = start_s + np.arange(int((end_s - start_s) * contract.rate_hz + 1e-6) + 1) / contract.rate_hz
    acc_g_CN, ppg_CN = (on_grid(stream, grid_s, contract) for stream in (acc, ppg))
    return Aligned(start_s, acc_g_CN, ppg_CN)


def on_grid(stream: Stream, grid_s: NDArray[np.float64], contract: SignalContract) -> NDArray[np.float32]:
    """One stream at the times of a grid of the contract's rate.

    Regular samples whose rate is in a whole ratio to the contract's are resampled behind an anti-alias filter; if
    their start falls between the grid's points, a spline through the result shifts them. All others go by a spline
    onto a grid at least as fine as they are, and from there to the contract's rate behind the same filter.

    Args:
        stream: regular or irregular.
        grid_s: (N,) times within the stream's span.
        contract: its rate and its longest gap.

    Returns:
        (C, N) float32; NaN where a gap is longer than the contract fills.
    """
    missing = _in_long_gap(stream, grid_s, contract.max_gap_s)
    filled_CN = fill_gaps(stream.samples_CN, stream.rate_hz, np.inf).astype(np.float64)
    if stream.times_s is None and whole_ratio(stream.rate_hz, contract.rate_hz):
        resampled_CN = np.asarray(resample(filled_CN, stream.rate_hz, contract.rate_hz), np.float64)
        y_CN = _shifted(resampled_CN, (grid_s[0] - stream.start_s) * contract.rate_hz, len(grid_s))
    else:
        finer = int(np.ceil(stream.rate_hz / contract.rate_hz - 0.01))
        fine_s = grid_s[0] + np.arange((len(grid_s) - 1) * finer + 1) / (finer * contract.rate_hz)
        fine_CN = fill_gaps(to_grid(stream.at_s, filled_CN, fine_s), contract.rate_hz, np.inf)
        y_CN = np.asarray(resample(fine_CN, finer * contract.rate_hz, contract.rate_hz), np.float64)
    y_CN[:, missing] = np.nan
    return y_CN.astype(np.float32)


def _shifted(x_CN: NDArray[np.float64], offset: float, count: int) -> NDArray[np.float64]:
    """`count` samples from a fractional offset on."""
    whole = round(offset)
    if abs(offset - whole) < 1e-3 and whole + count <= x_CN.shape[1]:
        return x_CN[:, whole : whole + count].copy()
    place = np.arange(x_CN.shape[1], dtype=np.float64)
    return to_grid(place, x_CN, (offset + np.arange(count)).clip(0, place[-1]))


def _in_long_gap(stream: Stream, grid_s: NDArray[np.float64], max_gap_s: float) -> NDArray[np.bool_]:
    """Which grid points lie between two neighbouring good samples that are too far apart."""
    good_s = stream.at_s[~np.isnan(stream.samples_CN).any(0)]
    if len(good_s) < 2:
        return np.ones(len(grid_s), np.bool_)
    after = np.searchsorted(good_s, grid_s).clip(1, len(good_s) - 1)
    allowed_s = max_gap_s + 1.5 / stream.rate_hz
    between = (grid_s != good_s[after]) & (grid_s != good_s[after - 1])
    return np.asarray(between & (good_s[after] - good_s[after - 1] > allowed_s))
