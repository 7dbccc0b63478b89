"""Retrieval by the student, by its own score in the space of the alignment heads, with its controls.

Both sides' mean over the evaluated windows is removed before the score; no pairing is used for that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from edgeacc.evaluation.bootstrap import mean_interval
from edgeacc.evaluation.embed import embed
from edgeacc.evaluation.limit_across import independent_beats, spread
from edgeacc.evaluation.matching import delayed, noisier
from edgeacc.evaluation.misses import missed_retrievals
from edgeacc.evaluation.result import Direction, Group, Misses, RetrievalRow
from edgeacc.evaluation.retrieval import (
    Ranks,
    Score,
    blocks,
    centred_unit,
    rank_pairs,
    same_group_nearest,
    shuffled,
)
from edgeacc.evaluation.rows import largest_pool, pools_within, row, strata, sweep_within
from edgeacc.models.alignment import Student
from edgeacc.models.encoder import Encoder
from edgeacc.windows.store import Store
from edgeacc.windows.window_set import WindowSet

LATE_MS = (16, 31, 62, 94, 125)
"""Delays of the accelerometer in the synchronisation sweep: 1, 2, 4, 6 and 8 samples at 64 Hz."""
LOWER_DB = (3, 6, 12)
"""By how much the SNR is lowered in the sweep over it."""
CONTROL_QUERIES = 600


@dataclass(frozen=True)
class Aligned:
    """Windows as unit vectors of both sides.

    Attributes:
        student: that made them.
        windows: their samples and labels.
        acc_BE: accelerometer side, mean removed.
        ppg_BE: PPG side, mean removed.
        seed: of shuffling and resampling.
    """

    student: Student
    windows: WindowSet
    acc_BE: Tensor
    ppg_BE: Tensor
    seed: int

    @classmethod
    def of(cls, student: Student, teacher: Encoder, windows: WindowSet, seed: int) -> "Aligned":
        """Embed both sides."""
        acc_BE = _acc_side(student, windows.acc_BCT)
        ppg_BE = embed(lambda ppg_BCT: student.align_ppg(teacher.tokens(ppg_BCT)), windows.ppg_BCT)
        return cls(student, windows, centred_unit(acc_BE), centred_unit(ppg_BE), seed)

    @cached_property
    def forward(self) -> Ranks:
        """Every accelerometer window asks among all PPG windows."""
        return rank_pairs(self.acc_BE, self.ppg_BE, score=self._score)

    @cached_property
    def backward(self) -> Ranks:
        """Every PPG window asks among all accelerometer windows."""
        return rank_pairs(self.ppg_BE, self.acc_BE, score=self._score_backward)

    def misses(self) -> Misses:
        """What is different where the partner is not first of all windows."""
        return missed_retrievals(self.windows, self.forward, self._winners, self.seed)

    def headline(self) -> Iterator[RetrievalRow]:
        """Both ways by pool size, then by SNR quartile, posture, age, sex and BMI."""
        forward, backward = self.forward, self.backward
        sizes: list[tuple[Group, int | None]] = [("headline", pool) for pool in pools_within(len(self.windows))]
        sizes += [("pool", pool) for pool in sweep_within(len(self.windows))]
        for group, pool in sizes:
            yield self._row(forward, group, pool=pool)
            yield self._row(backward, group, direction="ppg->acc", pool=pool)
        pool = largest_pool(len(self.windows))
        for group, name, mask_B in strata(self.windows.labels):
            yield self._row(forward.take(mask_B), group, name, rows=mask_B, pool=pool)
        if self.student.config.form == "time-resolved":
            ranks = rank_pairs(self.student.token_part(self.acc_BE), self.ppg_BE, score=self._score)
            yield self._row(ranks, "control", "by the tokens alone", pool=pool)

    def within_participant(self, group: Group) -> Iterator[RetrievalRow]:
        """Only windows of the same person compete; both ways."""
        who_B = self.windows.participant_B
        sides: list[tuple[Direction, Tensor, Tensor, Score]] = [
            ("acc->ppg", self.acc_BE, self.ppg_BE, self._score),
            ("ppg->acc", self.ppg_BE, self.acc_BE, self._score_backward),
        ]
        for direction, query_BE, key_BE, score in sides:
            ranks = rank_pairs(query_BE, key_BE, query_group_Q=who_B, key_group_N=who_B, score=score)
            yield self._row(ranks, group, "same participant only", direction=direction)

    def wrong_pairs(self, *, within: bool = False) -> RetrievalRow:
        """Another window's PPG (of the same person if `within`) is called the true one."""
        who_B = self.windows.participant_B
        group_B = who_B if within else torch.zeros_like(who_B)
        ranks = rank_pairs(self.acc_BE, self.ppg_BE, shuffled(group_B, self.seed), group_B, group_B, self._score)
        return self._row(ranks, "control", "shuffled pairs", pool=None if within else largest_pool(len(self.windows)))

    def nearest_identity(self) -> RetrievalRow:
        """Is the nearest other accelerometer window the same person's?"""
        same_B, chance_B = same_group_nearest(self.acc_BE, self.windows.participant_B)
        return RetrievalRow(
            group="control",
            method="student",
            variant="nearest window is of the same participant",
            direction="acc->acc",
            pool=None,
            candidates=len(self.windows) - 1,
            queries=len(self.windows),
            top1=mean_interval(same_B, self.windows.participant_B, self.seed),
            top5=None,
            mean_rank=None,
            chance_top1=float(chance_B.mean()),
        )

    def late(self) -> Iterator[RetrievalRow]:
        """The accelerometer comes late by less than a beat."""
        rows_Q = spread(len(self.windows), CONTROL_QUERIES)
        for late_ms in (0, *LATE_MS):
            samples = round(late_ms / 1000 * self.windows.contract.rate_hz)
            moved_QCT = delayed(self.windows.acc_BCT[rows_Q], torch.full_like(rows_Q, samples))
            yield self._changed(moved_QCT, rows_Q, "synchronisation", f"accelerometer delayed by {late_ms} ms")

    def noisier(self) -> Iterator[RetrievalRow]:
        """The accelerometer's SNR is lowered by white noise in its band; nothing where the SNR is not known."""
        rows_Q = spread(len(self.windows), CONTROL_QUERIES)
        if "acc_snr" not in self.windows.labels:
            return
        for lower_db in LOWER_DB:
            noisy_QCT = noisier(self.windows.take(rows_Q), lower_db, self.seed)
            yield self._changed(noisy_QCT, rows_Q, "noise", f"SNR lowered by {lower_db} dB")

    def mapped(self, acc_BD: Tensor, ppg_BD: Tensor) -> RetrievalRow:
        """By the cosine of embeddings themselves, without the heads: the student's, mapped linearly, to the teacher's.

        Args:
            acc_BD: what a linear map that was fitted on other people makes of the student's embedding.
            ppg_BD: the teacher's embedding.
        """
        ranks = rank_pairs(centred_unit(acc_BD), centred_unit(ppg_BD))
        return self._row(ranks, "control", "embeddings, by a linear map", pool=largest_pool(len(self.windows)))

    def independent(self, store: Store) -> RetrievalRow:
        """The accelerometer's heartbeats are drawn anew: what is left is shared rate, not shared beats."""
        rows_Q = spread(len(self.windows), CONTROL_QUERIES)
        other = independent_beats(store, self.windows.take(rows_Q))
        return self._changed(other.acc_BCT, rows_Q, "control", "independent beats")

    @torch.no_grad()
    def _score(self, acc_QE: Tensor, ppg_NE: Tensor) -> Tensor:
        """The student's own score."""
        return self.student.score(acc_QE, ppg_NE)

    def _winners(self, query_Q: Tensor) -> Tensor:
        """For each of these windows the row of the other PPG window that scores highest."""
        found = []
        for rows in blocks(len(query_Q), len(self.windows)):
            score_QN = self._score(self.acc_BE[query_Q[rows]], self.ppg_BE)
            found.append(score_QN.scatter(1, query_Q[rows][:, None], -torch.inf).argmax(1))
        return torch.cat(found)

    def _score_backward(self, ppg_QE: Tensor, acc_NE: Tensor) -> Tensor:
        return self._score(acc_NE, ppg_QE).T

    def _changed(self, acc_QCT: Tensor, rows_Q: Tensor, group: Group, variant: str) -> RetrievalRow:
        """Other accelerometer windows ask for the PPG of these rows."""
        query_QE = centred_unit(_acc_side(self.student, acc_QCT))
        ranks = rank_pairs(query_QE, self.ppg_BE, rows_Q, score=self._score)
        return self._row(ranks, group, variant, rows=rows_Q, pool=largest_pool(len(self.windows)))

    def _row(
        self,
        ranks: Ranks,
        group: Group,
        variant: str = "",
        *,
        direction: Direction = "acc->ppg",
        rows: Tensor | None = None,
        pool: int | None = None,
    ) -> RetrievalRow:
        who_B = self.windows.participant_B
        who_Q = who_B if rows is None else who_B[rows]
        return row(
            ranks, who_Q, group=group, method="student", variant=variant, direction=direction, pool=pool, seed=self.seed
        )


def _acc_side(student: Student, acc_BCT: Tensor) -> Tensor:
    return embed(lambda part_BCT: student.align_acc(part_BCT)[0], acc_BCT)
