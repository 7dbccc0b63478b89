"""What can be asked of the cohort."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

PresetName = Literal["calibrated", "quiet"]

MOST = 2**31
"""Participants and windows of one participant are counted in 32-bit words of the random generator's counter."""


class Preset(BaseModel):
    """A named level of accelerometer noise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    noise_scale: float
    purpose: str


PRESETS: dict[PresetName, Preset] = {
    "calibrated": Preset(noise_scale=1.0, purpose="every row of the calibration table inside its range: the headline"),
    "quiet": Preset(noise_scale=0.4, purpose="the accelerometer's residual noise times 0.4: an easier wrist"),
}


class CohortConfig(BaseModel):
    """One cohort. Window i is a pure function of these fields and i; it belongs to participant
    `first_participant + i // windows_per_participant`, whose traits depend on `seed` and that number only.
    """  # noqa: D205

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: PresetName = "calibrated"
    seed: int = Field(0, ge=0, lt=2**63)
    participants: int = Field(200, ge=1, lt=MOST)
    windows_per_participant: int = Field(20, ge=1, lt=MOST)
    first_participant: int = Field(0, ge=0, lt=MOST)
    sync_offset_ms: float = Field(0.0, ge=-500, le=500, description="the accelerometer's clock is late by this")
    ppg_r_spread_ms: float = Field(36.0, ge=0, le=60, description="SD over windows of the PPG's delay after the R peak")

    @property
    def windows(self) -> int:
        """Windows in all."""
        return self.participants * self.windows_per_participant

    @property
    def noise_scale(self) -> float:
        """Factor on the accelerometer's residual noise."""
        return PRESETS[self.preset].noise_scale
