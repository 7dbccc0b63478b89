"""The limit where each participant's windows compete among themselves (recordings), with its controls."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgeacc.evaluation.limit import Plain
from edgeacc.evaluation.matching import JITTERS_MS, by_participant, delayed, jittered, trains_of
from edgeacc.evaluation.result import Direction, Group, RetrievalRow
from edgeacc.evaluation.retrieval import Ranks, joined, rank_scores, shuffled
from edgeacc.evaluation.rows import row
from edgeacc.signals.beat_locked import BeatTrains, energy_by_delay
from edgeacc.windows.window_set import WindowSet

DELAYS_S = (-5.0, -2.0, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 5.0)
"""Time-shifted pairs. Some seconds off, beats and shared movement are both gone; what is left is neither."""
LARGEST_DELAY_S = 3.0
"""Streams whose starts are known to the second can be this far apart (our estimate)."""
_DELAY_STEP_S = 0.125


@dataclass(frozen=True)
class Matched:
    """Ranks of all windows among those of their participant.

    Attributes:
        participant_Q: whose window each query is; the ranks are in this order.
        forward: accelerometer asks, PPG answers.
        backward: PPG asks.
        wrong: accelerometer asks for another window's PPG of the same participant.
    """

    participant_Q: Tensor
    forward: Ranks
    backward: Ranks
    wrong: Ranks


def match_within(plain: Plain, windows: WindowSet, beats_BK: Tensor | None = None, *, seed: int) -> Matched:
    """Match each participant's windows among themselves.

    Args:
        plain: the form of the limit.
        windows: every participant has two or more.
        beats_BK: other beat times than the windows' own.
        seed: of the wrong pairs.
    """
    beats_BK = windows.beats_BK if beats_BK is None else beats_BK
    trains = trains_of(windows, beats_BK)
    ranks: list[tuple[Ranks, Ranks, Ranks]] = []
    groups = by_participant(windows.participant_B)
    for rows in groups:
        score_QN = plain.scores(windows.acc_BCT[rows], BeatTrains(trains.train_NT[rows], trains.beats_N[rows]))
        own, wrong = torch.arange(len(rows)), shuffled(torch.zeros(len(rows)), seed)
        ranks.append((rank_scores(score_QN, own), rank_scores(score_QN.T, own), rank_scores(score_QN, wrong)))
    forward, backward, wrong_pairs = (joined(parts) for parts in zip(*ranks, strict=True))
    return Matched(windows.participant_B[torch.cat(groups)], forward, backward, wrong_pairs)


@dataclass(frozen=True)
class Within:
    """The plain limit on one set of windows.

    Attributes:
        windows: every participant has two or more.
        seed: of jitter, wrong pairs and resampling.
        variant: how the windows were changed, as rows show it; empty for as they are.
    """

    windows: WindowSet
    seed: int
    variant: str = ""

    def forward(self, group: Group = "headline") -> RetrievalRow:
        """Accelerometer asks."""
        matched = self._match()
        return self._row(matched, matched.forward, group)

    def both_ways(self) -> Iterator[RetrievalRow]:
        """Accelerometer asks, PPG asks, and the wrong pairs."""
        matched = self._match()
        yield self._row(matched, matched.forward, "headline")
        yield self._row(matched, matched.backward, "headline", direction="ppg->acc")
        yield self._row(matched, matched.wrong, "control", "shuffled pairs")

    def jittered(self) -> Iterator[RetrievalRow]:
        """All beat times are moved at random."""
        for jitter_ms in JITTERS_MS:
            matched = self._match(jittered(self.windows.beats_BK, jitter_ms, self.seed))
            yield self._row(matched, matched.forward, "control", f"beats jittered by {jitter_ms:g} ms")

    def delayed(self, delay_s_B: Tensor, variant: str) -> "Within":
        """The same with every accelerometer window delayed."""
        by_B = (delay_s_B * self.windows.contract.rate_hz).round().long()
        return Within(replace(self.windows, acc_BCT=delayed(self.windows.acc_BCT, by_B)), self.seed, variant)

    def _match(self, beats_BK: Tensor | None = None) -> Matched:
        return match_within(Plain(self.windows.contract.rate_hz), self.windows, beats_BK, seed=self.seed)

    def _row(
        self, matched: Matched, ranks: Ranks, group: Group, variant: str = "", direction: Direction = "acc->ppg"
    ) -> RetrievalRow:
        name = ", ".join(part for part in (self.variant, variant) if part)
        who_Q = matched.participant_Q
        return row(ranks, who_Q, group=group, method="limit (plain)", variant=name, direction=direction, seed=self.seed)


def within_participants(windows: WindowSet, delay_s_B: Tensor, seed: int) -> Iterator[RetrievalRow]:
    """All rows of the limit of recordings; `delay_s_B` as by `searched_delays_s`."""
    as_they_are = Within(windows, seed)
    yield from as_they_are.both_ways()
    yield from as_they_are.jittered()
    for delay_s in DELAYS_S:
        moved = as_they_are.delayed(torch.full((len(windows),), delay_s), f"accelerometer delayed by {delay_s:g} s")
        yield moved.forward("synchronisation")
    searched = as_they_are.delayed(delay_s_B, "delay searched")
    yield searched.forward("synchronisation")
    yield from searched.jittered()


def searched_delays_s(windows: WindowSet) -> Tensor:
    """The delay of the accelerometer that suits the OTHER windows of its participant best, in seconds (B,).

    A window never takes part in the choice of its own delay. Every participant has two or more windows.
    """
    rate_hz = windows.contract.rate_hz
    step, reach = round(_DELAY_STEP_S * rate_hz), round(LARGEST_DELAY_S * rate_hz)
    delays = range(-reach, reach + 1, step)
    trains = trains_of(windows)
    delay_s_B = torch.zeros(len(windows))
    for rows in by_participant(windows.participant_B):
        own = BeatTrains(trains.train_NT[rows], trains.beats_N[rows])
        energy_BD = energy_by_delay(windows.acc_BCT[rows], own, rate_hz, delays)
        others_BD = energy_BD.sum(0) - energy_BD
        delay_s_B[rows] = torch.tensor(delays)[others_BD.argmax(1)] / rate_hz
    return delay_s_B
