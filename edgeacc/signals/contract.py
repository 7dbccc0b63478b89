"""The signal contract: what one window is, and the declared steps from raw samples to the network's input.

Training, export, bundles and firmware share this one frozen object; two parts that disagree on it refuse each other.
"""

import hashlib
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edgeacc.errors import BadInput

Axis = Literal["x", "y", "z"]

_WHOLE = 1e-6
"""Samples: a window nearer than this to a whole number of them has it (decimal seconds are rounded; our choice)."""


class SignalContract(BaseModel):
    """One window of paired signals.

    The steps are, in this order: `fill_gaps` (linear, up to `max_gap_s`), `band_pass` (linear-phase FIR, see
    `edgeacc.signals.filters`), `z_score` (per channel, over the window). Input is raw: accelerometer in g with
    gravity, PPG in any unit with the pulse's upstroke positive.

    Raises:
        BadInput: a window that is no whole number of samples.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    version: Literal[1] = 1
    rate_hz: float = Field(64.0, gt=0)
    window_s: float = Field(60.0, gt=0)
    acc_unit: Literal["g"] = "g"
    acc_axes: tuple[Axis, Axis, Axis] = ("x", "y", "z")
    acc_gravity_included: Literal[True] = True
    acc_band_hz: tuple[float, float] = (4.0, 18.0)
    acc_range_g: float = Field(8.0, gt=0)
    ppg_channels: int = Field(4, ge=1)
    ppg_band_hz: tuple[float, float] = (0.4, 8.0)
    max_gap_s: float = Field(0.2, ge=0)
    low_motion_mg: float = Field(30.0, gt=0)
    steps: tuple[str, ...] = ("fill_gaps", "band_pass", "z_score")

    @model_validator(mode="after")
    def _has_whole_samples(self) -> Self:
        exact = self.rate_hz * self.window_s
        whole = max(1, round(exact))
        if abs(exact - whole) > _WHOLE:
            raise BadInput(
                f"a window of {self.window_s:g} s at {self.rate_hz:g} Hz is no whole number of samples",
                valid=f"a whole number of samples, such as {whole / self.rate_hz!r} s",
            )
        return self

    def with_window(self, window_s: float) -> "SignalContract":
        """The same contract for windows of another length; raises as the class."""
        return SignalContract(**(self.model_dump() | {"window_s": window_s}))

    @property
    def samples(self) -> int:
        """T: samples in one window."""
        return round(self.rate_hz * self.window_s)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that two equal contracts share."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


DEFAULT = SignalContract()
