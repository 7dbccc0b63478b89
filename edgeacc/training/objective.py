"""What the loop trains: a module that knows its windows and turns some of them into a loss."""

from abc import ABC, abstractmethod
from typing import Protocol

from torch import Generator, Tensor, nn

from edgeacc.models.encoder import Encoder


class Rows(Protocol):
    """Windows, or what belongs to them, asked for by position: a tensor in memory, or made when they are asked for."""

    def __getitem__(self, index_B: Tensor, /) -> Tensor:
        """Those at these positions, (B, ...)."""


class Windows(Protocol):
    """Paired windows asked for by position; names as in `edgeacc.windows.window_set.WindowSet`."""

    @property
    def acc_BCT(self) -> Rows:
        """Prepared accelerometer."""

    @property
    def ppg_BCT(self) -> Rows:
        """Prepared PPG."""

    @property
    def beats_BK(self) -> Rows:
        """Beat times in seconds, NaN behind the last."""


class Objective(nn.Module, ABC):
    """Holds the encoder, whatever else is trained with it, and its training windows.

    Where several processes train together (`edgeacc.training.across`), every one is given the same positions and random
    numbers and works on its own share of them.
    """

    encoder: Encoder

    @abstractmethod
    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """The loss, a scalar, on the windows at these positions; all randomness comes from the generator."""

    def after_step(self) -> None:
        """What has to follow the update of the weights: nothing, but for momentum encoders and queues."""
