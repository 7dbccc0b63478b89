"""The accelerometer averaged over the beats of a PPG: what of it is locked to the heart.

Legend: `N` beat trains, `L` lags of the accelerometer behind a beat, `D` delays of the whole accelerometer.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# Around the PPG's steepest upstroke (median 0.28 s after the R wave): the accelerometer's main deflection comes 0.10 to
# 0.60 s after it (the cohort's calibration table), with 0.1 s to spare on both sides.
_LAGS_S = (-0.30, 0.40)
_LOCAL_RMS_S = 2.0  # our estimate: longer than a beat, shorter than a movement
_CLAMP = 4.0  # local standard deviations; our estimate


@dataclass(frozen=True)
class BeatTrains:
    """Candidates as impulse trains.

    Attributes:
        train_NT: unit impulses at the beats, spread over four samples by cubic Lagrange weights.
        beats_N: beats inside the window.
    """

    train_NT: Tensor
    beats_N: Tensor


def beat_trains(beats_NK: Tensor, rate_hz: float, samples: int) -> BeatTrains:
    """Impulse trains from beat times.

    Args:
        beats_NK: seconds from the window's start, NaN where there is none.
        rate_hz: sampling rate.
        samples: T, samples in the window.
    """
    place_NK = beats_NK.double() * rate_hz
    inside_NK = torch.isfinite(place_NK) & (place_NK >= 0) & (place_NK <= samples - 1)
    place_NK = torch.where(inside_NK, place_NK, torch.zeros_like(place_NK))
    before_NK = place_NK.floor()
    weight_NK4 = _cubic_weights(place_NK - before_NK) * inside_NK[..., None]
    index_NK4 = before_NK.long()[..., None] + torch.arange(4)  # one sample of margin before the window, two after
    wide_NT = torch.zeros(len(beats_NK), samples + 3, dtype=torch.float64)
    wide_NT.scatter_add_(1, index_NK4.flatten(1), weight_NK4.flatten(1))
    return BeatTrains(wide_NT[:, 1 : samples + 1].float(), inside_NK.sum(1))


def energy_by_delay(acc_BCT: Tensor, trains: BeatTrains, rate_hz: float, delays: range) -> Tensor:
    """Energy of each window's beat-locked average, over all axes and lags, when its accelerometer is delayed.

    Args:
        acc_BCT: prepared accelerometer.
        trains: of the same windows.
        rate_hz: sampling rate.
        delays: in samples; negative for earlier; zeros move in.

    Returns:
        (B, D); the highest tells how much later the PPG's clock is than the accelerometer's.
    """
    lags = beat_lags(rate_hz)
    reach = range(lags[0] - delays[-1], lags[-1] - delays[0] + 1)
    even_BCT = local_amplitude_removed(acc_BCT, rate_hz)
    energy_BL = locked_sums(even_BCT, trains, reach).square().sum(1) / trains.beats_N.clamp(min=1)[:, None]
    energy_BD: Tensor = energy_BL.unfold(1, len(lags), 1).sum(2).flip(1)
    return energy_BD[:, :: delays.step]


def local_amplitude_removed(acc_BCT: Tensor, rate_hz: float) -> Tensor:
    """Divide by the running RMS of all axes together, so that a movement weighs no more than quiet seconds."""
    acc_BCT = acc_BCT.float()
    half = round(_LOCAL_RMS_S * rate_hz / 2)
    power_B1T = running_mean(acc_BCT.square().mean(1, keepdim=True), half)
    return (acc_BCT / torch.sqrt(power_B1T + 1e-3)).clamp(-_CLAMP, _CLAMP)


def locked_sums(acc_BCT: Tensor, trains: BeatTrains, lags: range) -> Tensor:
    """Sum over each window's own beats of its accelerometer at these lags, zeros outside the window: (B, C, L)."""
    samples = acc_BCT.shape[2] + max(abs(lags[0]), abs(lags[-1]))
    train_B1F = torch.fft.rfft(trains.train_NT, n=samples)[:, None]
    circular_BCT: Tensor = torch.fft.irfft(train_B1F.conj() * torch.fft.rfft(acc_BCT, n=samples), n=samples)
    return circular_BCT[..., torch.tensor(lags) % samples]


def beat_lags(rate_hz: float) -> range:
    """Samples after a beat in which its deflection can be."""
    return range(round(_LAGS_S[0] * rate_hz), round(_LAGS_S[1] * rate_hz) + 1)


def lagged(x_BCT: Tensor, lags: range) -> Tensor:
    """x(t + lag) for each lag, zeros outside the window: (B, C, L, T)."""
    samples = x_BCT.shape[2]
    wide_BCT = F.pad(x_BCT, (-lags[0], lags[-1]))
    return wide_BCT.unfold(2, samples, 1)


def correlated(trains: BeatTrains, x_BCLT: Tensor) -> Tensor:
    """Sum over the beats of each candidate: (N, B, C, L)."""
    flat = x_BCLT.reshape(-1, x_BCLT.shape[-1])
    return (trains.train_NT @ flat.T).reshape(len(trains.train_NT), *x_BCLT.shape[:3])


def running_mean(x_BCT: Tensor, half: int) -> Tensor:
    """Mean over 2 * half + 1 places around each, reflected at the ends."""
    total_BCT = F.pad(F.pad(x_BCT, (half, half), mode="reflect").double().cumsum(2), (1, 0))
    width = 2 * half + 1
    return ((total_BCT[..., width:] - total_BCT[..., :-width]) / width).to(x_BCT.dtype).clamp(min=0)


def _cubic_weights(fraction: Tensor) -> Tensor:
    """Lagrange weights of the samples -1, 0, 1, 2 around a fractional place, last dimension of 4."""
    f = fraction
    return torch.stack(
        [
            -f * (f - 1) * (f - 2) / 6,
            (f + 1) * (f - 1) * (f - 2) / 2,
            -(f + 1) * f * (f - 2) / 2,
            (f + 1) * f * (f - 1) / 6,
        ],
        -1,
    )
