"""From ranks to rows of a result."""

import torch
from torch import Tensor

from edgeacc.evaluation.bootstrap import mean_interval
from edgeacc.evaluation.result import Direction, Group, RetrievalRow
from edgeacc.evaluation.retrieval import Ranks

POOLS = (100, 1000)
QUARTILES = 4
POSTURES = ("supine", "seated", "arm held")
"""Names of the label `posture`, by its value."""


def pools_within(candidates: int) -> list[int | None]:
    """The pool sizes that fit, and None for all candidates."""
    return [*(pool for pool in POOLS if pool < candidates), None]


def largest_pool(candidates: int) -> int | None:
    """The largest pool size that fits; None (all candidates) where none does."""
    return max((pool for pool in POOLS if pool <= candidates), default=None)


def row(
    ranks: Ranks,
    participant_Q: Tensor,
    *,
    group: Group,
    method: str,
    variant: str = "",
    direction: Direction = "acc->ppg",
    pool: int | None = None,
    seed: int,
) -> RetrievalRow:
    """One row from the ranks of some queries."""
    return RetrievalRow(
        group=group,
        method=method,
        variant=variant,
        direction=direction,
        pool=pool,
        candidates=float(ranks.candidates_Q.double().mean()) if pool is None else pool,
        queries=len(ranks),
        top1=mean_interval(ranks.top(1, pool), participant_Q, seed),
        top5=float(ranks.top(5, pool).mean()),
        mean_rank=float(ranks.mean_rank(pool).mean()),
        chance_top1=ranks.chance(1, pool),
    )


def strata(labels: dict[str, Tensor]) -> list[tuple[Group, str, Tensor]]:
    """Selections of windows by accelerometer SNR and posture, as far as the labels tell: (group, name, mask)."""
    found: list[tuple[Group, str, Tensor]] = []
    snr_B = labels.get("acc_snr", torch.tensor([]))
    known_B = torch.isfinite(snr_B)
    if known_B.sum() >= QUARTILES:
        edges = snr_B[known_B].quantile(torch.linspace(0, 1, QUARTILES + 1))
        place_B = torch.bucketize(snr_B, edges[1:-1])
        for k in range(QUARTILES):
            name = f"SNR quartile {k + 1} ({edges[k]:.2f}-{edges[k + 1]:.2f})"
            found.append(("snr", name, known_B & (place_B == k)))
    posture_B = labels.get("posture", torch.tensor([]))
    found += [("posture", name, posture_B == value) for value, name in enumerate(POSTURES)]
    return [(group, name, mask_B) for group, name, mask_B in found if mask_B.any()]
