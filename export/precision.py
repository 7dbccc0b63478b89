"""In which number formats an artifact really keeps its weights and computes, as its own file tells.

A recipe says what was asked for; a converter leaves in float what it has no kernel for, or what is too small to gain.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

DYNAMIC = "int8, range of the window"
"""How a layer computes that rounds what flows in by the range of the window at hand."""


class Operation(BaseModel):
    """One operation of an artifact, except those that only change a format (QUANTIZE, cast).

    Attributes:
        operator: in the words of the artifact's format.
        name: of its first result there, or its number.
        computes: the format of what flows in: `fp32`, `fp16`, `int16`, `int8`, `DYNAMIC`.
        weights: format -> stored bytes of the constants that it reads; one that was read before counts as nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operator: str
    name: str
    computes: str
    weights: dict[str, int]


@dataclass(frozen=True)
class Stored:
    """A constant of a file: which it is, and its bytes by format (indices and their table are two)."""

    key: str
    bytes_of: dict[str, int]


@dataclass
class Reader:
    """Collects the operations of one artifact; every constant counts once."""

    operations: list[Operation] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def add(self, operator: str, name: str, computes: str, constants: Iterable[Stored]) -> None:
        """The next operation, in the order of computation."""
        weights: Counter[str] = Counter()
        for constant in constants:
            weights.update(constant.bytes_of if constant.key not in self._seen else dict.fromkeys(constant.bytes_of, 0))
            self._seen.add(constant.key)
        self.operations.append(Operation(operator=operator, name=name, computes=computes, weights=dict(weights)))


def packed_bytes(shape: Iterable[int], bits: int) -> int:
    """Of an array whose values take so many bits each, without gaps."""
    return math.ceil(math.prod(shape) * bits / 8)


def weight_bytes(operations: Iterable[Operation]) -> dict[str, int]:
    """Format -> bytes of all weights, the most first."""
    total: Counter[str] = Counter()
    for operation in operations:
        total.update(operation.weights)
    return dict(total.most_common())


def computing(operations: Iterable[Operation]) -> dict[str, dict[str, int]]:
    """Format -> operator -> how many compute in it; both with the most first."""
    found: dict[str, Counter[str]] = {}
    for operation in operations:
        found.setdefault(operation.computes, Counter())[operation.operator] += 1
    ordered = sorted(found.items(), key=lambda item: -item[1].total())
    return {computes: dict(operators.most_common()) for computes, operators in ordered}
