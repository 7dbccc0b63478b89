"""How alike the pulses of a window are: a published index of a PPG's quality."""

import torch
from torch import Tensor
from torch.nn import functional

ACCEPTABLE = 0.86
"""Mean correlation of the pulses with their average from which a PPG is of use (Orphanidou et al. 2015, IEEE Journal of
Biomedical and Health Informatics 19:832, for 10-s windows of PPG)."""
HR_BPM = (40.0, 180.0)
LONGEST_INTERVAL_S = 3.0
LARGEST_RATIO = 2.2
"""Rates, longest interval, and longest over shortest interval that a clean pulse can have (the same source)."""
BLOCK_S = 10.0
"""Length over which pulses are averaged and intervals compared (the same source)."""
_FEWEST_PULSES = 4


def pulse_quality(ppg_BCT: Tensor, beats_BK: Tensor, rate_hz: float) -> Tensor:
    """Mean correlation of each pulse with the average pulse of its block, over the window.

    The channels are averaged. In each block of about `BLOCK_S` a pulse is the stretch as long as the median interval,
    around its steepest upstroke; pulses that the block does not hold whole are left out. A block whose beats break one
    of the feasibility rules above counts as 0.

    Args:
        ppg_BCT: (B, C, T) prepared PPG.
        beats_BK: (B, K) seconds from the first sample, NaN-padded: `detect_beats`.
        rate_hz: of the samples.

    Returns:
        (B,) float32, 0 to 1: the mean over the window's blocks, negative correlations counted as 0.
    """
    mean_BT = ppg_BCT.float().mean(1)
    blocks = max(1, round(mean_BT.shape[1] / rate_hz / BLOCK_S))
    length = mean_BT.shape[1] // blocks
    quality_BN = torch.zeros(len(mean_BT), blocks)
    for n in range(blocks):
        first_s, last_s = n * length / rate_hz, (n + 1) * length / rate_hz
        inside_BK = (beats_BK >= first_s) & (beats_BK < last_s)
        for row, (x_T, beats_K, inside_K) in enumerate(zip(mean_BT, beats_BK, inside_BK, strict=True)):
            block_T = x_T[n * length : (n + 1) * length]
            quality_BN[row, n] = _block_quality(block_T, beats_K[inside_K] - first_s, rate_hz)
    return quality_BN.mean(1)


def _block_quality(x_T: Tensor, beats_K: Tensor, rate_hz: float) -> float:
    if len(beats_K) < _FEWEST_PULSES or not _feasible(beats_K):
        return 0.0
    width = int(beats_K.diff().median() * rate_hz)
    starts_K = (beats_K * rate_hz).round().long() - width // 2
    starts_K = starts_K[(starts_K >= 0) & (starts_K + width <= len(x_T))]
    if len(starts_K) < 2:
        return 0.0
    pulses_KW = x_T[starts_K[:, None] + torch.arange(width)]
    template_1W = pulses_KW.mean(0, keepdim=True)
    centred_KW, centred_1W = (x - x.mean(1, keepdim=True) for x in (pulses_KW, template_1W))
    return float(functional.cosine_similarity(centred_KW, centred_1W).mean().clamp(min=0))


def _feasible(beats_K: Tensor) -> bool:
    interval_K = beats_K.diff()
    rate_bpm = 60 / float(interval_K.mean())
    longest, shortest = float(interval_K.max()), float(interval_K.min())
    return HR_BPM[0] <= rate_bpm <= HR_BPM[1] and longest <= LONGEST_INTERVAL_S and longest <= LARGEST_RATIO * shortest
