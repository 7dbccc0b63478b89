"""Contrastive baseline: two augmented views of the same window attract, all others repel.

InfoNCE in both directions + 0.1 KoLeo at temperature 0.04, as the public re-implementation of the paper's sibling has
it; both views go through the same encoder (with a momentum encoder: `edgeacc.training.momentum`).
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from edgeacc.models.encoder import Encoder, summarise
from edgeacc.training.across import gather, own
from edgeacc.training.augment import Augmentation, augment
from edgeacc.training.losses import info_nce, koleo
from edgeacc.training.objective import Objective, Rows

TEMPERATURE = 0.04
KOLEO_WEIGHT = 0.1
HIDDEN, OUT = 256, 128


class Contrastive(Objective):
    """Two views, one encoder, one MLP head on the summary that the deployed embedding is made of."""

    def __init__(self, encoder: Encoder, x_NCT: Rows, augmentation: Augmentation) -> None:
        """Put a projection head beside the encoder."""
        super().__init__()
        self.encoder = encoder
        self.augmentation = augmentation
        self.head = projection(encoder)
        self._x_NCT = x_NCT

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """InfoNCE between the views of these windows, and KoLeo within each view."""
        x_BCT = self._x_NCT[index_B].float()
        views_BCT = torch.cat([own(augment(x_BCT, self.augmentation, generator)) for _ in range(2)])
        z_BE = F.normalize(self.head(summarise(self.encoder.tokens(views_BCT).float())).float(), dim=1)
        a_BE, b_BE = (gather(view_BE) for view_BE in z_BE.chunk(2))
        return info_nce(a_BE @ b_BE.T / TEMPERATURE) + KOLEO_WEIGHT * (koleo(a_BE) + koleo(b_BE)) / 2


def projection(encoder: Encoder) -> nn.Sequential:
    """The MLP head on the summary that the deployed embedding is made of."""
    return nn.Sequential(
        nn.BatchNorm1d(encoder.embedding_width, affine=False),
        nn.Linear(encoder.embedding_width, HIDDEN, bias=False),
        nn.BatchNorm1d(HIDDEN),
        nn.GELU(),
        nn.Linear(HIDDEN, OUT),
    )
