"""Cohort: a physiological simulator of paired wrist PPG and accelerometer windows, the embedded default data.

Read `config` (what can be asked for), `simulate` (the order of things), then `rhythm`, `ppg`, `ballistocardiogram` and
`noise`; `calibration` measures the result against published figures. `docs/cohort.md` tells what is simplified.
"""

from edgeacc.cohort.config import PRESETS, CohortConfig, Preset
from edgeacc.cohort.simulate import CohortWindows, simulate

__all__ = ["PRESETS", "CohortConfig", "CohortWindows", "Preset", "simulate"]
