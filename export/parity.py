"""How close an artifact's embeddings are to the network's."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_SNR_DB = 200.0
"""Reported for equal arrays; single precision ends near 150 dB."""


@dataclass(frozen=True)
class Parity:
    """How close the artifact's embeddings are to the fp32 network's, the mean embedding removed from both.

    Without its removal an untrained or damaged network scores a cosine of 0.99999 (measured).

    Attributes:
        snr_db: 10 log10 of the energy of the expected embeddings about their mean over the energy of the difference;
            within ±`MAX_SNR_DB`.
        worst_cosine: the smallest cosine of any window; -1 where a window came out without direction.
    """

    snr_db: float
    worst_cosine: float


def parity(expected_BD: NDArray[np.float32], got_BD: NDArray[np.float32]) -> Parity:
    """Compare; values that are not finite, on either side, count as the worst possible.

    Args:
        expected_BD: embeddings of the fp32 network (B, D), at least two windows that differ.
        got_BD: embeddings of the artifact (B, D).

    Raises:
        ValueError: shapes differ, or the expected embeddings are all the same.
    """
    if expected_BD.shape != got_BD.shape:
        raise ValueError(f"the artifact gives {got_BD.shape}, the network {expected_BD.shape}")
    if not (np.isfinite(expected_BD).all() and np.isfinite(got_BD).all()):
        return Parity(-MAX_SNR_DB, -1.0)
    mean_D = expected_BD.mean(axis=0, dtype=np.float64)
    signal_BD, got_about_mean_BD = expected_BD - mean_D, got_BD - mean_D
    energy, error = np.square(signal_BD).sum(), np.square(got_about_mean_BD - signal_BD).sum()
    if energy == 0:
        raise ValueError("the network gives the same embedding for every window")
    return Parity(_decibels(energy, error), _worst_cosine(signal_BD, got_about_mean_BD))


def _decibels(energy: float, error: float) -> float:
    if error == 0:
        return MAX_SNR_DB
    return float(np.clip(10 * np.log10(energy / error), -MAX_SNR_DB, MAX_SNR_DB))


def _worst_cosine(signal_BD: NDArray[np.float64], got_about_mean_BD: NDArray[np.float64]) -> float:
    dot_B = (signal_BD * got_about_mean_BD).sum(axis=1)
    norms_B = np.linalg.norm(signal_BD, axis=1) * np.linalg.norm(got_about_mean_BD, axis=1)
    cosine_B = np.divide(dot_B, norms_B, out=np.full_like(dot_B, -1.0), where=norms_B > 0)
    return float(cosine_B.min())
