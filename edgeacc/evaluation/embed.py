"""Windows through a network, a few at a time."""

from collections.abc import Callable

import torch
from torch import Tensor

from edgeacc.models.deploy import deployable
from edgeacc.models.encoder import Encoder
from edgeacc.windows.window_set import WindowSet

_BATCH = 32  # measured fastest on one core of a CPU


@torch.inference_mode()
def embed(network: Callable[[Tensor], Tensor], x_BCT: Tensor) -> Tensor:
    """The network's output for each window, float32 on the CPU, in the order of the windows."""
    return torch.cat([network(part_BCT.float()).float() for part_BCT in torch.split(x_BCT, _BATCH)])


def embedding(encoder: Encoder, windows: WindowSet) -> Tensor:
    """The encoder's embedding of the side it reads, (B, D), computed in the form that is deployed."""
    return embed(deployable(encoder), windows.ppg_BCT if reads_ppg(encoder) else windows.acc_BCT)


def reads_ppg(encoder: Encoder) -> bool:
    """Whether an encoder's input is the PPG (else the accelerometer with its three axes)."""
    return encoder.config.in_channels != 3
