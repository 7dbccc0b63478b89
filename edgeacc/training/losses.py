"""Losses that several objectives share."""

import torch
from torch import Tensor
from torch.nn import functional as F


def info_nce(logits_BB: Tensor) -> Tensor:
    """InfoNCE in both directions, averaged (van den Oord et al. 2018; lambda 0.5 as in the paper).

    Args:
        logits_BB: scores over the temperature; row i belongs to column i.
    """
    return info_nce_among(logits_BB, logits_BB.T)


def info_nce_among(one_BN: Tensor, other_BM: Tensor) -> Tensor:
    """InfoNCE of two directions, averaged, each among its own candidates.

    Args:
        one_BN: scores over the temperature; row i belongs to column i, any further columns are nobody's.
        other_BM: of the other direction.
    """
    own_B = torch.arange(len(one_BN), device=one_BN.device)
    return (F.cross_entropy(one_BN, own_B) + F.cross_entropy(other_BM, own_B)) / 2


def without_false_negatives(logits_BN: Tensor, name_B: Tensor, name_N: Tensor) -> Tensor:
    """Take out, with minus infinity, candidates of the asker's own name, but for the one that is sought (column i)."""
    same_BN = name_B[:, None] == name_N[None]
    same_BN.fill_diagonal_(fill_value=False)
    return logits_BN.masked_fill(same_BN, -torch.inf)


def koleo(z_BE: Tensor) -> Tensor:
    """Spread unit vectors: minus the mean log distance to the nearest other one (Sablayrolles et al. 2019)."""
    cosine_BB = (z_BE @ z_BE.T).fill_diagonal_(-1.0)
    nearest_B = (2 - 2 * cosine_BB.max(dim=1).values).clamp(min=1e-8).sqrt()
    return -nearest_B.log().mean()
