"""Two benchmark runs beside each other: what changed, by how much, and whether that is a regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from edgeacc.benchmarks.results import EAGER, BenchResult, Row

RESAMPLES = 2000
SAME_MACHINE = ("cpu", "cores", "governor", "memory_bytes", "system")
"""What must be equal for milliseconds and bytes in memory to be compared; other versions are what is looked for."""

Quantity = Literal["p50_ms", "to_eager", "size_bytes", "above_baseline_bytes"]


class Change(BaseModel):
    """One quantity of one contender in both runs. More is worse in all of them.

    Attributes:
        name: of the contender.
        quantity: `p50_ms`, latency; `to_eager`, latency over that of PyTorch eager in the same round, which other
            machines have too; `size_bytes`; `above_baseline_bytes`, the memory that loading and calling added.
        before: its value in the first run.
        after: in the second.
        change: after / before - 1.
        low: lower end of the change's 95 % interval, a percentile bootstrap over the rounds of both runs (Efron and
            Tibshirani 1993, chapter 13); None where nothing was repeated.
        high: its upper end.
        regressed: worse by more than is allowed, and the interval holds no improvement.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    quantity: Quantity
    before: float
    after: float
    change: float
    low: float | None = None
    high: float | None = None
    regressed: bool


class Comparison(BaseModel):
    """Two runs, paired by the names of their contenders.

    Attributes:
        differs: why only ratios were compared; empty for runs of one contract on one machine.
        changes: contender by contender.
        lost: timed in the first run, there but not timed in the second: a regression too.
        only_before: contenders of the first run alone.
        only_after: of the second alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    differs: tuple[str, ...]
    changes: tuple[Change, ...]
    lost: tuple[str, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]

    @property
    def regressions(self) -> list[str]:
        """One line each, worst first."""
        worse = sorted((each for each in self.changes if each.regressed), key=lambda each: -each.change)
        return [f"{each.name}: {each.quantity} {each.change:+.1%}" for each in worse] + list(self.lost)


def compare(before: BenchResult, after: BenchResult, fail_above: float) -> Comparison:
    """Pair what both runs timed.

    Args:
        before: the run to compare with.
        after: the run in question.
        fail_above: share by which a quantity may get worse.
    """
    old, new = ({row.name: row for row in run.rows} for run in (before, after))
    both = [name for name in old if name in new]
    differs = [
        *_differences("machine", before.machine, after.machine, SAME_MACHINE),
        *(line for name in both for line in _contracts(old[name], new[name])),
    ]
    eager = _Pair(old[EAGER], new[EAGER]) if EAGER in both else None
    changes = [
        change
        for name in both
        for change in _Pair(old[name], new[name]).changes(eager, fail_above, ratios_only=bool(differs))
    ]
    lost = [
        f"{name}: was timed, now {new[name].state}{f' ({new[name].reason})' if new[name].reason else ''}"
        for name in both
        if old[name].warm and not new[name].warm
    ]
    return Comparison(
        differs=tuple(dict.fromkeys(differs)),
        changes=tuple(changes),
        lost=tuple(lost),
        only_before=tuple(name for name in old if name not in new),
        only_after=tuple(name for name in new if name not in old),
    )


@dataclass(frozen=True)
class _Pair:
    """One contender in both runs."""

    before: Row
    after: Row

    def changes(self, eager: "_Pair | None", fail_above: float, *, ratios_only: bool) -> list[Change]:
        rounds: dict[Quantity, tuple[list[float], list[float]]] = {}
        if self.before.warm and self.after.warm:
            latency_ms = list(self.before.warm.round_p50_ms), list(self.after.warm.round_p50_ms)
            if not ratios_only:
                rounds["p50_ms"] = latency_ms
            if eager is not None and eager.before.warm and eager.after.warm and self.before.name != EAGER:
                rounds["to_eager"] = (
                    _over(latency_ms[0], eager.before.warm.round_p50_ms),
                    _over(latency_ms[1], eager.after.warm.round_p50_ms),
                )
        values: dict[Quantity, tuple[float | None, float | None]] = {
            "size_bytes": (self.before.size_bytes, self.after.size_bytes)
        }
        if not ratios_only:
            values["above_baseline_bytes"] = self.before.above_baseline_bytes, self.after.above_baseline_bytes
        repeated = [_repeated(self.before.name, what, *both, fail_above) for what, both in rounds.items()]
        single = [
            _single(self.before.name, what, old, new, fail_above)
            for what, (old, new) in values.items()
            if old and new is not None
        ]
        return [*repeated, *single]


def _repeated(
    name: str, quantity: Quantity, before_R: Sequence[float], after_R: Sequence[float], fail_above: float
) -> Change:
    random = np.random.default_rng(0)
    medians = [
        np.median(np.asarray(rounds)[random.integers(len(rounds), size=(RESAMPLES, len(rounds)))], axis=1)
        for rounds in (before_R, after_R)
    ]
    low, high = (np.percentile(medians[1] / medians[0], (2.5, 97.5)) - 1).tolist()
    before, after = float(np.median(before_R)), float(np.median(after_R))
    change = after / before - 1
    return Change(
        name=name,
        quantity=quantity,
        before=before,
        after=after,
        change=change,
        low=low,
        high=high,
        regressed=change > fail_above and low > 0,
    )


def _single(name: str, quantity: Quantity, before: float, after: float, fail_above: float) -> Change:
    change = after / before - 1
    return Change(
        name=name, quantity=quantity, before=before, after=after, change=change, regressed=change > fail_above
    )


def _over(mine_ms: Sequence[float], eager_ms: Sequence[float]) -> list[float]:
    """Round by round: a drift of the machine is in both."""
    return [mine / theirs for mine, theirs in zip(mine_ms, eager_ms, strict=False)]


def _contracts(before: Row, after: Row) -> list[str]:
    if before.contract is None or after.contract is None:
        return []
    return _differences("contract", before.contract, after.contract, tuple(type(before.contract).model_fields))


def _differences(what: str, before: BaseModel, after: BaseModel, fields: Sequence[str]) -> list[str]:
    return [
        f"{what}: {field} {getattr(before, field)} -> {getattr(after, field)}"
        for field in fields
        if getattr(before, field) != getattr(after, field)
    ]
