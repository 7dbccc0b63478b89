"""The heart's rhythm: one interval process per window, and the R peaks that it gives.

The interval's spectrum has a 1/f part and two Gaussian bands, at 0.1 Hz and at the breathing rate (McSharry et al.
2003, IEEE Trans Biomed Eng 50:289); its samples come from a random-phase inverse FFT; beats are where the integral of
the rate passes whole numbers (integral pulse frequency modulation). The bands' powers follow from the wanted SDNN and
RMSSD: SDNN^2 = sum P and RMSSD^2 = sum 4 sin^2(pi f T) P over the bands. That is of five minutes: a window's grid holds
what is above 1/128 Hz; and the integral averages over a beat, which takes sin(pi f T) / (pi f T) off (7 % at 15 breaths
a minute and 70 beats).
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from edgeacc.cohort.grid import BIN_HZ, GRID_S, MARGIN_S, MOST_BEATS, RATE_HZ, SAMPLES, frequency_hz, noise_spectrum
from edgeacc.cohort.participants import Traits, named_normals
from edgeacc.cohort.random import Key, Stream, uniforms
from edgeacc.signals.beats import most_beats

POSTURES = ("supine", "seated", "held")
SUPINE_SHARE, SEATED_SHARE = 0.2, 0.5
"""Share of windows by posture; the rest holds the arm up. Our estimate of a day's and night's still windows."""
POSTURE_HR_BPM = (-3.0, 4.0, 8.0)
"""Rate above a person's own by posture (our estimate)."""
RR_RATE_HZ = 16.0
RR_SAMPLES = round(GRID_S * RR_RATE_HZ)
RR_BINS = 64
SLOWEST_HZ, SLOW_EDGE_HZ = 1 / 300, 0.04
"""The 1/f part of a five-minute record; a window's grid holds what is above 1/128 Hz, its first bin's edge."""
MAYER_HZ = 0.1
BAND_SD_HZ = 0.01
"""Width of both bands (McSharry et al. 2003)."""
SHORTEST_RR_S, LONGEST_RR_S = 0.34, 2.0


class RhythmState(NamedTuple):
    """(B) each: posture (0 supine, 1 seated, 2 arm held), mean rate, breathing, variance of three bands in s^2."""

    posture: Tensor
    hr_bpm: Tensor
    breathing_hz: Tensor
    slow_s2: Tensor
    mayer_s2: Tensor
    breathing_s2: Tensor


class Heartbeats(NamedTuple):
    """R peaks on the grid (seconds; 0 where `real_BK` is 0) and the breathing that goes with them (unit variance)."""

    r_peak_s_BK: Tensor
    real_BK: Tensor
    breathing_BK: Tensor
    breathing_spectrum_BF: Tensor


DRAWS = dict.fromkeys(("posture", "hr", "sdnn", "share", "breathing", "slow"), 1)


def draw_rhythm(key: Key, traits: Traits) -> RhythmState:
    """The window's posture, rate and wanted variability (spreads within a person: our estimates)."""
    z = named_normals(key, Stream.STATE, DRAWS)
    u = torch.special.ndtr(z["posture"])
    posture = (u > SUPINE_SHARE).long() + (u > SUPINE_SHARE + SEATED_SHARE).long()
    hr = (traits.rest_hr_bpm + by_posture(POSTURE_HR_BPM, posture) + 5.0 * z["hr"]).clamp(40, 120)
    above = hr - traits.rest_hr_bpm
    sdnn_s = torch.exp(traits.log_sdnn_ms - 0.008 * above + 0.3 * z["sdnn"]).clamp(5, 200) / 1000
    share = torch.exp(traits.log_rmssd_share - 0.006 * above + 0.15 * z["share"]).clamp(0.15, 1.3)
    breathing_hz = (traits.breathing_hz + 0.02 * z["breathing"]).clamp(0.12, 0.42)
    slow_share = 0.25 + 0.35 * torch.special.ndtr(z["slow"])
    return RhythmState(
        posture.double(), hr, breathing_hz, *_band_powers(60 / hr, sdnn_s, share, breathing_hz, slow_share)
    )


def _band_powers(
    rr_s: Tensor, sdnn_s: Tensor, share: Tensor, breathing_hz: Tensor, slow_share: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Split SDNN^2 over the three bands so that RMSSD / SDNN is `share`; `slow_share` is of the lower two."""
    slow = 4 * torch.sin(math.pi * SLOWEST_HZ * math.sqrt(SLOW_EDGE_HZ / SLOWEST_HZ) * rr_s) ** 2
    mayer = 4 * torch.sin(math.pi * MAYER_HZ * rr_s) ** 2
    breath = 4 * torch.sin(math.pi * breathing_hz * rr_s) ** 2
    low = slow_share * slow + (1 - slow_share) * mayer
    high_share = ((share**2 - low) / (breath - low)).clamp(0.03, 0.95)
    rest = sdnn_s**2 * (1 - high_share)
    return rest * slow_share, rest * (1 - slow_share), sdnn_s**2 * high_share


def by_posture(values: tuple[float, ...], posture: Tensor) -> Tensor:
    """(B) float64: each window's value, from one per posture."""
    return torch.tensor(values, dtype=torch.float64)[posture.long()]


def beat(state: RhythmState, key: Key, *, other: bool = False) -> Heartbeats:
    """Let the heart beat on the grid, on the state's device; `other`: another, independent series of the same state."""
    stream, start = _SERIES[other]
    slow, mayer, breath = noise_spectrum(key, stream, _band_shapes(state.breathing_hz), RR_SAMPLES).unbind(1)
    wander_BF = slow * state.slow_s2.sqrt()[:, None] + mayer * state.mayer_s2.sqrt()[:, None]
    wander_BF = wander_BF + breath * state.breathing_s2.sqrt()[:, None]
    wander_BCT = torch.fft.irfft(torch.stack([wander_BF, breath * RESPIRATION_LEAD], 1), n=RR_SAMPLES)
    rr_BT = (60 / state.hr_bpm[:, None] + wander_BCT[:, 0]).clamp(SHORTEST_RR_S, LONGEST_RR_S)
    start_B = uniforms(key, start, 1)[:, 0].float()
    peak_BK, real_BK = _whole_passes(rr_BT, start_B)
    at_BK = (peak_BK * RR_RATE_HZ).long().clamp(max=RR_SAMPLES - 1)
    spectrum_BF = breath * RESPIRATION_LEAD * (RATE_HZ / RR_RATE_HZ)
    return Heartbeats(peak_BK, real_BK, wander_BCT[:, 1].gather(1, at_BK), spectrum_BF)


_SERIES = {
    False: (Stream.RHYTHM, Stream.RHYTHM_START),
    True: (Stream.OTHER_RHYTHM, Stream.OTHER_RHYTHM_START),
}
RESPIRATION_LEAD = complex(math.cos(2.4), math.sin(2.4))
"""The interval is longest 2.4 rad (our estimate) from the deepest breath: respiratory sinus arrhythmia."""


def _band_shapes(breathing_hz_B: Tensor) -> Tensor:
    """(B, 3, F) power per bin of the three parts: 1/f, its share above 1/128 Hz; two Gaussian bands that sum to 1."""
    f = frequency_hz(RR_BINS, breathing_hz_B.device)
    inside = (f > BIN_HZ / 2) & (f <= SLOW_EDGE_HZ + BIN_HZ / 2)
    slow = torch.where(inside, 1 / f.clamp(min=BIN_HZ), 0.0) * (BIN_HZ / math.log(SLOW_EDGE_HZ / SLOWEST_HZ))
    norm = BIN_HZ / (BAND_SD_HZ * math.sqrt(2 * math.pi))
    mayer = norm * torch.exp(-0.5 * ((f - MAYER_HZ) / BAND_SD_HZ) ** 2)
    breath_BF = norm * torch.exp(-0.5 * ((f - breathing_hz_B[:, None]) / BAND_SD_HZ) ** 2)
    return torch.stack([slow.expand_as(breath_BF), mayer.expand_as(breath_BF), breath_BF], 1)


def _whole_passes(rr_BT: Tensor, start_B: Tensor) -> tuple[Tensor, Tensor]:
    """Times at which start + integral dt / RR passes 1, 2, ...; (B, K) and 1 where there is such a time on the grid."""
    phase_BT = start_B[:, None] + torch.cumsum(1 / (rr_BT * RR_RATE_HZ), 1)
    whole_BK = (
        torch.arange(1, MOST_BEATS + 1, device=rr_BT.device, dtype=rr_BT.dtype).expand(len(rr_BT), -1).contiguous()
    )
    after_BK = torch.searchsorted(phase_BT, whole_BK)
    real_BK = (after_BK > 0) & (after_BK < RR_SAMPLES)
    after_BK = after_BK.clamp(1, RR_SAMPLES - 1)
    before, after = phase_BT.gather(1, after_BK - 1), phase_BT.gather(1, after_BK)
    time_BK = (after_BK - 1 + (whole_BK - before) / (after - before)) / RR_RATE_HZ
    return torch.where(real_BK, time_BK, 0.0), real_BK.float()


def in_window(times_s_BK: Tensor, real_BK: Tensor) -> Tensor:
    """(B, most_beats(60 s)) times within the window, in seconds from its start, ascending, NaN behind the last."""
    time_BK = times_s_BK - MARGIN_S
    inside_BK = (real_BK > 0) & (time_BK >= 0) & (time_BK < SAMPLES / RATE_HZ)
    order_BK = torch.where(inside_BK, time_BK, torch.inf).sort(1).values[:, : most_beats(SAMPLES / RATE_HZ)]
    return torch.where(order_BK.isfinite(), order_BK, torch.nan)
