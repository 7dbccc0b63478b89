"""The calibration table: what the cohort must measure like, and whether it does.

The figures are medians and 5-95 % of a still wrist, measured on the public 12-person sample of Aurora-BP (Mieloszyk et
al. 2022, IEEE J Biomed Health Inform), whose recordings are not used here; RMSSD by age is that of Sinnreich et al.
1998 (Heart 80:156), over 5 min. How near is near enough is our choice: levels to 1 dB in the median and 2 dB at the
ends, times to 20 ms (the main deflection's ends to half a period of 6.3 Hz), frequencies and the share in 5-10 Hz to
20 %, an axis's share to 0.05, jitter to a sixth, RMSSD to 20 %; "nearly always" is read as 0.8 or more.
"""

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, computed_field
from torch import Tensor

from edgeacc.cohort.config import CohortConfig, PresetName
from edgeacc.cohort.grid import RATE_HZ
from edgeacc.cohort.measures import measures
from edgeacc.cohort.rhythm import POSTURES
from edgeacc.cohort.simulate import draw, simulate
from edgeacc.progress import Progress, silent

Statistic = Literal["median", "5 %", "95 %", "mean"]
QUANTILES: dict[Statistic, float] = {"median": 0.5, "5 %": 0.05, "95 %": 0.95}
BATCH = 128
CORRECT_BPM = 5.0
PARTICIPANTS, WINDOWS_EACH = 300, 4
"""What `standard` measures: enough that its tails move by less than their ranges from seed to seed."""


class Check(BaseModel):
    """One figure of the cohort against one figure of the table."""

    model_config = ConfigDict(frozen=True)

    quantity: str
    unit: str
    statistic: Statistic
    target: str
    low: float
    high: float
    measured: float

    @computed_field  # type: ignore[prop-decorator]
    @property
    def inside(self) -> bool:
        """Whether the measured value lies in its range."""
        return self.low <= self.measured <= self.high


class CalibrationReport(BaseModel):
    """All checks of a cohort; `edgeacc cohort calibrate` prints it."""

    config: CohortConfig
    checks: tuple[Check, ...]

    @property
    def outside(self) -> tuple[Check, ...]:
        """The checks that fail."""
        return tuple(check for check in self.checks if not check.inside)


class Row(NamedTuple):
    """A quantity of the table: the values to look at, and target and range of some statistics of them."""

    quantity: str
    unit: str
    values: Callable[[Mapping[str, Tensor]], Tensor]
    wanted: Mapping[Statistic, tuple[str, float, float]]


def standard(preset: PresetName) -> CohortConfig:
    """The cohort that `edgeacc cohort calibrate` measures."""
    return CohortConfig(preset=preset, participants=PARTICIPANTS, windows_per_participant=WINDOWS_EACH)


def calibrate(config: CohortConfig, progress: Progress = silent) -> CalibrationReport:
    """Measure all windows of a cohort against the table.

    Args:
        config: at least some 40 participants, for the tails to mean something.
        progress: told of the windows measured.
    """
    parts = []
    for index_B in torch.arange(config.windows).split(BATCH):
        windows = simulate(config, index_B)
        measured = measures(windows.acc_g_BCT, windows.ppg_BCT, windows.r_peaks_BK, RATE_HZ)
        jitter = {"jitter_ms": 1000 * draw(config, index_B)[1].ballisto.jitter_s.float()}
        parts.append(measured | windows.labels | jitter)
        progress(int(index_B[-1]) + 1, config.windows)
    columns = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return CalibrationReport(config=config, checks=tuple(check for row in TABLE for check in _checks(row, columns)))


def _checks(row: Row, columns: Mapping[str, Tensor]) -> list[Check]:
    values = row.values(columns)
    return [
        Check(
            quantity=row.quantity,
            unit=row.unit,
            statistic=statistic,
            target=target,
            low=low,
            high=high,
            measured=_statistic(values, statistic),
        )
        for statistic, (target, low, high) in row.wanted.items()
    ]


def _statistic(values: Tensor, statistic: Statistic) -> float:
    """NaN where nobody of the group takes part: outside every range."""
    if not len(values):
        return math.nan
    return float(values.mean() if statistic == "mean" else values.nanquantile(QUANTILES[statistic]))


def _level(median: float, low: float, high: float, *, decibels: float) -> dict[Statistic, tuple[str, float, float]]:
    """A level in units where `decibels` is 20 (amplitude) or 10 (power): 1 dB for the median, 2 dB for the ends."""
    one, two = 10 ** (1 / decibels), 10 ** (2 / decibels)
    return {
        "median": (f"{median:g}", median / one, median * one),
        "5 %": (f"{low:g}", low / two, low * two),
        "95 %": (f"{high:g}", high / two, high * two),
    }


def _near(median: float, by: float) -> dict[Statistic, tuple[str, float, float]]:
    return {"median": (f"{median:g}", median - by, median + by)}


def _spread(
    median: float, low: float, high: float, by: float, ends_by: float
) -> dict[Statistic, tuple[str, float, float]]:
    ends: dict[Statistic, tuple[str, float, float]] = {
        "5 %": (f"{low:g}", low - ends_by, low + ends_by),
        "95 %": (f"{high:g}", high - ends_by, high + ends_by),
    }
    return _near(median, by) | ends


def _column(name: str) -> Callable[[Mapping[str, Tensor]], Tensor]:
    return lambda columns: columns[name]


def _of_postures(name: str, *postures: str) -> Callable[[Mapping[str, Tensor]], Tensor]:
    wanted = [float(POSTURES.index(posture)) for posture in postures]
    return lambda columns: columns[name][torch.isin(columns["posture"], torch.tensor(wanted))]


def _correct(*postures: str) -> Callable[[Mapping[str, Tensor]], Tensor]:
    errors = _of_postures("spectral_hr_error_bpm", *postures)
    return lambda columns: (errors(columns) < CORRECT_BPM).float()


def _of_age(name: str, low_y: float, high_y: float) -> Callable[[Mapping[str, Tensor]], Tensor]:
    return lambda columns: columns[name][(columns["age_y"] >= low_y) & (columns["age_y"] < high_y)]


TABLE: tuple[Row, ...] = (
    Row("beat average, best axis, peak to peak", "mg", _column("beat_height_mg"), _level(5.5, 3, 12, decibels=20)),
    Row("accelerometer's SNR per beat, 2-25 Hz", "ratio", _column("beat_snr"), _level(0.25, 0.08, 1.0, decibels=10)),
    Row("PPG's SNR per beat, 0.5-10 Hz", "dB", _column("pulse_snr_db"), _spread(14.6, 2, 21, 1, 2)),
    Row("beat average: 10 % of energy below", "Hz", _column("energy_10_hz"), _near(3.4, 0.68)),
    Row("beat average: 50 % of energy below", "Hz", _column("energy_50_hz"), _near(6.3, 1.26)),
    Row("beat average: 90 % of energy below", "Hz", _column("energy_90_hz"), _near(11.6, 2.32)),
    Row("beat average: energy in 5-10 Hz", "share", _column("share_5_10_hz"), _near(0.54, 0.108)),
    Row("energy on the best axis", "share", _column("best_axis_share"), _near(0.49, 0.05)),
    Row("energy on each other axis", "share", _column("other_axes_share"), _near(0.25, 0.05)),
    Row("main deflection after the R wave", "s", _column("main_deflection_s"), _spread(0.24, 0.10, 0.60, 0.02, 0.08)),
    Row("PPG's steepest slope after the R wave", "s", _column("ppg_slope_s"), _spread(0.28, 0.22, 0.34, 0.02, 0.02)),
    Row("residual, 7-13 Hz, RMS", "mg", _column("tremor_mg"), _level(1.56, 1.1, 2.8, decibels=20)),
    Row("noise floor at 25-31 Hz", "ug/sqrt(Hz)", _column("floor_ug"), {"median": ("165-205", 165, 205)}),
    Row("breathing, 0.15-0.5 Hz, RMS", "mg", _column("breathing_mg"), _level(0.8, 0.23, 3.1, decibels=20)),
    Row("beat-time jitter drawn, lying", "ms", _of_postures("jitter_ms", "supine"), _near(6, 1)),
    Row("beat-time jitter drawn, else", "ms", _of_postures("jitter_ms", "seated", "held"), _near(12, 2)),
    Row(
        "HR by spectrum within 5 bpm, lying",
        "share",
        _correct("supine"),
        {"mean": ("nearly always", 0.8, 1.0)},
    ),
    Row(
        "HR by spectrum within 5 bpm, else",
        "share",
        _correct("seated", "held"),
        {"mean": ("0.31-0.54", 0.31, 0.54)},
    ),
    Row("RMSSD at 35-44 years", "ms", _of_age("rmssd_ms", 35, 45), _near(32, 6.4)),
    Row("RMSSD at 45-54 years", "ms", _of_age("rmssd_ms", 45, 55), _near(24, 4.8)),
    Row("RMSSD at 55-65 years", "ms", _of_age("rmssd_ms", 55, 65), _near(22, 4.4)),
)
