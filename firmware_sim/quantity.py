"""A number of a profile: low, typical and high, its unit, what kind of number it is, and where it comes from."""

from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edgeacc.firmware_sim.band import Band

Kind = Literal["measured", "datasheet", "estimate"]
"""`measured`: on the device, by the source; `datasheet`: stated by its maker; `estimate`: ours, with the reason."""

SHORTEST_REASON = 20
"""Characters: a reason that is shorter says nothing."""


class Quantity(BaseModel):
    """A sourced number; `value = x` in TOML is short for low, typical and high of x.

    `source` names an entry of `sources.toml`; an estimate needs a `reason` instead, and may name a source as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    low: float = Field(ge=0)
    typical: float = Field(ge=0)
    high: float = Field(ge=0)
    unit: str = Field(min_length=1)
    kind: Kind
    source: str | None = None
    place: str | None = None
    reason: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, given: Any) -> Any:  # noqa: ANN401
        if not isinstance(given, dict) or "value" not in given:
            return given
        if {"low", "typical", "high"} & set(given):
            raise ValueError("either value, or low, typical and high")
        rest = {name: part for name, part in given.items() if name != "value"}
        return rest | dict.fromkeys(("low", "typical", "high"), given["value"])

    @model_validator(mode="after")
    def _is_sourced(self) -> Self:
        if not self.low <= self.typical <= self.high:
            raise ValueError("low, typical and high must not fall")
        if self.kind == "estimate" and len(self.reason or "") < SHORTEST_REASON:
            raise ValueError("an estimate needs its reason")
        if self.kind != "estimate" and not self.source:
            raise ValueError(f"a {self.kind} number needs its source, an entry of sources.toml")
        return self

    @property
    def band(self) -> Band:
        """The number itself."""
        return Band(self.low, self.typical, self.high)


def _in_unit(unit: str) -> Callable[[Quantity], Quantity]:
    def check(quantity: Quantity) -> Quantity:
        if quantity.unit != unit:
            raise ValueError(f"unit {quantity.unit!r}, must be {unit!r}")
        return quantity

    return check


def in_unit(unit: str) -> AfterValidator:
    """The validator of a field whose number is in this unit."""
    return AfterValidator(_in_unit(unit))
