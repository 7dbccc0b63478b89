"""The probe of a bundle, fitted on embeddings of the network before it is exported."""

import torch
from torch import Tensor

from edgeacc.bundle.probe import Probe
from edgeacc.evaluation.probes import ridge

SEED = 0
FEWEST_WINDOWS = 16
"""Below this no probe is fitted (our estimate)."""


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
