"""The signal contract: what one window is, and the declared steps from raw samples to the network's input.

Training, export, bundles and firmware share this one frozen object; two parts that disagree on it refuse each other.
"""

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Axis = Literal["x", "y", "z"]


class SignalContract(BaseModel):
    """One window of paired signals.

    The steps are, in this order: `fill_gaps` (linear, up to `max_gap_s`), `band_pass` (linear-phase FIR, see
    `edgeacc.signals.filters`), `z_score` (per channel, over the window). Input is raw: accelerometer in g with
    gravity, PPG in any unit with the pulse's upstroke positive.
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
    max_gap_s: float = Field(0.25, ge=0)
    low_motion_mg: float = Field(30.0, gt=0)
    steps: tuple[str, ...] = ("fill_gaps", "band_pass", "z_score")

    @property
    def samples(self) -> int:
        """T: samples in one window."""
        return round(self.rate_hz * self.window_s)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that two equal contracts share."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


DEFAULT = SignalContract()
