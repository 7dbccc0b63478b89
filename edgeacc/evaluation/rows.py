"""From ranks to rows of a result."""

from itertools import pairwise

import torch
from torch import Tensor

from edgeacc.evaluation.bootstrap import mean_interval
from edgeacc.evaluation.result import Direction, Group, RetrievalRow
from edgeacc.evaluation.retrieval import Ranks

POOLS = (100, 1000)
SWEEP = (200, 500, 2000, 5000, 10000, 20000)
"""More sizes of the pool: with `POOLS` and all windows, how retrieval falls as the candidates grow."""
QUARTILES = 4
POSTURES = ("supine", "seated", "arm held")
"""Names of the label `posture`, by its value."""
SEXES = ("female", "male")
"""Names of the label `sex`, by its value."""
AGES_Y = (35.0, 50.0, 65.0)
"""Where an age band ends and the next begins (our choice)."""
BMIS_KG_M2 = (18.5, 25.0, 30.0)
"""The World Health Organization's classes: under-, normal and overweight, obesity."""


def pools_within(candidates: int) -> list[int | None]:
    """The pool sizes that fit, and None for all candidates."""
    return [*(pool for pool in POOLS if pool < candidates), None]


def sweep_within(candidates: int) -> list[int]:
    """The sizes of the sweep that fit."""
    return [pool for pool in SWEEP if pool < candidates]


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
    """Selections of windows by accelerometer SNR, posture, age, sex and BMI, as far as the labels tell.

    Returns:
        Group, name and mask (B) of each that holds a window.
    """
    nothing, found = torch.tensor([]), list[tuple[Group, str, Tensor]]()
    snr_B = labels.get("acc_snr", nothing)
    known_B = torch.isfinite(snr_B)
    if known_B.sum() >= QUARTILES:
        edges = snr_B[known_B].quantile(torch.linspace(0, 1, QUARTILES + 1))
        place_B = torch.bucketize(snr_B, edges[1:-1])
        for k in range(QUARTILES):
            name = f"SNR quartile {k + 1} ({edges[k]:.2f}-{edges[k + 1]:.2f})"
            found.append(("snr", name, known_B & (place_B == k)))
    found += [("posture", name, labels.get("posture", nothing) == value) for value, name in enumerate(POSTURES)]
    found += [("age", name, mask_B) for name, mask_B in _bands("age", labels.get("age_y", nothing), AGES_Y)]
    found += [("sex", name, labels.get("sex", nothing) == value) for value, name in enumerate(SEXES)]
    found += [("bmi", name, mask_B) for name, mask_B in _bands("BMI", labels.get("bmi_kg_m2", nothing), BMIS_KG_M2)]
    return [(group, name, mask_B) for group, name, mask_B in found if mask_B.any()]


def _bands(what: str, value_B: Tensor, edges: tuple[float, ...]) -> list[tuple[str, Tensor]]:
    """Name and mask of each band; an edge belongs to the band above."""
    between = [f"{what} {low:g}-{high:g}" for low, high in pairwise(edges)]
    names = [f"{what} under {edges[0]:g}", *between, f"{what} from {edges[-1]:g}"]
    place_B = torch.bucketize(value_B, torch.tensor(edges), right=True)
    return [(name, torch.isfinite(value_B) & (place_B == place)) for place, name in enumerate(names)]
