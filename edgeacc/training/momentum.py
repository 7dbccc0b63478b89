"""Contrastive teacher: two views attract, the second through a slowly following copy of the encoder.

InfoNCE in both directions + 0.1 KoLeo at temperature 0.04, momentum 0.99, as the public re-implementation of the
paper's sibling has it. The views are of one window, or of two windows of one participant (the sibling paper's way).
"""

import copy
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from edgeacc.errors import BadInput
from edgeacc.models.encoder import Encoder, summarise
from edgeacc.training.across import gather, own
from edgeacc.training.augment import Augmentation, augment
from edgeacc.training.contrastive import KOLEO_WEIGHT, TEMPERATURE, projection
from edgeacc.training.losses import info_nce_among, koleo, without_false_negatives
from edgeacc.training.objective import Objective, Rows

Positives = Literal["window", "participant"]

MOMENTUM = 0.99


class Partners:
    """Another window of the same participant for every window."""

    def __init__(self, participant_N: Tensor) -> None:
        """Group the windows.

        Raises:
            BadInput: nobody has two windows.
        """
        _, group_N, count_G = torch.unique(participant_N, return_inverse=True, return_counts=True)
        if count_G.max() < 2:
            raise BadInput(
                f"each of the {len(count_G)} training participants has one window: nobody has a second for a positive",
                valid="a store with several windows of a participant, or --positives window",
            )
        self.participant_N = participant_N
        self._order_N = group_N.argsort(stable=True)
        self._place_N = self._order_N.argsort()
        self._first_N = (count_G.cumsum(0) - count_G)[group_N]
        self._count_N = count_G[group_N]

    def draw(self, index_B: Tensor, generator: Generator) -> Tensor:
        """(B,) positions; of somebody who has one window, that window."""
        others_B = self._count_N[index_B] - 1
        share_B = torch.rand(len(index_B), generator=generator, device=generator.device)
        step_B = 1 + (share_B * others_B).long().clamp(max=others_B - 1)
        within_B = (self._place_N[index_B] - self._first_N[index_B] + step_B) % self._count_N[index_B]
        partner_B: Tensor = self._order_N[self._first_N[index_B] + within_B]
        return partner_B


class Momentum(Objective):
    """The encoder and its head, and the copy of both that follows them."""

    def __init__(
        self, encoder: Encoder, x_NCT: Rows, augmentation: Augmentation, partners: Partners | None = None
    ) -> None:
        """Copy what is to be followed; with `partners`, positives are two windows of one participant."""
        super().__init__()
        self.encoder = encoder
        self.head = projection(encoder)
        self.slow = nn.ModuleList([copy.deepcopy(encoder), copy.deepcopy(self.head)]).requires_grad_(
            requires_grad=False
        )
        self.augmentation = augmentation
        self._partners = partners
        self._x_NCT = x_NCT

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """InfoNCE between one view and the slow embedding of the other, and KoLeo within each view."""
        other_B = index_B if self._partners is None else self._partners.draw(index_B, generator)
        one_BCT, other_BCT = (
            own(augment(self._x_NCT[at_B].float(), self.augmentation, generator)) for at_B in (index_B, other_B)
        )
        both_BCT = torch.cat([one_BCT, other_BCT])
        one_BE, other_BE = _embedded(self.encoder, self.head, both_BCT)
        with torch.no_grad():
            slow_one_BE, slow_other_BE = _embedded(self.slow[0], self.slow[1], both_BCT)
        forth_BB = self._masked(one_BE @ slow_other_BE.T / TEMPERATURE, index_B)
        back_BB = self._masked(other_BE @ slow_one_BE.T / TEMPERATURE, index_B)
        return info_nce_among(forth_BB, back_BB) + KOLEO_WEIGHT * (koleo(one_BE) + koleo(other_BE)) / 2

    @torch.no_grad()
    def after_step(self) -> None:
        """The copy follows by a hundredth."""
        fast = [*self.encoder.parameters(), *self.head.parameters()]
        for slow, quick in zip(self.slow.parameters(), fast, strict=True):
            slow.lerp_(quick, 1 - MOMENTUM)

    def _masked(self, logits_BB: Tensor, index_B: Tensor) -> Tensor:
        """Where a participant's other windows are positives, they are nobody's negatives."""
        if self._partners is None:
            return logits_BB
        who_B = self._partners.participant_N[index_B]
        return without_false_negatives(logits_BB, who_B, who_B)


def _embedded(encoder: nn.Module, head: nn.Module, both_BCT: Tensor) -> tuple[Tensor, Tensor]:
    """Unit vectors of both views of all processes' windows, (B, E) each."""
    if not isinstance(encoder, Encoder):
        raise TypeError("the first part is the encoder")
    z_BE = F.normalize(head(summarise(encoder.tokens(both_BCT).float())).float(), dim=1)
    one_BE, other_BE = z_BE.chunk(2)
    return gather(one_BE), gather(other_BE)
