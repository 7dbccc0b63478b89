"""Health targets: yes-or-no traits of people from their mean embedding, beside age, sex and BMI alone.

Legend: `P` participants, `K` traits, `R` resamples, `D` width.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.health import confounders, health
from edgeacc.evaluation.bootstrap import Interval, draws, interval
from edgeacc.evaluation.people import people, totals
from edgeacc.evaluation.probes import ridge
from edgeacc.evaluation.result import CONFOUNDERS, HealthRow
from edgeacc.files import parse_model
from edgeacc.windows.store import Store

FEWEST_OF_A_CLASS = 5
"""So many people with, and so many without the trait, on both sides of the split (our choice)."""


@dataclass(frozen=True)
class _Side:
    """The people of one side of the split.

    Attributes:
        traits_PK: 0 or 1, float64.
        known_PC: age, sex and BMI, with the squares of the two that are not yes or no.
        participants: P.
    """

    traits_PK: Tensor
    known_PC: Tensor
    participants: int

    @classmethod
    def of(cls, seed: int, participant_B: Tensor) -> "_Side":
        who_P = people(participant_B).who_P
        known_PC = confounders(seed, who_P)
        known_PC = torch.cat([known_PC, known_PC[:, ::2].square()], 1)
        return cls(torch.stack(list(health(seed, who_P).values()), 1).double(), known_PC, len(who_P))


class HealthStudy:
    """Probes of several methods for all traits that enough people have, and enough have not.

    A probe is a ridge on 0 and 1, its penalty chosen by squared error on held-out training participants.
    """

    def __init__(self, store: Store, fitted_B: Tensor, scored_B: Tensor, seed: int) -> None:
        """Take the traits from the cohort that the store was made of.

        Args:
            store: of a cohort.
            fitted_B: participants of the windows to fit on.
            scored_B: participants of the windows to score.
            seed: of folds and resampling.

        Raises:
            BadInput: the store tells wrongly how its cohort was made.
        """
        config = parse_model(store.manifest.provenance["cohort"], CohortConfig, where=f"store {store.path}, its cohort")
        self._fit, self._test = _Side.of(config.seed, fitted_B), _Side.of(config.seed, scored_B)
        self._fitted_B, self._scored_B, self._seed = fitted_B, scored_B, seed
        names = list(health(config.seed, fitted_B[:1]))
        self._kept = [k for k in range(len(names)) if _enough(self._fit, k) and _enough(self._test, k)]
        self.targets = [names[k] for k in self._kept]
        self.left_out = [name for name in names if name not in self.targets]
        self._drawn_RP = draws(self._test.participants, seed)
        self._base: tuple[Tensor, Tensor] | None = None
        self.rows: list[HealthRow] = []
        self._add(CONFOUNDERS, self._fit.known_PC, self._test.known_PC)

    def add(self, method: str, z_fit_BD: Tensor, z_test_BD: Tensor, *, beside: bool) -> None:
        """What the mean of each participant's embeddings tells; and, if `beside`, with age, sex and BMI."""
        mean_fit_PD, mean_test_PD = _mean(z_fit_BD, self._fitted_B), _mean(z_test_BD, self._scored_B)
        self._add(method, mean_fit_PD, mean_test_PD)
        if beside:
            both = [
                torch.cat(parts, 1)
                for parts in ((mean_fit_PD, self._fit.known_PC), (mean_test_PD, self._test.known_PC))
            ]
            self._add(f"{method} with {CONFOUNDERS}", *both)

    def _add(self, method: str, x_PD: Tensor, x_test_PD: Tensor) -> None:
        if not self.targets:
            return
        each_P = torch.arange(self._fit.participants)
        traits_PK = self._fit.traits_PK[:, self._kept]
        score_PK = ridge(x_PD, traits_PK, each_P, x_test_PD, self._seed, squared=True)
        has_PK = self._test.traits_PK[:, self._kept] > 0
        areas = [self._areas(score_PK[:, k], has_PK[:, k]) for k in range(len(self.targets))]
        auc_K, auc_KR = torch.tensor([whole for whole, _ in areas]), torch.stack([drawn_R for _, drawn_R in areas])
        self.rows += self._told(method, auc_K, auc_KR, has_PK)
        if method == CONFOUNDERS:
            self._base = (auc_K, auc_KR)

    def _areas(self, score_P: Tensor, has_P: Tensor) -> tuple[float, Tensor]:
        """Over everybody, and in each resample; NaN where a resample lacks one of the classes."""
        everybody_1P = torch.ones(1, len(score_P), dtype=torch.float64)
        return float(areas(score_P, has_P, everybody_1P)), areas(score_P, has_P, self._drawn_RP)

    def _told(self, method: str, auc_K: Tensor, auc_KR: Tensor, has_PK: Tensor) -> Iterator[HealthRow]:
        for k, target in enumerate(self.targets):
            over = None
            if self._base is not None:
                over = _interval(auc_K[k] - self._base[0][k], auc_KR[k] - self._base[1][k])
            yield HealthRow(
                target=target,
                method=method,
                auc=_interval(auc_K[k], auc_KR[k]),
                over_confounders=over,
                share=float(has_PK[:, k].double().mean()),
                participants=self._test.participants,
                fitted_participants=self._fit.participants,
            )


def areas(score_P: Tensor, has_P: Tensor, weight_RP: Tensor) -> Tensor:
    """Area under the receiver operating characteristic: how often one who has it scores above one who has not.

    Args:
        score_P: higher for those who should have it; a tie counts a half.
        has_P: who has it, bool.
        weight_RP: how often each person counts, in each of R resamples.

    Returns:
        Float64 (R,), NaN where a resample has nobody with, or nobody without it.
    """
    with_A, without_N = score_P[has_P].double(), score_P[~has_P].double()
    above_AN = (with_A[:, None] > without_N).double() + 0.5 * (with_A[:, None] == without_N).double()
    weight_RA, weight_RN = weight_RP[:, has_P].double(), weight_RP[:, ~has_P].double()
    won_R = ((weight_RA @ above_AN) * weight_RN).sum(1)
    return won_R / (weight_RA.sum(1) * weight_RN.sum(1))


def _enough(side: _Side, k: int) -> bool:
    with_it = int(side.traits_PK[:, k].sum())
    return min(with_it, side.participants - with_it) >= FEWEST_OF_A_CLASS


def _mean(z_BD: Tensor, participant_B: Tensor) -> Tensor:
    """Mean embedding of each participant, in the order of their numbers, float64 (P, D)."""
    them = people(participant_B)
    return totals(z_BD.double(), them) / them.windows_P[:, None]


def _interval(value: Tensor, value_R: Tensor) -> Interval:
    return interval(value, value_R[torch.isfinite(value_R)], 2)
