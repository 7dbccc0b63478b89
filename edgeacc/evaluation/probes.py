"""Probes: what a frozen embedding tells of a target, by the same fixed recipe for every method.

Legend: `B` windows, `D` embedding width, `K` targets, `A` penalties tried. All numerics of the ridge are float64.
"""

from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from edgeacc.errors import BadInput
from edgeacc.evaluation.people import people, totals

TARGETS = ("hr_bpm", "sdnn_ms", "rmssd_ms")
FRACTIONS = (0.001, 0.01, 0.1, 0.5, 1.0)
"""Shares of the training participants whose labels are used, at least two people."""
QUICK_FRACTIONS = (0.1, 1.0)
"""Those of `evaluate --quick`."""

# Penalties per window and unit of feature variance; the best of them is taken by cross-validation. Our estimate.
_PENALTIES = torch.logspace(-5, 2, 15, dtype=torch.float64)
_FOLDS = 5
_FEWEST_PARTICIPANTS = 2
_FEWEST_CORRELATED = 3  # two points always correlate by 1 or -1
# The MLP's recipe, the same for every method. Our estimate: within 2 % of twice the steps on three embeddings.
_HIDDEN = 128
_DROPOUT = 0.2
_BATCH = 256
_WINDOWS_PER_STEP = 3
_FEWEST_STEPS, _MOST_STEPS = 40, 700
_LEARNING_RATE = 3e-3
_WEIGHT_DECAY = 0.05

Probe = Callable[[Tensor, Tensor, Tensor, Tensor, int], Tensor]


def participants_fraction(participant_B: Tensor, fraction: float, seed: int) -> Tensor:
    """Windows of a random share of the participants, at least two of them; indices, ascending.

    Raises:
        BadInput: fewer than two participants.
    """
    who_P = people(participant_B).who_P
    if len(who_P) < _FEWEST_PARTICIPANTS:
        raise BadInput(f"{len(who_P)} participant(s) to fit a probe on", valid="two or more")
    count = max(_FEWEST_PARTICIPANTS, round(fraction * len(who_P)))
    chosen = who_P[torch.randperm(len(who_P), generator=torch.Generator().manual_seed(seed))[:count]]
    return torch.isin(participant_B, chosen).nonzero()[:, 0]


def folds(participant_B: Tensor, count: int, seed: int) -> Iterator[Tensor]:
    """Masks of held-out windows: each participant in one of `count` folds, or of as many as there are participants."""
    them = people(participant_B)
    count = min(count, len(them))
    fold_P = torch.randperm(len(them), generator=torch.Generator().manual_seed(seed)) % count
    for fold in range(count):
        yield fold_P[them.member_B] == fold


def ridge(
    z_BD: Tensor,
    target_BK: Tensor,
    participant_B: Tensor,
    z_test_BD: Tensor,
    seed: int,
    *,
    squared: bool = False,
) -> Tensor:
    """Ridge regression; the penalty of each target is the best in mean absolute error on held-out participants.

    Args:
        z_BD: embeddings to fit on; standardised here by their own mean and standard deviation.
        target_BK: their labels, finite.
        participant_B: whose windows they are (two or more people).
        z_test_BD: embeddings to predict for.
        seed: of the split into folds.
        squared: choose by squared error instead: of a yes-or-no target the absolute one favours the commoner answer.

    Returns:
        Predictions, float32 (B, K).
    """
    x_BD, test_BD = _standardised(z_BD, z_test_BD)
    target_BK = target_BK.double()
    error_AK = torch.zeros(len(_PENALTIES), target_BK.shape[1], dtype=torch.float64)
    for held_B in folds(participant_B, _FOLDS, seed):
        fitted_ABK = _ridge_path(x_BD[~held_B], target_BK[~held_B], x_BD[held_B])
        error_ABK = (fitted_ABK - target_BK[held_B]).abs()
        error_AK += (error_ABK.square() if squared else error_ABK).sum(1)
    best_K = error_AK.argmin(0)
    predicted_ABK = _ridge_path(x_BD, target_BK, test_BD)
    return torch.stack([predicted_ABK[best, :, k] for k, best in enumerate(best_K.tolist())], 1).float()


def mlp(z_BD: Tensor, target_BK: Tensor, participant_B: Tensor, z_test_BD: Tensor, seed: int) -> Tensor:
    """A small network with one hidden layer, all targets at once; arguments as `ridge`.

    Its recipe is fixed, so no participant is held out; `participant_B` is not used.
    """
    x_BD, test_BD = (x.float() for x in _standardised(z_BD, z_test_BD))
    centre_K, scale_K = target_BK.mean(0), target_BK.std(0).clamp(min=1e-6)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _mlp(x_BD.shape[1], target_BK.shape[1])
        _fit(network, x_BD, ((target_BK - centre_K) / scale_K).float())
    with torch.no_grad():
        predicted_BK: Tensor = network(test_BD) * scale_K + centre_K
    return predicted_BK.float()


FittedProbe = Literal["ridge", "mlp"]
PROBES: dict[FittedProbe, Probe] = {"ridge": ridge, "mlp": mlp}


def pearson_r(predicted_B: Tensor, truth_B: Tensor) -> float | None:
    """Correlation over the windows where both are finite; None for fewer than three, or where one is constant."""
    both_B = torch.isfinite(predicted_B) & torch.isfinite(truth_B)
    x, y = predicted_B[both_B].double(), truth_B[both_B].double()
    if len(x) < _FEWEST_CORRELATED:
        return None
    x, y = x - x.mean(), y - y.mean()
    size = float(x.norm() * y.norm())
    return float(x @ y) / size if size > 1e-9 * len(x) else None


def own_mean(truth_B: Tensor, participant_B: Tensor) -> Tensor:
    """Each participant's mean over their OTHER windows: an oracle that knows the person; NaN for a single window."""
    known_B = torch.isfinite(truth_B)
    known_B2 = torch.stack([torch.where(known_B, truth_B, torch.zeros_like(truth_B)), known_B.float()], 1).double()
    them = people(participant_B)
    sum_B, others_B = (totals(known_B2, them)[them.member_B] - known_B2).unbind(1)
    mean_B = sum_B / others_B
    return torch.where(others_B > 0, mean_B, torch.full_like(mean_B, torch.nan)).float()


def _standardised(z_BD: Tensor, z_test_BD: Tensor) -> tuple[Tensor, Tensor]:
    """Both in units of the first's mean and standard deviation; a feature that never changes becomes zero."""
    z_BD, z_test_BD = z_BD.double(), z_test_BD.double()
    centre_D, scale_D = z_BD.mean(0), z_BD.std(0)
    alive_D = scale_D > 1e-6 * scale_D.max().clamp(min=1e-12)
    gain_D = torch.where(alive_D, 1 / scale_D.clamp(min=1e-30), torch.zeros_like(scale_D))
    return (z_BD - centre_D) * gain_D, (z_test_BD - centre_D) * gain_D


def _ridge_path(x_BD: Tensor, target_BK: Tensor, test_BD: Tensor) -> Tensor:
    """Predictions for every penalty from one eigendecomposition: (A, B, K)."""
    mean_D, mean_K = x_BD.mean(0), target_BK.mean(0)
    x_BD = x_BD - mean_D
    value_D, vector_DD = torch.linalg.eigh(x_BD.T @ x_BD)
    moment_DK = vector_DD.T @ (x_BD.T @ (target_BK - mean_K))
    weight_ADK = moment_DK / (value_D.clamp(min=0) + _PENALTIES[:, None] * len(x_BD))[..., None]
    predicted_ABK: Tensor = ((test_BD - mean_D) @ vector_DD) @ weight_ADK + mean_K
    return predicted_ABK


def _mlp(width: int, targets: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(width, _HIDDEN),
        nn.GELU(),
        nn.Dropout(_DROPOUT),
        nn.Linear(_HIDDEN, targets),
    )


def _fit(network: nn.Module, x_BD: Tensor, target_BK: Tensor) -> None:
    """AdamW under a cosine, on the smooth absolute error; the network is left in eval mode."""
    batch = min(_BATCH, len(x_BD))
    steps = min(_MOST_STEPS, max(_FEWEST_STEPS, len(x_BD) // _WINDOWS_PER_STEP))
    optimizer = torch.optim.AdamW(network.parameters(), _LEARNING_RATE, weight_decay=_WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        rows = torch.randint(len(x_BD), (batch,))
        loss = nn.functional.smooth_l1_loss(network(x_BD[rows]), target_BK[rows], beta=0.5)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    network.eval()
