"""Yes-or-no traits of the participants, each of which shapes the signals, and one that shapes nothing.

A trait belongs to the person for good; the limits without a source are our choice, so that each class has between a
seventh and two thirds of the people. Stroke volume is no class of its own: it follows from age alone.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from edgeacc.cohort.participants import Traits, traits
from edgeacc.cohort.random import Key, Stream, normals

CONTROL = "coin (no signal carries it)"
"""The negative control: heads or tails for each participant."""

CLASSES: dict[str, Callable[[Traits], Tensor]] = {
    "age 60 y or more": lambda who: who.age_y >= 60,
    "age under 35 y": lambda who: who.age_y < 35,
    "male": lambda who: who.sex > 0,
    "height 1.76 m or more": lambda who: who.height_m >= 1.76,
    "overweight, BMI 25 or more (WHO)": lambda who: who.bmi_kg_m2 >= 25,
    "obesity, BMI 30 or more (WHO)": lambda who: who.bmi_kg_m2 >= 30,
    "body mass 90 kg or more": lambda who: who.bmi_kg_m2 * who.height_m**2 >= 90,
    "hypertension-like stiffness": lambda who: who.hypertension > 0,
    "pulse wave 10 m/s or faster (ESH/ESC 2013)": lambda who: who.pwv_m_s >= 10,
    "resting rate 75 /min or more": lambda who: who.rest_hr_bpm >= 75,
    "resting rate under 60 /min": lambda who: who.rest_hr_bpm < 60,
    "SDNN under 30 ms": lambda who: who.log_sdnn_ms.exp() < 30,
    "SDNN 65 ms or more": lambda who: who.log_sdnn_ms.exp() >= 65,
    "RMSSD under 20 ms": lambda who: (who.log_sdnn_ms + who.log_rmssd_share).exp() < 20,
    "RMSSD over SDNN .85 or more": lambda who: who.log_rmssd_share.exp() >= 0.85,
    "low fitness: rate 70 /min or more, SDNN under 40 ms": lambda who: (
        (who.rest_hr_bpm >= 70) & (who.log_sdnn_ms.exp() < 40)
    ),
    "breathing 16 /min or more": lambda who: who.breathing_hz >= 16 / 60,
    "breathing under 13 /min": lambda who: who.breathing_hz < 13 / 60,
    "low perfusion": lambda who: who.log_perfusion < -0.67,
    "late diastolic wave": lambda who: who.late_pulse >= 0.4,
    "weak recoil of the body": lambda who: who.log_bcg_mg < -0.26,
    "restless arm": lambda who: who.log_noise >= 0.2,
    "tremor faster than 9.8 Hz": lambda who: who.tremor_hz >= 9.8,
    "arm resonance under 4.8 Hz": lambda who: who.limb_hz < 4.8,
}


def health(seed: int, participant_P: Tensor) -> dict[str, Tensor]:
    """Every class of these participants and the control, by name: bool (P).

    Args:
        seed: the cohort's.
        participant_P: int64 numbers, each below 2^31.
    """
    who = traits(seed, participant_P)
    coin_P = normals(Key(seed, participant_P, torch.zeros_like(participant_P)), Stream.NOTHING, 1)[:, 0]
    return {name: of(who) for name, of in CLASSES.items()} | {CONTROL: coin_P > 0}


def confounders(seed: int, participant_P: Tensor) -> Tensor:
    """Age (y), sex (0 female, 1 male) and BMI (kg/m^2) of these participants, float64 (P, 3)."""
    who = traits(seed, participant_P)
    return torch.stack([who.age_y, who.sex, who.bmi_kg_m2], 1)
