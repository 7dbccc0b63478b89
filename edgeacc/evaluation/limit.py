"""The training-free limit: does the accelerometer hold the beats of this PPG, and not of another?

For each candidate PPG take its beat times; the score is the energy of the accelerometer's average locked to them. Two
forms. `plain` needs no data but the pair: the energy of every lag counts the same. `template` weighs the shapes of the
average by how much more often they are seen with a person's own beats than with others' (a likelihood ratio of two
Gaussians, in the generalised eigenbasis of their covariances), fitted on OTHER people's windows. Neither trains a
network, so the score says what is achievable on a data set before anyone trains.

Legend: `N` candidates, `Q` queries, `L` lags, `R` shapes kept.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from edgeacc.signals.beat_locked import (
    BeatTrains,
    beat_lags,
    beat_trains,
    correlated,
    lagged,
    local_amplitude_removed,
    locked_sums,
    running_mean,
)

_SPECTRUM_HZ = 2.0  # width over which a window's own spectrum is smoothed before whitening; our estimate
_FLOOR = 0.02  # eigenvalues and spectra below this share of the largest are noise; our estimate
_SHAPES = 8  # our estimate: 12, 20 and 30 do no better
_QUERIES_AT_ONCE = 16


@dataclass(frozen=True)
class Plain:
    """Energy of the beat-locked average over all axes and lags, after evening out the local amplitude."""

    rate_hz: float

    def scores(self, acc_QCT: Tensor, trains: BeatTrains) -> Tensor:
        """Scores of queries against candidates, (Q, N); higher is a better match."""
        lags = beat_lags(self.rate_hz)
        present_LT = lagged(torch.ones(1, 1, acc_QCT.shape[2]), lags)[0, 0]
        beats_NL = (trains.train_NT @ present_LT.T).clamp(min=1)

        def energy(acc_BCT: Tensor) -> Tensor:
            shifted_BCLT = lagged(local_amplitude_removed(acc_BCT, self.rate_hz), lags)
            sum_NBCL = correlated(trains, shifted_BCLT)
            return (sum_NBCL.square() / beats_NL[:, None, None]).sum((2, 3)).T

        return _in_blocks(acc_QCT, energy)


@dataclass(frozen=True)
class Template:
    """Likelihood ratio of the beat-locked average: this person's beats against somebody else's.

    Attributes:
        rate_hz: sampling rate.
        band_hz: the accelerometer's band, inside which it is whitened.
        shapes_LR: shapes over the lags that tell the two apart, unit variance with wrong beats.
        weight_R: 1 - 1 / (variance with the right beats).
    """

    rate_hz: float
    band_hz: tuple[float, float]
    shapes_LR: Tensor
    weight_R: Tensor

    @classmethod
    def fit(
        cls, acc_BCT: Tensor, beats_BK: Tensor, partner_B: Tensor, rate_hz: float, band_hz: tuple[float, float]
    ) -> "Template":
        """Fit on windows of people who are not queried.

        Args:
            acc_BCT: prepared accelerometer.
            beats_BK: beat times of the PPG of the same windows.
            partner_B: for each window another one, whose beats serve as the wrong ones.
            rate_hz: sampling rate.
            band_hz: the accelerometer's band.
        """
        trains = beat_trains(beats_BK, rate_hz, acc_BCT.shape[2])
        wrong = BeatTrains(trains.train_NT[partner_B], trains.beats_N[partner_B])
        cleaned_BCT = _in_blocks(acc_BCT, lambda part_BCT: cleaned(part_BCT, rate_hz, band_hz))
        right_LL = _average_covariance(cleaned_BCT, trains, rate_hz)
        wrong_LL = _average_covariance(cleaned_BCT, wrong, rate_hz)
        shapes_LR, variance_R = _generalised_eigen(right_LL, wrong_LL)
        return cls(rate_hz, band_hz, shapes_LR.float(), (1 - 1 / variance_R.clamp(min=1)).float())

    def scores(self, acc_QCT: Tensor, trains: BeatTrains) -> Tensor:
        """Scores of queries against candidates, (Q, N); higher is a better match."""
        lags = beat_lags(self.rate_hz)
        beats_N = trains.beats_N.clamp(min=1)

        def evidence(acc_BCT: Tensor) -> Tensor:
            filtered_BCRT = _filtered(cleaned(acc_BCT, self.rate_hz, self.band_hz), self.shapes_LR, lags)
            sum_NBCR = correlated(trains, filtered_BCRT)
            return ((sum_NBCR.square() * self.weight_R).sum((2, 3)) / beats_N[:, None]).T

        return _in_blocks(acc_QCT, evidence)


def cleaned(acc_BCT: Tensor, rate_hz: float, band_hz: tuple[float, float]) -> Tensor:
    """Local amplitude removed, then each axis whitened by its own smoothed spectrum inside the band; unit variance."""
    even_BCT = local_amplitude_removed(acc_BCT, rate_hz)
    samples = even_BCT.shape[2]
    spectrum_BCF = torch.fft.rfft(even_BCT)
    half = round(_SPECTRUM_HZ / 2 * samples / rate_hz)
    power_BCF = running_mean(spectrum_BCF.abs().square(), half)
    frequency_hz_F = torch.fft.rfftfreq(samples, 1 / rate_hz)
    inside_F = (frequency_hz_F >= band_hz[0]) & (frequency_hz_F <= band_hz[1])
    gain_BCF = inside_F / torch.sqrt(power_BCF + _FLOOR * power_BCF.amax(2, keepdim=True) + 1e-12)
    white_BCT: Tensor = torch.fft.irfft(spectrum_BCF * gain_BCF, n=samples)
    return white_BCT / white_BCT.std(2, keepdim=True).clamp(min=1e-6)


def _filtered(x_BCT: Tensor, shapes_LR: Tensor, lags: range) -> Tensor:
    """Correlation with each shape at every time: (B, C, R, T)."""
    batch, axes, samples = x_BCT.shape
    wide_BCT = F.pad(x_BCT, (-lags[0], lags[-1])).reshape(batch * axes, 1, -1)
    return F.conv1d(wide_BCT, shapes_LR.T[:, None]).reshape(batch, axes, -1, samples)


def _average_covariance(acc_BCT: Tensor, trains: BeatTrains, rate_hz: float) -> Tensor:
    """Covariance over lags of the beat-locked sums over the root of the beats, axes pooled; float64 (L, L)."""
    sum_BCL = locked_sums(acc_BCT, trains, beat_lags(rate_hz))
    average_ML = (sum_BCL / trains.beats_N.clamp(min=1).sqrt()[:, None, None]).flatten(0, 1).double()
    return average_ML.T @ average_ML / len(average_ML)


def _generalised_eigen(right_LL: Tensor, wrong_LL: Tensor) -> tuple[Tensor, Tensor]:
    """Shapes with unit variance under `wrong` and the largest variances under `right`: (L, R), (R,)."""
    value_L, vector_LL = torch.linalg.eigh(wrong_LL)
    kept = value_L > _FLOOR * value_L.max()
    whitening_LM = vector_LL[:, kept] / value_L[kept].sqrt()
    variance_M, shape_MM = torch.linalg.eigh(whitening_LM.T @ right_LL @ whitening_LM)
    best = torch.arange(len(variance_M)).flip(0)[:_SHAPES]
    return whitening_LM @ shape_MM[:, best], variance_M[best]


def _in_blocks(x_QCT: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.cat([work(part_BCT) for part_BCT in torch.split(x_QCT, _QUERIES_AT_ONCE)])
