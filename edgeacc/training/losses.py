"""Losses that several objectives share."""

import torch
from torch import Tensor
from torch.nn import functional as F


def info_nce(logits_BB: Tensor) -> Tensor:
    """InfoNCE in both directions, averaged (van den Oord et al. 2018; lambda 0.5 as in the paper).

    Args:
        logits_BB: scores over the temperature; row i belongs to column i.
    """
    own_B = torch.arange(len(logits_BB), device=logits_BB.device)
    return (F.cross_entropy(logits_BB, own_B) + F.cross_entropy(logits_BB.T, own_B)) / 2


def koleo(z_BE: Tensor) -> Tensor:
    """Spread unit vectors: minus the mean log distance to the nearest other one (Sablayrolles et al. 2019)."""
    cosine_BB = (z_BE @ z_BE.T).fill_diagonal_(-1.0)
    nearest_B = (2 - 2 * cosine_BB.max(dim=1).values).clamp(min=1e-8).sqrt()
    return -nearest_B.log().mean()
