"""The pulse at the wrist as four green optical channels see it.

Two Gaussians per beat (Tang et al. 2020, Scientific Reports 10:13883): the systolic wave and the diastolic one, which
comes earlier and merges with it as arteries stiffen. Breathing moves baseline and amplitude (Charlton et al. 2016,
Physiol Meas 37:610: depths 0.1 of the pulse); the rhythm itself carries the third, frequency modulation. Time 0 of a
pulse is its steepest upstroke. The unit is a mean pulse's systolic height.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from edgeacc.cohort import grid
from edgeacc.cohort.participants import Traits, named_normals
from edgeacc.cohort.random import Key, Stream
from edgeacc.cohort.rhythm import Heartbeats

CHANNELS = 4
BINS = grid.bins_below(16.0)
NOISE_BINS = grid.bins_below(20.0)
EBB_DEPTH = 0.35
"""How much the noise comes and goes (our estimate)."""
PPG_R_MEAN_S = 0.29
"""Steepest upstroke after the R peak: such that the one measured meets the calibration table's 0.28 s."""
JITTER_MS = 5.0
"""Median beat-to-beat jitter of the pulse's arrival (our estimate)."""
SNR_BAND_HZ = (0.5, 10.0)
SNR_MEDIAN_DB, SNR_BELOW_DB, SNR_ABOVE_DB = 19.5, 11.0, 7.0
"""Nominal noise: median and the two half-widths of a split normal (calibrated to the table's 14.6 (2-21) dB)."""
MODULATION_SD = 0.07
"""Breathing's effect on baseline and height: a sine of amplitude 0.1 (Charlton et al. 2016) has this deviation."""


class PpgState(NamedTuple):
    """(B) each, (B, 4) for the channels: timing in s, shape, gains, noise and breathing depths."""

    delay_s: Tensor
    jitter_s: Tensor
    systolic_s: Tensor
    diastolic_s: Tensor
    diastolic_delay_s: Tensor
    diastolic_height: Tensor
    snr_db: Tensor
    baseline: Tensor
    amplitude: Tensor
    gain_BC: Tensor
    lag_s_BC: Tensor
    shape_BC: Tensor
    noise_BC: Tensor


DRAWS = dict.fromkeys(
    ("delay", "jitter", "systolic", "diastolic", "interval", "height", "snr", "baseline", "amplitude"), 1
) | dict.fromkeys(("gain", "lag", "shape", "noise"), CHANNELS)


def draw_ppg(key: Key, traits: Traits, ppg_r_spread_s: float) -> PpgState:
    """The window's pulse. Spreads are our estimates where no source is named.

    The diastolic wave's delay falls from 0.28 to 0.16 s from 25 to 75 years of arterial age (a recollection, not
    verified), told by the pulse wave velocity: 6.1 to 10.2 m/s in optimal pressure.
    """
    z = named_normals(key, Stream.PULSE, DRAWS)
    stiffness = traits.pwv_m_s - 6.1
    late = 0.8 * traits.late_pulse / LATE_PULSE_SD + 0.6 * z["delay"]
    side = torch.where(z["snr"] < 0, SNR_BELOW_DB, SNR_ABOVE_DB)
    return PpgState(
        delay_s=(PPG_R_MEAN_S + ppg_r_spread_s * late).clamp(0.12, 0.5),
        jitter_s=JITTER_MS / 1000 * torch.exp(0.5 * z["jitter"]),
        systolic_s=(0.066 + 0.0012 * stiffness + 0.004 * z["systolic"]).clamp(0.045, 0.09),
        diastolic_s=0.12 + 0.010 * z["diastolic"],
        diastolic_delay_s=(0.28 - 0.029 * stiffness + 0.012 * z["interval"]).clamp(0.14, 0.32),
        diastolic_height=(0.42 + 0.020 * stiffness + 0.06 * z["height"]).clamp(0.15, 0.9),
        snr_db=SNR_MEDIAN_DB + side * z["snr"] + 1.5 * traits.log_perfusion,
        baseline=MODULATION_SD * torch.exp(0.5 * z["baseline"]),
        amplitude=MODULATION_SD * torch.exp(0.4 * z["amplitude"]),
        gain_BC=0.5 + torch.special.ndtr(z["gain"]),
        lag_s_BC=0.004 * z["lag"],
        shape_BC=0.08 * z["shape"],
        noise_BC=torch.exp(0.25 * z["noise"]),
    )


LATE_PULSE_SD = 0.81
"""Standard deviation of `Traits.late_pulse` over participants: makes the PPG-R spread what the config says."""


def pulse_series(state: PpgState, beats: Heartbeats, z_BK: Tensor) -> Tensor:
    """(B, F) spectrum of the pulses' arrivals: impulses at R + jitter, weighted by breathing; z_BK are 2K normals."""
    jitter_BK, height_BK = z_BK.chunk(2, 1)
    time_BK = beats.r_peak_s_BK + state.jitter_s[:, None] * jitter_BK
    weight_BK = 1 + state.amplitude[:, None] * beats.breathing_BK + 0.03 * height_BK
    return grid.impulses(time_BK, weight_BK * beats.real_BK, grid.BINS)


def optical(state: PpgState, beats: Heartbeats, series_BF: Tensor, key: Key) -> Tensor:
    """(B, 4, GRID) the four channels, without movement; `series_BF` from `pulse_series`."""
    pulse_BCF = _pulse_shapes(state) * series_BF[:, None, :BINS]
    level_BC = state.noise_BC**2 * 10 ** (-state.snr_db[:, None] / 10) * _power(pulse_BCF)
    noise_BCF = grid.noise_spectrum(key, Stream.PPG_NOISE, level_BC[..., None] * _unit_noise(level_BC.device))
    pulse_BCF[..., : beats.breathing_spectrum_BF.shape[1]] += (
        state.baseline[:, None, None] * state.gain_BC[..., None] * beats.breathing_spectrum_BF[:, None]
    )
    ebb_BT = grid.ebb_and_flow(key, Stream.PPG_EBB, EBB_DEPTH)
    return grid.to_time(pulse_BCF) + grid.to_time(noise_BCF) * ebb_BT[:, None]


def _pulse_shapes(state: PpgState) -> Tensor:
    """(B, 4, F) spectrum of one pulse in each channel, its steepest upstroke at `delay_s`."""
    systolic_BF = grid.bell(state.systolic_s, BINS) * state.systolic_s[:, None]
    diastolic_BF = grid.bell(state.diastolic_s, BINS) * (state.diastolic_s * state.diastolic_height)[:, None]
    diastolic_BF = diastolic_BF * grid.delay(state.diastolic_delay_s, BINS)
    shape_BCF = systolic_BF[:, None] + (1 + state.shape_BC)[..., None] * diastolic_BF[:, None]
    lag_BCF = 1 - 2j * math.pi * state.lag_s_BC[..., None] * grid.frequency_hz(BINS, state.lag_s_BC.device)
    top_BF = grid.delay(state.delay_s + state.systolic_s, BINS)
    height_BC = state.gain_BC * (grid.RATE_HZ * math.sqrt(2 * math.pi))
    return height_BC[..., None] * shape_BCF * lag_BCF * top_BF[:, None]


def _power(pulse_BCF: Tensor) -> Tensor:
    """(B, C) variance of the pulses in the SNR's band."""
    inside = grid.band(*SNR_BAND_HZ, BINS, pulse_BCF.device)
    return ((grid.energy(pulse_BCF) * inside).double().sum(-1) * (2 / grid.GRID**2)).float()


def _unit_noise(device: torch.device) -> Tensor:
    """(F) power of noise that falls as 1/(0.25 Hz + f), fades above 12 Hz, and has variance 1 in the SNR's band."""
    f = grid.frequency_hz(NOISE_BINS, device)
    power = torch.exp(-((f / 12) ** 2)) / (0.25 + f) * (f > 0)
    unit: Tensor = power / (power * grid.band(*SNR_BAND_HZ, NOISE_BINS, device)).sum()
    return unit
