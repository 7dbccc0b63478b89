"""What is measured on a set of paired windows, whether simulated or recorded, to compare it with published figures.

The protocol is that of the figures: records of 15 s, R-triggered averages from 0.1 s before to 0.7 s after the R peak.
Only the average's height is taken over the whole window, where noise no longer adds to it.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from edgeacc.signals.filters import band_pass
from edgeacc.signals.samples import centred
from edgeacc.signals.spectral_hr import spectral_hr

RECORD_S = (5.0, 20.0)
BEFORE_S, AFTER_S = 0.1, 0.7
BEAT_BAND_HZ = (2.0, 25.0)
TREMOR_BAND_HZ = (7.0, 13.0)
FLOOR_BAND_HZ = (25.5, 31.0)
"""The figures' 30-40 Hz lies beyond half of 64 Hz: the floor is read as high as it can be."""
BREATHING_BAND_HZ = (0.15, 0.5)
PULSE_BAND_HZ = (0.5, 10.0)
STRONG_SHARE_HZ = (5.0, 10.0)
PADDED = 1024
MG = 1000.0


class Averages(NamedTuple):
    """R-triggered averages: one beat, from `BEFORE_S` before R, and the variance of what it leaves."""

    beat_BCN: Tensor
    residual_BC: Tensor

    @property
    def snr_BC(self) -> Tensor:
        """Variance of the average over the variance of the rest."""
        return self.beat_BCN.var(-1, correction=0) / self.residual_BC


def beat_locked(x_BCT: Tensor, r_peaks_BK: Tensor, rate_hz: float, span_s: tuple[float, float]) -> Averages:
    """Average the pieces around the R peaks that lie wholly within a span.

    Args:
        x_BCT: (B, C, T), any unit.
        r_peaks_BK: (B, K) seconds from the first sample, NaN-padded.
        rate_hz: the rate.
        span_s: start and end of the record within the window.
    """
    whole_BK = (r_peaks_BK > span_s[0] + BEFORE_S) & (r_peaks_BK < span_s[1] - AFTER_S)
    most = int(whole_BK.any(0).nonzero().max()) + 1
    whole_BK, peak_BK = whole_BK[:, :most], r_peaks_BK[:, :most].nan_to_num()
    span_N = torch.arange(round((BEFORE_S + AFTER_S) * rate_hz), device=x_BCT.device)
    place_BKN = (((peak_BK - BEFORE_S) * rate_hz).round().long()[..., None] + span_N).clamp(0, x_BCT.shape[2] - 1)
    flat_BCM = place_BKN.flatten(1)[:, None].expand(-1, x_BCT.shape[1], -1)
    pieces_BCKN = x_BCT.gather(2, flat_BCM).unflatten(2, place_BKN.shape[1:])
    weight_BCKN = (whole_BK / whole_BK.sum(1, keepdim=True))[:, None, :, None]
    beat_BCN = (pieces_BCKN * weight_BCKN).sum(2)
    rest_BCKN = (pieces_BCKN - beat_BCN[:, :, None]).square() * weight_BCKN
    return Averages(beat_BCN, rest_BCKN.sum(2).mean(-1))


def measures(acc_g_BCT: Tensor, ppg_BCT: Tensor, r_peaks_BK: Tensor, rate_hz: float) -> dict[str, Tensor]:
    """All measures of these windows by name, (B) each; units are in the names.

    Args:
        acc_g_BCT: (B, 3, T) raw accelerometer in g.
        ppg_BCT: (B, C, T) raw PPG.
        r_peaks_BK: (B, K) seconds, NaN-padded, of an ECG or the generator.
        rate_hz: their rate, above 62 Hz.
    """
    acc_mg_BCT = centred(acc_g_BCT) * MG
    record = slice(*(round(edge * rate_hz) for edge in RECORD_S))
    return (
        _beat_measures(acc_mg_BCT, r_peaks_BK, rate_hz)
        | _pulse_measures(ppg_BCT, r_peaks_BK, rate_hz)
        | _noise_measures(acc_mg_BCT, r_peaks_BK, rate_hz)
        | {"spectral_hr_error_bpm": (spectral_hr(acc_g_BCT[..., record], rate_hz) - _record_hr(r_peaks_BK)).abs()}
    )


def _beat_measures(acc_mg_BCT: Tensor, r_peaks_BK: Tensor, rate_hz: float) -> dict[str, Tensor]:
    beats_BCT = band_pass(acc_mg_BCT, rate_hz, BEAT_BAND_HZ)
    short = beat_locked(beats_BCT, r_peaks_BK, rate_hz, RECORD_S)
    long = beat_locked(beats_BCT, r_peaks_BK, rate_hz, (0, acc_mg_BCT.shape[2] / rate_hz))
    best_B = _height(short.beat_BCN).argmax(1)
    row_B = torch.arange(len(best_B), device=best_B.device)
    energy_BC = short.beat_BCN.var(-1, correction=0)
    shares_BC = (energy_BC / energy_BC.sum(1, keepdim=True)).sort(1, descending=True).values
    beat_BN = centred(short.beat_BCN[row_B, best_B])
    return {
        "beat_height_mg": _height(long.beat_BCN).amax(1),
        "beat_snr": short.snr_BC[row_B, best_B],
        "best_axis_share": shares_BC[:, 0],
        "other_axes_share": shares_BC[:, 1:].mean(1),
        "main_deflection_s": _top(beat_BN.abs()) / rate_hz - BEFORE_S,
    } | _spectrum_measures(beat_BN, rate_hz)


def _spectrum_measures(beat_BN: Tensor, rate_hz: float) -> dict[str, Tensor]:
    taper_N = torch.hann_window(beat_BN.shape[1], periodic=False, device=beat_BN.device)
    power_BF = torch.fft.rfft(beat_BN * taper_N, n=PADDED).abs().square()
    below_BF = power_BF.cumsum(1) / power_BF.sum(1, keepdim=True)
    line_hz = rate_hz / PADDED
    edges = {f"energy_{percent}_hz": (below_BF < percent / 100).sum(1) * line_hz for percent in (10, 50, 90)}
    low_B, high_B = (below_BF[:, round(edge / line_hz)] for edge in STRONG_SHARE_HZ)
    return edges | {"share_5_10_hz": high_B - low_B}


def _pulse_measures(ppg_BCT: Tensor, r_peaks_BK: Tensor, rate_hz: float) -> dict[str, Tensor]:
    pulse = beat_locked(band_pass(ppg_BCT, rate_hz, PULSE_BAND_HZ), r_peaks_BK, rate_hz, RECORD_S)
    slope_BN = pulse.beat_BCN.mean(1).diff(dim=1)
    steepest_B = (_top(slope_BN) + 0.5) / rate_hz - BEFORE_S
    return {"pulse_snr_db": 10 * pulse.snr_BC.mean(1).log10(), "ppg_slope_s": steepest_B}


def _noise_measures(acc_mg_BCT: Tensor, r_peaks_BK: Tensor, rate_hz: float) -> dict[str, Tensor]:
    tremor = beat_locked(band_pass(acc_mg_BCT, rate_hz, TREMOR_BAND_HZ), r_peaks_BK, rate_hz, RECORD_S)
    breathing_BC = band_pass(acc_mg_BCT, rate_hz, BREATHING_BAND_HZ).std(-1)
    return {
        "tremor_mg": tremor.residual_BC.sqrt().mean(1),
        "floor_ug": 1000 * _density(acc_mg_BCT, rate_hz, FLOOR_BAND_HZ).mean(1),
        "breathing_mg": breathing_BC.mean(1),
    }


def _density(x_BCT: Tensor, rate_hz: float, band_hz: tuple[float, float]) -> Tensor:
    """(B, C) root of the mean power density in a band, unit / sqrt(Hz), by one tapered periodogram."""
    taper_T = torch.hann_window(x_BCT.shape[2], device=x_BCT.device)
    power_BCF = torch.fft.rfft(x_BCT * taper_T).abs().square() * (2 / (rate_hz * taper_T.square().sum()))
    first, last = (round(edge * x_BCT.shape[2] / rate_hz) for edge in band_hz)
    mean_BC: Tensor = power_BCF[..., first:last].mean(-1)
    return mean_BC.sqrt()


def _record_hr(r_peaks_BK: Tensor) -> Tensor:
    """(B) mean rate in the record, beats a minute."""
    inside_BK = (r_peaks_BK > RECORD_S[0]) & (r_peaks_BK < RECORD_S[1])
    first_B = torch.where(inside_BK, r_peaks_BK, torch.inf).amin(1)
    last_B = torch.where(inside_BK, r_peaks_BK, -torch.inf).amax(1)
    return 60 * (inside_BK.sum(1) - 1) / (last_B - first_B)


def _top(x_BN: Tensor) -> Tensor:
    """(B) place of the maximum, between samples by a parabola."""
    at_B1 = x_BN[:, 1:-1].argmax(1, keepdim=True) + 1
    before, top, after = (x_BN.gather(1, at_B1 + step)[:, 0] for step in (-1, 0, 1))
    return at_B1[:, 0] + (0.5 * (before - after) / (before - 2 * top + after)).clamp(-0.5, 0.5)


def _height(beat_BCN: Tensor) -> Tensor:
    return beat_BCN.amax(-1) - beat_BCN.amin(-1)
