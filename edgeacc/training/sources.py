"""Where a student's objective gets the PPG encoder's tokens: kept, from a frozen teacher, or learned with it."""

from abc import abstractmethod

import torch
from torch import Generator, Tensor, nn

from edgeacc.models.encoder import Encoder
from edgeacc.training.across import own
from edgeacc.training.augment import Augmentation, augment
from edgeacc.training.objective import Rows


class TokenSource(nn.Module):
    """Tokens of PPG windows."""

    @abstractmethod
    def tokens(self, index_B: Tensor, generator: Generator) -> Tensor:
        """Of this process's share of the windows at these positions, (B, P, D)."""


class Kept(TokenSource):
    """A frozen teacher's tokens, computed once."""

    def __init__(self, tokens_NPD: Tensor) -> None:
        """Keep the tokens of all training windows."""
        super().__init__()
        self._tokens_NPD = tokens_NPD

    def tokens(self, index_B: Tensor, generator: Generator) -> Tensor:
        """Nothing is drawn."""
        return self._tokens_NPD[own(index_B)].float()


class Frozen(TokenSource):
    """A frozen teacher that sees every window augmented anew, or made anew."""

    def __init__(self, teacher: Encoder, ppg_NCT: Rows, augmentation: Augmentation) -> None:
        """Keep the teacher in eval, out of reach of the optimizer and of the run's state."""
        super().__init__()
        self._teacher = (teacher.eval().requires_grad_(requires_grad=False),)  # in a tuple: not a part of this module
        self._ppg_NCT = ppg_NCT
        self._augmentation = augmentation

    @torch.no_grad()
    def tokens(self, index_B: Tensor, generator: Generator) -> Tensor:
        """The windows are augmented with the generator."""
        ppg_BCT = augment(self._ppg_NCT[index_B].float(), self._augmentation, generator)
        return self._teacher[0].tokens(own(ppg_BCT)).float()


class Learned(TokenSource):
    """A PPG encoder that is trained together with the student (the paper's ablation)."""

    def __init__(self, encoder: Encoder, ppg_NCT: Rows, augmentation: Augmentation) -> None:
        """Hold the encoder as a part that is trained."""
        super().__init__()
        self.encoder = encoder
        self._ppg_NCT = ppg_NCT
        self._augmentation = augmentation

    def tokens(self, index_B: Tensor, generator: Generator) -> Tensor:
        """The windows are augmented with the generator."""
        ppg_BCT = augment(self._ppg_NCT[index_B].float(), self._augmentation, generator)
        return self.encoder.tokens(own(ppg_BCT)).float()
