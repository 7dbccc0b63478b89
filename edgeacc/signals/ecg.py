"""R peaks of an electrocardiogram: the reference that heart rate and its variability are scored against.

After Pan and Tompkins 1985 (IEEE Transactions on Biomedical Engineering 32:230): band-pass, slope, square, moving sum,
adaptive threshold; offline, so filters have no delay and the threshold knows both sides.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import signal

BAND_HZ = (5.0, 15.0)
"""Where a QRS complex has its energy (the same source)."""
SUM_S = 0.15
"""Length of the moving sum, about a wide QRS complex (the same source)."""
REFRACTORY_S = 0.3
"""No second beat so soon: 200 a minute (our choice)."""
THRESHOLD = 0.3
"""Of the median height of the beats around; T waves lie far below once squared (our choice, as the next)."""
BLOCK_S, BLOCKS = 1.5, 7
"""The beats around are the highest of each of so many blocks; a block holds a beat or two at rest."""
FEWEST_BLOCKS = 4
"""Of them that must be free of gaps: with less around it no beat is told from noise."""
FLOOR = 0.05
"""Of the recording's usual height: what is lower is an electrode that is off, not a heart."""
REFINE_S = 0.08
"""How far from the middle of a QRS complex's energy its top may lie."""
LEAST_HZ = 60.0
"""A slower ECG does not place an R peak to a few ms."""


def r_peaks(ecg_N: NDArray[np.floating], rate_hz: float) -> NDArray[np.float64]:
    """Find R peaks, upright or inverted.

    Args:
        ecg_N: (N,) in any unit; NaN is a gap, near which nothing is found.
        rate_hz: at least `LEAST_HZ`.

    Returns:
        Ascending times in seconds from the first sample, between samples by a parabola.

    Raises:
        ValueError: the rate is too low.
    """
    if rate_hz < LEAST_HZ:
        raise ValueError(f"an ECG of {rate_hz:g} Hz, at least {LEAST_HZ:g} are needed")
    missing_N = np.isnan(ecg_N)
    if len(ecg_N) < BLOCKS * BLOCK_S * rate_hz or missing_N.all():
        return np.empty(0)
    filled_N = np.interp(np.arange(len(ecg_N)), np.flatnonzero(~missing_N), ecg_N[~missing_N])
    upper_hz = min(BAND_HZ[1], 0.45 * rate_hz)
    band_N = signal.sosfiltfilt(
        signal.butter(2, (BAND_HZ[0], upper_hz), "bandpass", fs=rate_hz, output="sos"), filled_N
    )
    width = round(SUM_S * rate_hz)
    energy_N = np.convolve(np.gradient(band_N) ** 2, np.ones(width) / width, "same")
    masked_N = _near(missing_N, width)
    energy_N[masked_N] = 0.0
    tops = signal.find_peaks(energy_N, distance=max(1, round(REFRACTORY_S * rate_hz)))[0]
    if not len(tops):
        return np.empty(0)
    tops = tops[energy_N[tops] > THRESHOLD * _usual_height(energy_N, masked_N, tops, rate_hz)]
    return _refined(band_N, tops, rate_hz) / rate_hz


def _usual_height(
    energy_N: NDArray[np.float64], masked_N: NDArray[np.bool_], tops: NDArray[np.int64], rate_hz: float
) -> NDArray[np.float64]:
    """Median of the highest of each block around, infinite where too few blocks are free of gaps."""
    block = round(BLOCK_S * rate_hz)
    highest = np.array([energy_N[at : at + block].max() for at in range(0, len(energy_N), block)])
    highest[[masked_N[at : at + block].any() for at in range(0, len(energy_N), block)]] = np.nan
    around_MB = sliding_window_view(np.pad(highest, BLOCKS // 2, constant_values=np.nan), BLOCKS)
    enough_M = np.isfinite(around_MB).sum(1) >= FEWEST_BLOCKS
    usual_M = np.full(len(highest), np.inf)
    if enough_M.any():
        usual_M[enough_M] = np.maximum(np.nanmedian(around_MB[enough_M], 1), FLOOR * np.nanmedian(highest))
    heights: NDArray[np.float64] = usual_M[(tops // block).clip(0, len(usual_M) - 1)]
    return heights


def _refined(band_N: NDArray[np.float64], tops: NDArray[np.int64], rate_hz: float) -> NDArray[np.float64]:
    """From the middle of the QRS complex's energy to the top of its largest deflection, in samples."""
    reach = max(2, round(REFINE_S * rate_hz))
    tops = tops[(tops >= reach + 1) & (tops < len(band_N) - reach - 1)]
    around_KW = tops[:, None] + np.arange(-reach, reach + 1)
    polarity = np.sign(np.median(band_N[around_KW].max(1) + band_N[around_KW].min(1))) or 1.0
    at_K = around_KW[:, 0] + (polarity * band_N[around_KW]).argmax(1)
    before_K, here_K, after_K = (polarity * band_N[at_K + step] for step in (-1, 0, 1))
    bend_K = np.minimum(before_K - 2 * here_K + after_K, -1e-12)
    peaks = at_K + np.clip(0.5 * (before_K - after_K) / bend_K, -0.5, 0.5)
    return np.asarray(peaks[np.concatenate([[True], np.diff(peaks) > 0])] if len(peaks) else peaks)


def _near(missing_N: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    return np.convolve(missing_N, np.ones(2 * width + 1), "same") > 0
