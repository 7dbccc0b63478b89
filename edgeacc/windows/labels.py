"""The labels of a window: one name and unit each, the same in every store; what is not known is NaN."""

from typing import Literal

RHYTHM = ("hr_bpm", "sdnn_ms", "rmssd_ms")
"""Heart rate and its variability under these names are the truth: of the generator's beats, or of a reference (an ECG);
NaN where there is none."""

DEVICE_PREFIX = "device_"
"""The same as a watch would give them, from its own noisy PPG: `device_hr_bpm` ..."""

LABELS = (
    *RHYTHM,
    *(DEVICE_PREFIX + name for name in RHYTHM),
    "device_intervals",
    "breathing_rate_hz",
    "acc_snr",
    "ppg_snr_db",
    "posture",
    "age_y",
    "sex",
    "bmi_kg_m2",
    "pwv_m_s",
    "motion_mg",
    "ppg_quality",
    "reference_quality",
)
"""All label columns of a store. `device_intervals` is 1 where the device labels come from intervals that the device
itself reported, 0 where they come from beats detected in its PPG."""

Source = Literal["truth", "device"]


def column(name: str, source: Source) -> str:
    """The column of a label by its source; only the rhythm labels exist twice."""
    return DEVICE_PREFIX + name if source == "device" and name in RHYTHM else name
