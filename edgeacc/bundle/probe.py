"""Probes: heart rate and its variability from an embedding.

A bundle ships that of the heart rate, so that an artifact's fidelity can be told in beats per minute.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import Tensor

from edgeacc.bundle.arrays import read_arrays
from edgeacc.evaluation.probes import ridge

SEED = 0
FEWEST_WINDOWS = 16
"""Below this no probe is fitted (our estimate)."""


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


def fit_probe(z_BD: Tensor, label_B: Tensor, participant_B: Tensor) -> Probe | None:
    """Fit the same ridge as the evaluation's, and read it out as weights.

    The ridge is affine, so its predictions at the mean and one standard deviation from it along every axis are its
    bias and weights.

    Args:
        z_BD: embeddings of the fp32 network (B, D).
        label_B: such as heart rate in bpm, NaN where unknown.
        participant_B: whose windows they are.

    Returns:
        The probe, or None for fewer than `FEWEST_WINDOWS` labelled windows or two participants.
    """
    known_B = torch.isfinite(label_B)
    z_BD, label_B, participant_B = z_BD[known_B], label_B[known_B], participant_B[known_B]
    if len(z_BD) < FEWEST_WINDOWS or len(participant_B.unique()) < 2:
        return None
    mean_D, std_D = z_BD.mean(0), z_BD.std(0)
    std_D = torch.where(std_D > 0, std_D, torch.ones_like(std_D))
    places_BD = torch.cat([mean_D[None], mean_D + torch.diag(std_D)])
    answer_B = ridge(z_BD, label_B[:, None], participant_B, places_BD, SEED)[:, 0]
    return Probe(mean_D.numpy(), std_D.numpy(), (answer_B[1:] - answer_B[0]).numpy(), answer_B[:1].numpy())


def read_probe(path: Path, width: int) -> Probe:
    """Read a probe for embeddings of `width` D.

    Raises:
        BadInput: as `read_arrays`.
    """
    arrays = read_arrays(path, {"mean": (width,), "std": (width,), "weight": (width,), "bias": (1,)})
    return Probe(arrays["mean"], arrays["std"], arrays["weight"], arrays["bias"])
