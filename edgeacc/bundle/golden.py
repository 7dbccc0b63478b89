"""Golden windows: 64 simulated windows with the network's expected embeddings, the same for every bundle."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

from edgeacc.bundle.arrays import read_arrays
from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.simulate import simulate
from edgeacc.errors import BadInput
from edgeacc.models.encoder import Encoder
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.signals.prepare import prepare_acc

GOLDEN = CohortConfig(
    preset="calibrated", seed=20_211, participants=64, windows_per_participant=1, first_participant=1_000_000_000
)
"""64 people whom no training ever sees: their numbers and their seed are not those of a cohort that anyone makes."""


@dataclass(frozen=True)
class Golden:
    """Golden windows with what the fp32 network computes on them.

    Attributes:
        acc_g_BCT: raw acceleration in g, gravity included (B, 3, T) float32.
        acc_BCT: the same prepared by the contract (B, 3, T) float32.
        z_BD: embeddings of the fp32 PyTorch network (B, D) float32.
        hr_bpm_B: true mean heart rate (B,) float32.
        heads_BK: what the heads give on the network's embeddings (B, K) float32; None for an artifact without heads.
    """

    acc_g_BCT: NDArray[np.float32]
    acc_BCT: NDArray[np.float32]
    z_BD: NDArray[np.float32]
    hr_bpm_B: NDArray[np.float32]
    heads_BK: NDArray[np.float32] | None = None

    def write(self, path: Path) -> None:
        """Write a safetensors file."""
        arrays = {name: np.ascontiguousarray(array) for name, array in vars(self).items() if array is not None}
        path.write_bytes(save(arrays))


@torch.no_grad()
def golden_windows(encoder: Encoder, contract: SignalContract) -> Golden:
    """Simulate the golden windows and embed them with the fp32 network (in eval).

    Raises:
        BadInput: a contract whose windows the cohort cannot serve.
    """
    if (contract.rate_hz, contract.window_s) != (DEFAULT.rate_hz, DEFAULT.window_s):
        raise BadInput(
            f"golden windows of {contract.window_s:g} s at {contract.rate_hz:g} Hz cannot be simulated",
            valid=f"{DEFAULT.window_s:g} s at {DEFAULT.rate_hz:g} Hz",
        )
    raw = simulate(GOLDEN, torch.arange(GOLDEN.windows))
    acc_BCT = prepare_acc(raw.acc_g_BCT, contract)
    z_BD = torch.cat([encoder(window_CT[None]) for window_CT in acc_BCT])
    return Golden(raw.acc_g_BCT.numpy(), acc_BCT.numpy(), z_BD.numpy(), raw.labels["hr_bpm"].numpy())


def read_golden(path: Path, windows: int, samples: int, width: int, heads: int) -> Golden:
    """Read B golden `windows` of T `samples`, with embeddings of `width` D and the results of K `heads`, or none.

    Raises:
        BadInput: as `read_arrays`.
    """
    shapes = {
        "acc_g_BCT": (windows, 3, samples),
        "acc_BCT": (windows, 3, samples),
        "z_BD": (windows, width),
        "hr_bpm_B": (windows,),
        **({"heads_BK": (windows, heads)} if heads else {}),
    }
    return Golden(**read_arrays(path, shapes))
