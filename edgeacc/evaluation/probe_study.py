"""Probes of several methods on the same windows, with trivial methods beside them and paired comparisons."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from edgeacc.errors import BadInput
from edgeacc.evaluation.bootstrap import improvement, mean_interval
from edgeacc.evaluation.people import people
from edgeacc.evaluation.probes import (
    FRACTIONS,
    PROBES,
    TARGETS,
    FittedProbe,
    folds,
    own_mean,
    participants_fraction,
    pearson_r,
)
from edgeacc.evaluation.result import Group, ImprovementRow, PartRow, ProbeRow
from edgeacc.signals.spectral_hr import spectral_hr
from edgeacc.windows.labels import Source
from edgeacc.windows.window_set import WindowSet

AnyProbe = FittedProbe | Literal["none"]
FEWEST_PARTICIPANTS = 3
"""To leave one out and still choose a penalty on the others."""
_OUTER_FOLDS = 5


@dataclass(frozen=True)
class Labelled:
    """Windows with the labels of the targets that are known.

    Attributes:
        target_BK: labels, NaN where not known.
        participant_B: whose windows.
    """

    target_BK: Tensor
    participant_B: Tensor

    def complete(self) -> Tensor:
        """Windows of which all targets are known: positions."""
        return torch.isfinite(self.target_BK).all(1).nonzero()[:, 0]


def scored_on(windows: WindowSet) -> dict[str, Source]:
    """Against what each target can be scored: the truth where the store has it, else what the device says."""
    sources: dict[str, Source] = {}
    for target in TARGETS:
        for source in ("truth", "device"):
            if target not in sources and torch.isfinite(windows.target([target], source)).any():
                sources[target] = source
    return sources


def labelled(windows: WindowSet, sources: Mapping[str, Source]) -> Labelled:
    """Take each target from its source.

    Raises:
        BadInput: a target is known for no window.
    """
    columns = {target: windows.target([target], source)[:, 0] for target, source in sources.items()}
    empty = [target for target, column_B in columns.items() if not torch.isfinite(column_B).any()]
    if empty:
        raise BadInput(
            f"no {' and no '.join(sorted(set(sources.values())))} label of {', '.join(empty)} in the training windows",
            valid="--labels device, or --labels truth on a cohort",
        )
    return Labelled(torch.stack(list(columns.values()), 1), windows.participant_B)


@dataclass
class ProbeStudy:
    """Collects the rows of all methods; the columns are `targets`.

    Attributes:
        targets: names, in the order of the columns.
        scored: the test windows.
        seed: of label subsets, folds, the MLP and resampling.
        fractions: of the labels, to fit on.
        rows: so far.
        errors: absolute errors (B, K) by (method, probe, fraction), for paired comparisons.
    """

    targets: list[str]
    scored: Labelled
    seed: int
    fractions: tuple[float, ...] = FRACTIONS
    rows: list[ProbeRow] = field(default_factory=list)
    errors: dict[tuple[str, AnyProbe, float], Tensor] = field(default_factory=dict)

    def fit(
        self, method: str, z_BD: Tensor, fitted: Labelled, z_test_BD: Tensor, progress: Callable[[str], None]
    ) -> None:
        """Every probe at every label fraction of one method's embedding.

        Fractions that come to the same people (a larger one holds those of a smaller) are fitted once.
        """
        known: dict[tuple[FittedProbe, int], Tensor] = {}
        complete_B = fitted.complete()
        z_BD, target_BK, who_B = z_BD[complete_B], fitted.target_BK[complete_B], fitted.participant_B[complete_B]
        for fraction in self.fractions:
            rows = participants_fraction(who_B, fraction, self.seed)
            for name, probe in PROBES.items():
                progress(f"{method}: {name}, {100 * fraction:g}% of labels")
                if (name, len(rows)) not in known:
                    known[name, len(rows)] = probe(z_BD[rows], target_BK[rows], who_B[rows], z_test_BD, self.seed)
                self.add(method, name, fraction, known[name, len(rows)], who_B[rows])

    def fit_shuffled(self, method: str, z_BD: Tensor, fitted: Labelled, z_test_BD: Tensor) -> None:
        """A ridge on embeddings paired with other windows' labels: what the recipe gives without information."""
        rows = fitted.complete()
        who_B, wrong = fitted.participant_B[rows], rows[_permutation(len(rows), self.seed)]
        predicted_BK = PROBES["ridge"](z_BD[wrong], fitted.target_BK[rows], who_B, z_test_BD, self.seed)
        self.add(f"{method}, shuffled pairs", "ridge", 1.0, predicted_BK, who_B)

    def leave_out_shuffled(self, method: str, z_BD: Tensor) -> None:
        """As `leave_out` by ridge, on embeddings paired with other windows' labels."""
        self.leave_out(f"{method}, shuffled pairs", z_BD[_permutation(len(z_BD), self.seed)], "ridge")

    def leave_out(self, method: str, z_BD: Tensor, probe: FittedProbe) -> None:
        """One probe of one method on the scored windows themselves, each participant held out in turn (in folds).

        All labels are known and there are `FEWEST_PARTICIPANTS`.
        """
        target_BK, who_B = self.scored.target_BK, self.scored.participant_B
        predicted_BK = torch.empty_like(target_BK)
        for held_B in folds(who_B, _OUTER_FOLDS, self.seed):
            fit_B = ~held_B
            predicted_BK[held_B] = PROBES[probe](z_BD[fit_B], target_BK[fit_B], who_B[fit_B], z_BD[held_B], self.seed)
        self.add(method, probe, 1.0, predicted_BK, who_B)

    def add(
        self,
        method: str,
        probe: AnyProbe,
        fraction: float,
        predicted_BK: Tensor,
        fitted_who_B: Tensor | None = None,
    ) -> None:
        """Score predictions; a column that is NaN throughout gives no row."""
        error_BK = (predicted_BK - self.scored.target_BK).abs()
        self.errors[method, probe, fraction] = error_BK
        for k, target in enumerate(self.targets):
            known = int(torch.isfinite(error_BK[:, k]).sum())
            if known:
                self.rows.append(
                    ProbeRow(
                        method=method,
                        probe=probe,
                        fraction=fraction,
                        target=target,
                        mae=mean_interval(error_BK[:, k], self.scored.participant_B, self.seed),
                        pearson_r=pearson_r(predicted_BK[:, k], self.scored.target_BK[:, k]),
                        windows=known,
                        fitted_windows=0 if fitted_who_B is None else len(fitted_who_B),
                        fitted_participants=0 if fitted_who_B is None else len(people(fitted_who_B)),
                    )
                )

    def trivial(self, windows: WindowSet, mean_K: Tensor | None) -> None:
        """Methods that learn nothing, on the scored windows.

        Args:
            windows: the scored ones.
            mean_K: of the labels fitted on; None: of the other participants among the scored windows.
        """
        target_BK, who_B = self.scored.target_BK, self.scored.participant_B
        everyone_BK = others_mean(self.scored) if mean_K is None else mean_K.expand_as(target_BK)
        self.add("global mean", "none", 1.0, everyone_BK)
        own_BK = torch.stack([own_mean(column_B, who_B) for column_B in target_BK.T], 1)
        self.add("participant's own mean", "none", 1.0, own_BK)
        spectral_BK = torch.full_like(target_BK, torch.nan)
        if "hr_bpm" in self.targets:
            spectral_BK[:, self.targets.index("hr_bpm")] = spectral_hr(
                windows.acc_BCT.float(), windows.contract.rate_hz
            )
        self.add("accelerometer spectrum", "none", 1.0, spectral_BK)

    def improvements(self, method: str, bases: list[str]) -> Iterator[ImprovementRow]:
        """`method` against each base, for every probe, fraction and target that both have."""
        for (name, probe, fraction), error_BK in self.errors.items():
            if name not in bases or probe == "none" or (method, probe, fraction) not in self.errors:
                continue
            ours_BK = self.errors[method, probe, fraction]
            for k, target in enumerate(self.targets):
                gain = improvement(error_BK[:, k], ours_BK[:, k], self.scored.participant_B, self.seed)
                yield ImprovementRow(base=name, probe=probe, fraction=fraction, target=target, improvement=gain)

    def parts(self, method: str, probe: FittedProbe, parts: Sequence[tuple[Group, str, Tensor]]) -> list[PartRow]:
        """Errors of one method with all labels, on parts of the scored windows: group, name and mask of each."""
        error_BK, who_B = self.errors[method, probe, 1.0], self.scored.participant_B
        rows = []
        for group, part, mask_B in parts:
            for k, target in enumerate(self.targets):
                known_B = mask_B & torch.isfinite(error_BK[:, k])
                if known_B.any():
                    rows.append(
                        PartRow(
                            group=group,
                            part=part,
                            method=method,
                            probe=probe,
                            target=target,
                            mae=mean_interval(error_BK[known_B, k], who_B[known_B], self.seed),
                            windows=int(known_B.sum()),
                            participants=len(people(who_B[known_B])),
                        )
                    )
        return rows


def others_mean(scored: Labelled) -> Tensor:
    """For each window the mean label of all other participants; NaN where there is nobody else."""
    known_BK = torch.isfinite(scored.target_BK)
    mean_BK = torch.empty_like(scored.target_BK)
    for who in people(scored.participant_B).who_P:
        own_B = scored.participant_B == who
        others_BK = torch.where(known_BK[~own_B], scored.target_BK[~own_B], torch.nan)
        mean_BK[own_B] = others_BK.nanmean(0)
    return mean_BK


def _permutation(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))
