"""The periodic 64-s grid on which everything is made, in the frequency domain.

A window of 60 s lies 2 s inside a grid of 4,096 samples at 64 Hz. Series of beats, pulse shapes, delays, resonances
and noise are multiplied as spectra and come back by an inverse FFT a channel. Bin k is k/64 Hz; the bin at half the
rate is left out, so that every row is a whole number of vectors.

Legend beside the project's: `F` bins of a spectrum.
"""

import math
from functools import lru_cache
from typing import TypeVar

import torch
from torch import Tensor

from edgeacc.cohort.random import Key, Stream, complex_normals
from edgeacc.signals.beats import most_beats

RATE_HZ = 64.0
GRID = 4096
GRID_S = GRID / RATE_HZ
MARGIN_S = 2.0
MARGIN = round(MARGIN_S * RATE_HZ)
SAMPLES = 3840
BINS = GRID // 2
BIN_HZ = RATE_HZ / GRID
MOST_BEATS = most_beats(GRID_S)
SLOW_BINS = 16
FINE = 2 * GRID
"""Beats are placed on a grid twice as fine: cubic interpolation is then exact to 1 % up to 16 Hz."""

State = TypeVar("State", bound=tuple[Tensor, ...])


def bins_below(edge_hz: float) -> int:
    """Number of bins under a frequency, in whole vectors of 16."""
    return min(BINS, 16 * math.ceil(edge_hz / BIN_HZ / 16))


def placed(state: State, rows: slice, device: torch.device) -> State:
    """Some windows of a state (a NamedTuple of float64 tensors on the CPU) as float32 on the device that works."""
    part = [values[rows].to(device, torch.float32) for values in state]
    return type(state)(*part)


@lru_cache(maxsize=16)
def frequency_hz(bins: int, device: torch.device) -> Tensor:
    """(F) frequencies of the first bins."""
    return torch.arange(bins, device=device) * BIN_HZ


def delay(by_s_B: Tensor, bins: int) -> Tensor:
    """(B, F) spectrum of a delay in seconds."""
    angle_BF = (-2 * math.pi * by_s_B)[:, None] * frequency_hz(bins, by_s_B.device)
    return torch.complex(torch.cos(angle_BF), torch.sin(angle_BF))


def bell(width_s_B: Tensor, bins: int) -> Tensor:
    """(B, F) real spectrum, 1 at 0 Hz, of a Gaussian pulse at time 0 with this standard deviation."""
    return torch.exp(-0.5 * ((2 * math.pi * width_s_B)[:, None] * frequency_hz(bins, width_s_B.device)) ** 2)


def resonance(centre_hz_B: Tensor, damping_B: Tensor, bins: int) -> Tensor:
    """(B, F) transfer of a second-order resonance, 1 at 0 Hz: f0^2 / (f0^2 - f^2 + 2 i zeta f0 f)."""
    ratio_BF = frequency_hz(bins, centre_hz_B.device) / centre_hz_B[:, None]
    return 1 / torch.complex(1 - ratio_BF**2, 2 * damping_B[:, None] * ratio_BF)


def impulses(times_s_BK: Tensor, weights_BK: Tensor, bins: int) -> Tensor:
    """(B, F) spectrum of impulses at any times, by cubic Lagrange interpolation on the fine grid (periodic).

    Args:
        times_s_BK: seconds from the grid's start.
        weights_BK: area of each impulse in samples; 0 for none.
        bins: F.
    """
    place_BK = times_s_BK * (FINE / GRID_S)
    whole_BK = torch.floor(place_BK)
    x = place_BK - whole_BK
    lagrange = (
        -x * (x - 1) * (x - 2) / 6,
        (x + 1) * (x - 1) * (x - 2) / 2,
        -(x + 1) * x * (x - 2) / 2,
        (x + 1) * x * (x - 1) / 6,
    )
    fine_BT = weights_BK.new_zeros(len(times_s_BK), FINE)
    for step, part_BK in zip((-1, 0, 1, 2), lagrange, strict=True):
        fine_BT.scatter_add_(1, (whole_BK.long() + step) % FINE, weights_BK * part_BK)
    spectrum_BF: Tensor = torch.fft.rfft(fine_BT)
    return spectrum_BF[:, :bins]


def to_time(spectrum_BCF: Tensor, samples: int = GRID) -> Tensor:
    """(..., samples) signal of a spectrum whose missing upper bins are zero."""
    x: Tensor = torch.fft.irfft(spectrum_BCF, n=samples)
    return x


def noise_spectrum(key: Key, stream: Stream, power_BCF: Tensor, samples: int = GRID) -> Tensor:
    """(B, C, F) spectrum of Gaussian noise; its variance in time, of `samples`, is the sum of `power` over the bins."""
    return complex_normals(key, stream, torch.sqrt(power_BCF) * (samples / 2))


def ebb_and_flow(key: Key, stream: Stream, depth: float) -> Tensor:
    """(B, GRID) noise comes and goes: exp of a Gaussian process below 0.25 Hz, variance depth^2; mean square 1."""
    flat = torch.full((len(key.window_B), 1, SLOW_BINS), depth**2 / (SLOW_BINS - 1), device=key.window_B.device)
    flat[..., 0] = 0
    return torch.exp(to_time(noise_spectrum(key, stream, flat))[:, 0] - depth**2)


def energy(spectrum_BCF: Tensor) -> Tensor:
    """Squared magnitudes."""
    return spectrum_BCF.real.square() + spectrum_BCF.imag.square()


def band(low_hz: float, high_hz: float, bins: int, device: torch.device) -> Tensor:
    """(F) 1 inside the band, 0 outside."""
    f = frequency_hz(bins, device)
    return ((f > low_hz) & (f < high_hz)).float()


def unit(x_BC: Tensor) -> Tensor:
    """The same vectors with length 1."""
    return x_BC / x_BC.square().sum(-1, keepdim=True).sqrt()
