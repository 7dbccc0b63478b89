"""Windows through a network, a few at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

from edgeacc.models.checkpoint import LoadedEncoder
from edgeacc.models.deploy import deployable
from edgeacc.windows.window_set import WindowSet

_BATCH = 32  # measured fastest on one core of a CPU


@torch.inference_mode()
def embed(network: Callable[[Tensor], Tensor], x_BCT: Tensor) -> Tensor:
    """The network's output for each window, float32 on the CPU, in the order of the windows."""
    return torch.cat([network(part_BCT.float()).float() for part_BCT in torch.split(x_BCT, _BATCH)])


def embedding(loaded: LoadedEncoder, windows: WindowSet) -> Tensor:
    """The encoder's embedding of the side it reads, (B, D), computed in the form that is deployed."""
    return embed(deployable(loaded.encoder), windows.ppg_BCT if loaded.card.sensor == "ppg" else windows.acc_BCT)
