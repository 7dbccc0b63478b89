"""Probes: heart rate and its variability from an embedding.

A bundle ships that of the heart rate, so that an artifact's fidelity can be told in beats per minute.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from edgeacc.bundle.arrays import read_arrays


@dataclass(frozen=True)
class Probe:
    """A linear map from an embedding to a label such as heart rate: ((z - mean) / std) · weight + bias.

    Attributes:
        mean_D: of the embeddings that it was fitted on (D,) float32.
        std_D: their standard deviation (D,) float32, 1 where it is zero.
        weight_D: in the label's unit per standard deviation (D,) float32.
        bias: in the label's unit (1,) float32.
    """

    mean_D: NDArray[np.float32]
    std_D: NDArray[np.float32]
    weight_D: NDArray[np.float32]
    bias: NDArray[np.float32]

    def predict(self, z_BD: NDArray[np.float32]) -> NDArray[np.float32]:
        """The label of embeddings (B, D): (B,) in its unit."""
        return ((z_BD - self.mean_D) / self.std_D @ self.weight_D + self.bias).astype(np.float32)

    def mae_bpm(self, z_BD: NDArray[np.float32], hr_bpm_B: NDArray[np.float32]) -> float:
        """Mean absolute error over the windows whose heart rate is known."""
        return float(np.nanmean(np.abs(self.predict(z_BD) - hr_bpm_B)))

    def write(self, path: Path) -> None:
        """Write a safetensors file."""
        arrays = {"mean": self.mean_D, "std": self.std_D, "weight": self.weight_D, "bias": self.bias}
        path.write_bytes(save(arrays))


def read_probe(path: Path, width: int) -> Probe:
    """Read a probe for embeddings of `width` D.

    Raises:
        BadInput: as `read_arrays`.
    """
    arrays = read_arrays(path, {"mean": (width,), "std": (width,), "weight": (width,), "bias": (1,)})
    return Probe(arrays["mean"], arrays["std"], arrays["weight"], arrays["bias"])
