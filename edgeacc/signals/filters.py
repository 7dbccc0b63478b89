"""Linear-phase FIR filters: one design, run by SciPy (the reference) and by torch (batches), equal to 1e-5.

The band-pass is a Kaiser-windowed design (Kaiser 1974; `scipy.signal.kaiserord`, `firwin`): 60 dB, the band's edges at
half amplitude, the transition `min(lower edge, 2 Hz)` wide and centred on each edge, the sum of the taps made zero.
At 64 Hz:

| band | taps | amplitude below 0.002 (-54 dB) | amplitude 1 within 0.2 % |
|---|---|---|---|
| accelerometer 4-18 Hz | 119 (0.92 s each side) | under 3 Hz and over 19 Hz | 5-17 Hz |
| PPG 0.4-8 Hz | 583 (4.55 s each side) | under 0.2 Hz and over 8.2 Hz | 0.6-7.8 Hz |

so gravity, breathing and slow movement vanish from the accelerometer, and a pulse of 36 beats a minute or more stays
whole. The taps are symmetric and their delay is taken off: nothing moves in time. The width of the transition and the
60 dB are our choice.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from edgeacc.errors import BadInput
from edgeacc.signals.samples import Samples

if TYPE_CHECKING:
    from torch import Tensor

STOP_BAND_DB = 60.0
WIDEST_TRANSITION_HZ = 2.0


def band_pass(x: Samples, rate_hz: float, band_hz: tuple[float, float]) -> Samples:
    """Keep a band; zero phase, reflected edges, the same length.

    Args:
        x: (..., T) samples in any unit, without NaN.
        rate_hz: their rate.
        band_hz: lower and upper edge (half amplitude).

    Returns:
        (..., T) in the unit, world, device and precision of `x` (half precision becomes float32); zeros for a constant.

    Raises:
        BadInput: the band does not fit under half the rate, or the window is shorter than half the filter.
    """
    taps = band_pass_taps(rate_hz, band_hz)
    if x.shape[-1] <= len(taps) // 2:
        raise BadInput(
            f"{x.shape[-1]} samples are too few for the band {band_hz[0]:g}-{band_hz[1]:g} Hz at {rate_hz:g} Hz",
            valid=f"more than {len(taps) // 2} samples",
        )
    return filtered(x, taps)


@lru_cache(maxsize=32)
def band_pass_taps(rate_hz: float, band_hz: tuple[float, float]) -> NDArray[np.float64]:
    """The odd number of symmetric taps of a band; their sum is zero, so that a constant offset changes nothing.

    Raises:
        BadInput: edges not rising, not positive, or too close to half the rate.
    """
    low_hz, high_hz = band_hz
    width_hz = min(low_hz, WIDEST_TRANSITION_HZ)
    if not 0 < low_hz < high_hz < rate_hz / 2 - width_hz / 2:
        raise BadInput(
            f"a band of {low_hz:g}-{high_hz:g} Hz does not fit a rate of {rate_hz:g} Hz",
            valid="0 < lower edge < upper edge < half the rate less half the transition",
        )
    taps, window = _windowed_taps(rate_hz, width_hz, [low_hz, high_hz], pass_zero=False)
    taps -= window * (taps.sum() / window.sum())
    taps.flags.writeable = False
    return taps


@lru_cache(maxsize=32)
def low_pass_taps(rate_hz: float, edge_hz: float, width_hz: float) -> NDArray[np.float64]:
    """The odd number of symmetric taps of a low-pass: half amplitude at `edge_hz`, `width_hz` wide, sum one."""
    taps, _ = _windowed_taps(rate_hz, width_hz, [edge_hz], pass_zero=True)
    taps.flags.writeable = False
    return taps


def filtered(x: Samples, taps: NDArray[np.float64]) -> Samples:
    """Convolve the last dimension with symmetric taps: reflected edges, delay taken off, the same length."""
    return _filtered_numpy(x, taps) if isinstance(x, np.ndarray) else _filtered_torch(x, taps)


def _windowed_taps(
    rate_hz: float, width_hz: float, edges_hz: list[float], *, pass_zero: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    wanted, beta = signal.kaiserord(STOP_BAND_DB, width_hz / (rate_hz / 2))
    count = wanted + 1 - wanted % 2
    taps = signal.firwin(count, edges_hz, window=("kaiser", beta), pass_zero=pass_zero, fs=rate_hz)
    window = signal.get_window(("kaiser", beta), count, fftbins=False)
    return np.asarray(taps, np.float64), np.asarray(window, np.float64)


def _gain_at_zero(taps: NDArray[np.float64]) -> float:
    """The sum of the taps without its last rounding error, so that a band-pass answers a constant by zeros."""
    return round(float(taps.sum()), 12)


def _filtered_numpy(x: NDArray[np.floating[Any]], taps: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
    first = x[..., :1].astype(np.float64)
    half = len(taps) // 2
    edges = [(0, 0)] * (x.ndim - 1) + [(half, half)]
    padded = np.pad(x - first, edges, mode="reflect")
    kernel = taps.reshape((1,) * (x.ndim - 1) + (-1,))
    y = signal.oaconvolve(padded, kernel, mode="valid", axes=-1) + first * _gain_at_zero(taps)
    return np.asarray(y, np.result_type(x.dtype, np.float32))


def _filtered_torch(x: "Tensor", taps: NDArray[np.float64]) -> "Tensor":
    import torch
    from torch.nn import functional

    x = x if x.dtype == torch.float64 else x.float()
    first = x[..., :1]
    half = len(taps) // 2
    rows = (x - first).reshape(-1, x.shape[-1])
    padded = functional.pad(rows, (half, half), mode="reflect")
    size = fft.next_fast_len(padded.shape[-1], real=True)
    kernel = torch.as_tensor(np.roll(np.pad(taps, (0, size - len(taps))), -half), dtype=x.dtype, device=x.device)
    y: Tensor = torch.fft.irfft(torch.fft.rfft(padded, size) * torch.fft.rfft(kernel).real, size)
    return y[:, half : half + x.shape[-1]].reshape(x.shape).add(first * _gain_at_zero(taps))
