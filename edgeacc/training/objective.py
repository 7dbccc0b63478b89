"""What the loop trains: a module that knows its windows and turns some of them into a loss."""

from abc import ABC, abstractmethod

from torch import Generator, Tensor, nn

from edgeacc.models.encoder import Encoder


class Objective(nn.Module, ABC):
    """Holds the encoder, whatever else is trained with it, and its training windows."""

    encoder: Encoder

    @abstractmethod
    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """The loss, a scalar, on the windows at these positions; all randomness comes from the generator."""
