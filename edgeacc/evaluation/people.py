"""Whose windows are whose."""

from typing import NamedTuple

import torch
from torch import Tensor


class People(NamedTuple):
    """The participants of some windows.

    Attributes:
        who_P: their numbers, ascending.
        member_B: for each window the position of its participant in `who_P`.
        windows_P: windows of each.
    """

    who_P: Tensor
    member_B: Tensor
    windows_P: Tensor

    def __len__(self) -> int:
        """P, the number of participants."""
        return int(self.who_P.shape[0])


def people(participant_B: Tensor) -> People:
    """The participants of these windows."""
    return People(*torch.unique(participant_B, return_inverse=True, return_counts=True))


def totals(value_BK: Tensor, them: People) -> Tensor:
    """Sum over the windows of each participant, (P, K)."""
    return value_BK.new_zeros(len(them), value_BK.shape[1]).index_add_(0, them.member_B, value_BK)
