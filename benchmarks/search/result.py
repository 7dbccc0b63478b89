"""What a search found, as it is kept: every candidate with what it costs, and those that no other one beats."""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from edgeacc.benchmarks.search.budget import ERRORS, Limit
from edgeacc.compression.schemes import Weights
from edgeacc.evaluation.bootstrap import Interval

TARGET_OF = {"d_hr_bpm": "hr_bpm", "d_sdnn_ms": "sdnn_ms", "d_rmssd_ms": "rmssd_ms"}
"""Field -> what the probe predicts."""
_COMPARED = {"size_bytes": 1.0, "d_hr_bpm": 1.0, "latency_ms": 1.05, "device_ms": 1.0}
"""What a front is of; timings on this machine that differ by less than a twentieth count as the same (our choice)."""
PROBE = "mlp"
"""Whose errors are told; that of the other stands in each bundle's report (`edgeacc compress report`)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measured(_Frozen):
    """One candidate that passed its recipe's parity gate.

    Attributes:
        name: of its folder among the bundles.
        checkpoint: what it was made from; the first of a search is the whole network.
        recipe: how.
        layers: of a mixed recipe.
        size_bytes: of the artifact.
        snr_db: against its own checkpoint, mean-removed, on held-out windows.
        errors: measure (`d_hr_bpm`, ...) -> how much larger the error is than the whole network's, on held-out people.
        parts: the same as a part of the whole network's error.
        latency_ms: median of a call on this machine, one thread; None where no runtime of the target is here.
        flash_bytes: on the device; so `ram_bytes`, `device_ms` and `energy_uj`, the last two typical; None without a
            device, or for what does not run there.
    """

    name: str
    checkpoint: str
    recipe: str
    layers: dict[str, Weights]
    size_bytes: int
    snr_db: float
    errors: dict[str, Interval]
    parts: dict[str, Interval]
    latency_ms: float | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    device_ms: float | None = None
    energy_uj: float | None = None

    def value(self, measure: str) -> float | None:
        """Of any measure that a budget can limit; None where it is not known."""
        if measure in ERRORS:
            return self.errors[measure].value if measure in self.errors else None
        value: float | None = getattr(self, measure)
        return value


class Refused(_Frozen):
    """One candidate that is none: rejected by its parity gate, or refused by a converter or a device."""

    name: str
    checkpoint: str
    recipe: str
    problem: str


class SearchResult(_Frozen):
    """A whole search.

    Attributes:
        target: where the artifacts run.
        device: whose memory and time are told; None where none was asked for.
        store_digest: whose windows judged them.
        windows: of test participants; participants: how many these are.
        whole: error of the whole network, by measure.
        measured: the candidates, by size.
        refused: what could not be measured, and why.
    """

    schema_version: Literal[1] = 1
    target: str
    device: str | None
    store_digest: str
    windows: int
    participants: int
    whole: dict[str, Interval]
    measured: tuple[Measured, ...]
    refused: tuple[Refused, ...]

    @property
    def front(self) -> list[Measured]:
        """Those that no other one beats in size, heart-rate error and, where known of both, latency and device time."""
        return [each for each in self.measured if not any(_beats(other, each) for other in self.measured)]


def meeting(measured: Sequence[Measured], budget: Sequence[Limit]) -> list[Measured]:
    """The candidates that meet every limit, best first: the smallest, or, where no error is limited, the most right."""
    fitting = [each for each in measured if all(_part(each, limit) <= 1 for limit in budget)]
    limited = any(limit.measure in ERRORS for limit in budget)
    return sorted(
        fitting, key=lambda each: (each.size_bytes, _error(each)) if limited else (_error(each), each.size_bytes)
    )


def nearest(measured: Sequence[Measured], budget: Sequence[Limit]) -> tuple[Measured, list[str]]:
    """Of candidates that do not meet a budget, the one that misses by the smallest part, and what it misses."""
    best = min(measured, key=lambda each: max(_part(each, limit) for limit in budget))
    missed = []
    for limit in budget:
        value = best.value(limit.measure)
        if value is None:
            missed.append(f"{limit.text}: not known of it")
        elif value > limit.most:
            missed.append(f"{limit.text}: it has {limit.told(value)}")
    return best, missed


def unreachable(measured: Sequence[Measured], budget: Sequence[Limit]) -> list[str]:
    """The limits that no candidate meets, even alone, with the least that there is."""
    found = []
    for limit in budget:
        values = [(value, each.name) for each in measured if (value := each.value(limit.measure)) is not None]
        if not values:
            found.append(f"{limit.text}: known of no candidate")
        elif min(values)[0] > limit.most:
            found.append(f"{limit.text}: the least is {limit.told(min(values)[0])}, {min(values)[1]}")
    return found


def _part(each: Measured, limit: Limit) -> float:
    """How much of the limit it takes; infinite where that is not known."""
    value = each.value(limit.measure)
    if value is None:
        return math.inf
    return value / limit.most if limit.most else (math.inf if value > 0 else 0.0)


def _error(each: Measured) -> float:
    error = each.value("d_hr_bpm")
    return math.inf if error is None else error


def _beats(one: Measured, other: Measured) -> bool:
    """At most as much of everything that is known of both, and less of something."""
    pairs = [(one.value(measure), other.value(measure), slack) for measure, slack in _COMPARED.items()]
    known = [(a, b, slack) for a, b, slack in pairs if a is not None and b is not None]
    return all(a <= b * slack for a, b, slack in known) and any(a * slack < b for a, b, slack in known)
