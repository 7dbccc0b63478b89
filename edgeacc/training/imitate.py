"""A smaller or rounded network learns to tell what the whole one tells, on windows alone: no label, no PPG."""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from edgeacc.models.alignment import Deployable, encoder_of, told
from edgeacc.training.across import own
from edgeacc.training.augment import Augmentation, augment
from edgeacc.training.objective import Objective, Rows


class Imitate(Objective):
    """Squared error on the embedding and, of a student, on its place in the common space."""

    def __init__(self, network: Deployable, whole: Deployable, acc_NCT: Rows, augmentation: Augmentation) -> None:
        """Keep the whole network in eval, out of reach of the optimizer and of the run's state.

        Args:
            network: to be trained; of a student, the parts that accelerometer windows pass.
            whole: of the same kind.
            acc_NCT: training windows.
            augmentation: of them; both see the same.
        """
        super().__init__()
        self.network = network
        self.encoder = encoder_of(network)
        self.augmentation = augmentation
        self._whole = (whole.eval().requires_grad_(requires_grad=False),)  # in a tuple: not a part of this module
        self._acc_NCT = acc_NCT

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """Mean squared error of the embedding, plus the squared distance of the unit vectors in the common space."""
        acc_BCT = own(augment(self._acc_NCT[index_B].float(), self.augmentation, generator))
        with torch.no_grad():
            wanted = told(self._whole[0], acc_BCT)
        given = told(self.network, acc_BCT)
        loss = F.mse_loss(given[0].float(), wanted[0].float())
        if len(wanted) > 1:
            loss = loss + (given[1] - wanted[1]).square().sum(dim=1).mean()
        return loss
