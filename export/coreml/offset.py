"""The constant part of the error that rounded weights leave in the embedding: measured, and taken back.

Rounding shifts every output by nearly the same amount for every window, and more so where a mean over time removes all
that varies. Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction",
section 4.2 (here for the last layer only, and from windows).
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram

from edgeacc.export.exporter import Session
from edgeacc.export.parity import parity


class Offset(NamedTuple):
    """What to add to an artifact's embedding, and what that does on windows that it was not measured on.

    Attributes:
        offset_D: (D,) float32.
        before_db: mean-removed SNR as it is.
        after_db: mean-removed SNR with the offset added.
    """

    offset_D: NDArray[np.float32]
    before_db: float
    after_db: float

    @property
    def helps(self) -> bool:
        """It makes the embedding more exact."""
        return self.after_db > self.before_db


def measure_offset(program: ExportedProgram, session: Session, acc_BCT: Tensor) -> Offset:
    """Compare an artifact with its network: every second window measures the offset, the others judge it.

    Args:
        program: the fp32 network, (1, 3, T) -> (1, D).
        session: the artifact.
        acc_BCT: prepared windows (B, 3, T), at least 4 that differ.
    """
    network = program.module()
    with torch.inference_mode():
        expected_BD = torch.cat([network(acc_1CT) for acc_1CT in acc_BCT.split(1)]).numpy()
    got_BD = np.concatenate([session(acc_1CT.numpy()) for acc_1CT in acc_BCT.split(1)])
    offset_D = (expected_BD - got_BD)[::2].mean(axis=0)
    before, after = (parity(expected_BD[1::2], z_BD[1::2]).snr_db for z_BD in (got_BD, got_BD + offset_D))
    return Offset(offset_D, before, after)


def with_offset(program: ExportedProgram, offset_D: NDArray[np.float32]) -> ExportedProgram:
    """The same network with `offset_D` added to its embedding."""
    return torch.export.export(_Shifted(program.module(), torch.from_numpy(offset_D)), program.example_inputs[0])


class _Shifted(nn.Module):
    offset_D: Tensor

    def __init__(self, network: nn.Module, offset_D: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("offset_D", offset_D)

    def forward(self, acc_1CT: Tensor) -> Tensor:
        z_1D: Tensor = self.network(acc_1CT)
        return z_1D + self.offset_D
