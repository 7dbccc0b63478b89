"""The limit where every window is a candidate (a cohort), with its controls."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from edgeacc.cohort.config import CohortConfig
from edgeacc.errors import BadInput
from edgeacc.evaluation.limit import Plain, Template
from edgeacc.evaluation.matching import JITTERS_MS, Scorer, jittered, trains_of
from edgeacc.evaluation.result import Direction, Group, RetrievalRow
from edgeacc.evaluation.retrieval import Ranks, rank_scores, shuffled
from edgeacc.evaluation.rows import largest_pool, pools_within, row, strata, sweep_within
from edgeacc.evaluation.subwindows import subdivide
from edgeacc.files import parse_model
from edgeacc.windows.from_cohort import cohort_windows
from edgeacc.windows.store import Store
from edgeacc.windows.window_set import WindowSet

FEWEST_TEMPLATE_WINDOWS = 64
"""Fewer windows of other people than this do not fit a template (our estimate)."""
_TEMPLATE_WINDOWS = 1024
QUERIES = 300
CONTROL_QUERIES = 150


def spread(count: int, most: int) -> Tensor:
    """At most `most` positions, evenly over `count`."""
    kept = min(count, most)
    return torch.arange(kept) * count // max(1, kept)


@dataclass(frozen=True)
class Across:
    """One form of the limit on one set of windows, all of them candidates.

    Attributes:
        name: of the form, as rows show it.
        scorer: the form.
        windows: queries are drawn from them.
        seed: of jitter, shuffling and resampling.
    """

    name: str
    scorer: Scorer
    windows: WindowSet
    seed: int

    @classmethod
    def of(cls, store: Store, windows: WindowSet, seed: int) -> "Across":
        """The template form, fitted on the store's training windows; the plain form where these are too few."""
        fitted = template(store, windows.contract.window_s)
        if fitted is None:
            return cls("limit (plain)", Plain(windows.contract.rate_hz), windows, seed)
        return cls("limit (template)", fitted, windows, seed)

    def forward(self, queries: int = QUERIES) -> Iterator[RetrievalRow]:
        """Accelerometer asks: by pool size, by SNR quartile, posture, age, sex and BMI."""
        query_Q = spread(len(self.windows), queries)
        ranks, who_Q = self._ranks(query_Q), self.windows.participant_B[query_Q]
        for pool in pools_within(len(self.windows)):
            yield row(ranks, who_Q, group="headline", method=self.name, pool=pool, seed=self.seed)
        for pool in sweep_within(len(self.windows)):
            yield row(ranks, who_Q, group="pool", method=self.name, pool=pool, seed=self.seed)
        pool = largest_pool(len(self.windows))
        for group, name, mask_B in strata(self.windows.labels):
            mask_Q = mask_B[query_Q]
            if mask_Q.any():
                part, who = ranks.take(mask_Q), who_Q[mask_Q]
                yield row(part, who, group=group, method=self.name, variant=name, pool=pool, seed=self.seed)

    def backward(self, queries: int = QUERIES) -> RetrievalRow:
        """PPG asks."""
        query_Q = spread(len(self.windows), queries)
        score_NQ = self.scorer.scores(self.windows.acc_BCT, trains_of(self.windows.take(query_Q)))
        return self._row(rank_scores(score_NQ.T, query_Q), query_Q, "headline", direction="ppg->acc")

    def same_participant(self, queries: int = CONTROL_QUERIES) -> RetrievalRow:
        """Only windows of the same person compete."""
        query_Q, who_B = spread(len(self.windows), queries), self.windows.participant_B
        ranks = self._ranks(query_Q, allowed_QN=who_B[query_Q][:, None] == who_B[None])
        variant = "same participant only"
        return row(ranks, who_B[query_Q], group="control", method=self.name, variant=variant, seed=self.seed)

    def wrong_pairs(self, queries: int = CONTROL_QUERIES) -> RetrievalRow:
        """Another window's PPG is called the true one."""
        query_Q = spread(len(self.windows), queries)
        wrong_B = shuffled(torch.zeros(len(self.windows)), self.seed)
        return self._row(self._ranks(query_Q, true_Q=wrong_B[query_Q]), query_Q, "control", "shuffled pairs")

    def jittered(self, jitter_ms: float, queries: int = CONTROL_QUERIES) -> RetrievalRow:
        """All beat times are moved at random."""
        query_Q = spread(len(self.windows), queries)
        ranks = self._ranks(query_Q, beats_BK=jittered(self.windows.beats_BK, jitter_ms, self.seed))
        return self._row(ranks, query_Q, "control", f"beats jittered by {jitter_ms:g} ms")

    def independent_beats(self, store: Store, queries: int = CONTROL_QUERIES) -> RetrievalRow:
        """The accelerometer's heartbeats are drawn anew."""
        query_Q = spread(len(self.windows), queries)
        other = independent_beats(store, self.windows.take(query_Q))
        return self._row(self._ranks(query_Q, acc_QCT=other.acc_BCT), query_Q, "control", "independent beats")

    def _ranks(
        self,
        query_Q: Tensor,
        *,
        true_Q: Tensor | None = None,
        acc_QCT: Tensor | None = None,
        beats_BK: Tensor | None = None,
        allowed_QN: Tensor | None = None,
    ) -> Ranks:
        acc_QCT = self.windows.acc_BCT[query_Q] if acc_QCT is None else acc_QCT
        score_QN = self.scorer.scores(acc_QCT, trains_of(self.windows, beats_BK))
        return rank_scores(score_QN, query_Q if true_Q is None else true_Q, allowed_QN)

    def _row(
        self, ranks: Ranks, query_Q: Tensor, group: Group, variant: str = "", direction: Direction = "acc->ppg"
    ) -> RetrievalRow:
        pool, who_Q = largest_pool(len(self.windows)), self.windows.participant_B[query_Q]
        return row(
            ranks, who_Q, group=group, method=self.name, variant=variant, direction=direction, pool=pool, seed=self.seed
        )


def across_participants(store: Store, windows: WindowSet, seed: int) -> Iterator[RetrievalRow]:
    """All rows of a cohort's limit."""
    limit = Across.of(store, windows, seed)
    yield from limit.forward()
    yield limit.backward()
    yield limit.same_participant()
    yield limit.wrong_pairs()
    for jitter_ms in JITTERS_MS:
        yield limit.jittered(jitter_ms)
    if store.manifest.source == "cohort" and windows.contract == store.manifest.contract:
        yield limit.independent_beats(store)


def template(store: Store, window_s: float) -> Template | None:
    """The template of the store's training windows, cut to `window_s`; None where there are too few."""
    if store.count("train") < FEWEST_TEMPLATE_WINDOWS:
        return None
    train = subdivide(store.load("train", limit=_TEMPLATE_WINDOWS), window_s)
    partner_B = torch.arange(len(train)).roll(len(train) // 2)
    band_hz = train.contract.acc_band_hz
    return Template.fit(train.acc_BCT, train.beats_BK, partner_B, train.contract.rate_hz, band_hz)


def independent_beats(store: Store, windows: WindowSet) -> WindowSet:
    """The same windows of the same cohort, the accelerometer's heartbeats drawn anew.

    Raises:
        BadInput: the store is not a cohort's, it says so wrongly, or this version makes other windows than it holds.
    """
    if "cohort" not in store.manifest.provenance:
        raise BadInput(f"store {store.path} does not say how its cohort was made", valid="a store by cohort make")
    config = parse_model(store.manifest.provenance["cohort"], CohortConfig, where=f"store {store.path}, its cohort")
    again = cohort_windows(config, windows.window_id_B[:4], windows.contract)
    if not torch.allclose(again.acc_BCT.float(), windows.acc_BCT[:4].float(), atol=0.02):
        raise BadInput(
            f"store {store.path} holds other windows than this version of the cohort makes",
            valid="a store made by this version",
            next_command="edgeacc cohort make -o STORE",
        )
    return cohort_windows(config, windows.window_id_B, windows.contract, independent_beats=True)
