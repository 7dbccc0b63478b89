"""Supervised baseline: the embedding predicts heart rate and its variability from labels."""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from edgeacc.errors import BadInput
from edgeacc.models.encoder import Encoder, summarise
from edgeacc.training.across import own, total
from edgeacc.training.augment import Augmentation, augment
from edgeacc.training.objective import Objective, Rows


class Supervised(Objective):
    """Smooth L1 on standardised labels; a label that is not known (NaN) does not count."""

    mean_K: Tensor
    deviation_K: Tensor

    def __init__(self, encoder: Encoder, x_NCT: Rows, labels_NK: Tensor, augmentation: Augmentation) -> None:
        """Put a linear head on the normalised summary.

        Raises:
            BadInput: a label that is known for no window, or the same for all.
        """
        super().__init__()
        self.encoder = encoder
        self.augmentation = augmentation
        self.mean_K, self.deviation_K = _moments(labels_NK)
        self.head = nn.Sequential(
            nn.BatchNorm1d(encoder.embedding_width, affine=False),
            nn.Linear(encoder.embedding_width, labels_NK.shape[1]),
        )
        self._x_NCT = x_NCT
        self._target_NK = (labels_NK - self.mean_K) / self.deviation_K

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """Mean smooth L1 over the known labels of these windows."""
        x_BCT = own(augment(self._x_NCT[index_B].float(), self.augmentation, generator))
        predicted_BK = self.head(summarise(self.encoder.tokens(x_BCT).float())).float()
        target_BK = self._target_NK[own(index_B)]
        known_BK = target_BK.isfinite()
        error_BK = F.smooth_l1_loss(predicted_BK, target_BK.nan_to_num(), reduction="none", beta=0.5)
        return total((error_BK * known_BK).sum()) / total(known_BK.sum()).clamp(min=1)


def _moments(labels_NK: Tensor) -> tuple[Tensor, Tensor]:
    mean_K = labels_NK.nanmean(dim=0)
    deviation_K = (labels_NK - mean_K).square().nanmean(dim=0).sqrt()
    if not torch.all(deviation_K > 0):
        raise BadInput(
            "a label is known for no training window, or is the same in all of them",
            valid="labels that vary: --labels device on recordings, which have no truth",
        )
    return mean_K, deviation_K
