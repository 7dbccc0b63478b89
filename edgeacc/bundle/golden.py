"""Golden windows: 64 simulated windows with the network's expected embeddings, the same for every bundle."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from edgeacc.bundle.arrays import read_arrays


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

    def given(self, *, raw: bool) -> NDArray[np.float32]:
        """What an artifact is given (B, 3, T): in g where it prepares its windows itself, else prepared."""
        return self.acc_g_BCT if raw else self.acc_BCT

    def write(self, path: Path) -> None:
        """Write a safetensors file."""
        arrays = {name: np.ascontiguousarray(array) for name, array in vars(self).items() if array is not None}
        path.write_bytes(save(arrays))


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
