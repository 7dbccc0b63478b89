"""Participants: latent traits, a pure function of (seed, participant).

Spreads without a source are our estimates of an adult volunteer cohort.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from edgeacc.cohort.random import Key, Stream, normals


class Traits(NamedTuple):
    """One value per window, of its participant; float64. `*_axis_B3` are directions in the watch's frame."""

    age_y: Tensor
    sex: Tensor
    height_m: Tensor
    bmi_kg_m2: Tensor
    hypertension: Tensor
    pwv_m_s: Tensor
    stroke_volume_ml: Tensor
    rest_hr_bpm: Tensor
    log_sdnn_ms: Tensor
    log_rmssd_share: Tensor
    breathing_hz: Tensor
    limb_hz: Tensor
    log_limb_damping: Tensor
    log_bcg_mg: Tensor
    log_noise: Tensor
    tremor_hz: Tensor
    late_pulse: Tensor
    log_perfusion: Tensor
    bcg_axis_B3: Tensor
    local_axis_B3: Tensor


DRAWS = {
    name: 1
    for name in (
        *("age", "sex", "height", "bmi", "hypertension", "pwv", "hr", "sdnn", "share", "breathing"),
        *("limb", "damping", "bcg", "noise", "tremor", "late", "perfusion", "compliance"),
    )
} | {"bcg_axis": 3, "local_axis": 3}


def named_normals(key: Key, stream: Stream, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Standard normals by name, (B) each or (B, n) where the size is n."""
    parts = torch.split(normals(key, stream, sum(sizes.values())), list(sizes.values()), dim=1)
    return {name: part[:, 0] if part.shape[1] == 1 else part for name, part in zip(sizes, parts, strict=True)}


def traits(seed: int, participant_B: Tensor) -> Traits:
    """Draw the traits of these participants (int64, each below 2^31)."""
    z = named_normals(Key(seed, participant_B, torch.zeros_like(participant_B)), Stream.PARTICIPANT, DRAWS)
    age = (45 + 16 * z["age"]).clamp(18, 82)
    sex = (z["sex"] > 0).double()
    height = (1.63 + 0.13 * sex + 0.065 * z["height"]).clamp(1.45, 2.05)
    bmi = (26.5 * torch.exp(0.17 * z["bmi"] + 0.002 * (age - 45))).clamp(17, 48)
    rest_hr = (66 - 2.5 * (2 * sex - 1) + 0.15 * (bmi - 26) + 8 * z["hr"]).clamp(45, 98)
    hypertension = _hypertension(age, bmi, z)
    pwv = _pulse_wave_velocity(age, hypertension, z)
    return Traits(
        age_y=age,
        sex=sex,
        height_m=height,
        bmi_kg_m2=bmi,
        hypertension=hypertension.double(),
        pwv_m_s=pwv,
        stroke_volume_ml=stroke_volume_ml(age),
        rest_hr_bpm=rest_hr,
        log_sdnn_ms=_log_sdnn(age, rest_hr) + 0.36 * z["sdnn"],
        log_rmssd_share=_log_rmssd_share(age, rest_hr) + 0.2 * z["share"],
        breathing_hz=(0.24 + 0.03 * z["breathing"] + 0.0015 * (bmi - 26)).clamp(0.15, 0.36),
        limb_hz=5.7 + 1.0 * z["limb"] - 0.05 * (bmi - 26),
        log_limb_damping=0.3 * z["damping"],
        log_bcg_mg=0.26 * z["compliance"] + 0.12 * z["bcg"] - 0.5 * torch.log(bmi * height**2 / 75),
        log_noise=0.22 * z["compliance"] + 0.08 * z["noise"],
        tremor_hz=9.2 + 0.7 * z["tremor"],
        late_pulse=0.7 * z["late"] - 0.4 * torch.log(pwv / 7.0) / 0.25,
        log_perfusion=z["perfusion"],
        bcg_axis_B3=z["bcg_axis"],
        local_axis_B3=z["local_axis"],
    )


def stroke_volume_ml(age_y: Tensor) -> Tensor:
    """Stroke volume by age: the mean of the two fits in Charlton et al. 2019 (Am J Physiol 317:H1062)."""
    return ((102.35 - 0.3856 * age_y) + (42.94 - 0.1193 * age_y)) / 2


def _hypertension(age: Tensor, bmi: Tensor, z: Mapping[str, Tensor]) -> Tensor:
    """Who has it: more with age and BMI (our estimate)."""
    chance = torch.sigmoid((age - 58) / 10 + 0.08 * (bmi - 27))
    has: Tensor = torch.special.ndtr(z["hypertension"]) < chance
    return has


def _pulse_wave_velocity(age: Tensor, hypertension: Tensor, z: Mapping[str, Tensor]) -> Tensor:
    """Carotid-femoral, m/s: reference values for optimal pressure and for hypertension (Mattace-Raso et al. 2010, Eur
    Heart J 31:2338); the 12 % scatter is our estimate.
    """  # noqa: D205
    optimal = 0.00083 * age**2 + 5.55
    hypertensive = 0.044 * age + 0.00085 * age**2 + 5.73
    return torch.where(hypertension, hypertensive, optimal) * torch.exp(0.12 * z["pwv"])


def _log_sdnn(age: Tensor, hr: Tensor) -> Tensor:
    """Five-minute SDNN falls with age as the geometric means 49, 37, 37 ms at 35-44, 45-54, 55-65 years (Sinnreich et
    al. 1998, Heart 80:156); the fall with heart rate is our estimate.
    """  # noqa: D205
    return 3.75 - 0.0137 * (age - 50) - 0.010 * (hr - 66)


def _log_rmssd_share(age: Tensor, hr: Tensor) -> Tensor:
    """RMSSD over SDNN falls as 32/49, 24/37, 22/37 at the same ages; its level meets RMSSD over 60 s, not SDNN."""
    return -0.37 - 0.0046 * (age - 50) - 0.004 * (hr - 66)
