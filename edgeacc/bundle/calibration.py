"""The calibration set: training windows that set activation ranges and fit the heart-rate probe."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from edgeacc.bundle.manifest import CalibrationRecord
from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.simulate import simulate
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.prepare import prepare_acc
from edgeacc.windows.labels import RHYTHM
from edgeacc.windows.store import open_store
from edgeacc.windows.window_set import WindowSet

FEWEST_WINDOWS = 512
"""The set is at least so large, if the store has them, because the probe is fitted on it too (our estimate)."""
FEWEST_GOOD = 128
"""Fewer calibration windows than this are warned about (our estimate: rare peaks set the ranges)."""
COHORT = CohortConfig(preset="calibrated", seed=20_212, windows_per_participant=1, first_participant=1_500_000_000)
"""People of the default set, one window each: `edgeacc cohort make` begins at participant 0, so that none of them is in
the test split of anybody's cohort, and none is one of the golden windows' people."""


@dataclass(frozen=True)
class CalibrationSet:
    """Training windows.

    Attributes:
        acc_BCT: prepared (B, 3, T) float32.
        rhythm_BK: heart rate and its variability in the order of `RHYTHM`, the truth where it is known and the device's
            elsewhere, NaN where neither is.
        participant_B: whose they are.
        origin: the store or cohort that they come from, in words.
    """

    acc_BCT: Tensor
    rhythm_BK: Tensor
    participant_B: Tensor
    origin: str

    def spread(self, count: int) -> "CalibrationSet":
        """At most `count` of the windows, evenly spread."""
        count = min(count, len(self.acc_BCT))
        kept_B = torch.arange(count) * len(self.acc_BCT) // max(count, 1)
        return CalibrationSet(self.acc_BCT[kept_B], self.rhythm_BK[kept_B], self.participant_B[kept_B], self.origin)

    def record(self, wanted: int) -> CalibrationRecord:
        """What `calibration.json` says of these windows, where the recipe wanted that many."""
        count = len(self.acc_BCT)
        digest = hashlib.sha256(self.acc_BCT.contiguous().numpy().tobytes()).hexdigest() if count else None
        people = len(self.participant_B.unique())
        return CalibrationRecord(
            origin=self.origin, windows=count, participants=people, sha256=digest, warnings=_warnings(count, wanted)
        )


def calibration_set(store: Path | None, contract: SignalContract, wanted: int) -> CalibrationSet:
    """Windows of a store's training participants, or of the cohort.

    Args:
        store: None for people of the cohort who are in no store (`COHORT`).
        contract: of the network.
        wanted: the most windows that any recipe calibrates on.

    Raises:
        BadInput: not a store, one of another contract, or one without training windows.
    """
    count = max(wanted, FEWEST_WINDOWS)
    return _from_cohort(contract, count) if store is None else _from_store(store, contract, count)


def _from_cohort(contract: SignalContract, count: int) -> CalibrationSet:
    cohort = COHORT.model_copy(update={"participants": count})
    raw = simulate(cohort, torch.arange(cohort.windows))
    first = cohort.first_participant
    origin = f"cohort {cohort.preset}, seed {cohort.seed}, participants {first} to {first + count - 1}, in no store"
    rhythm_BK = torch.stack([raw.labels[name] for name in RHYTHM], dim=1)
    return CalibrationSet(prepare_acc(raw.acc_g_BCT, contract), rhythm_BK, raw.participant_B, origin)


def _from_store(store: Path, contract: SignalContract, count: int) -> CalibrationSet:
    opened = open_store(store, contract)
    windows = opened.load("train", count)
    origin = f"store {store.name} ({opened.manifest.name}), training participants"
    return CalibrationSet(windows.acc_BCT.float(), _rhythm(windows), windows.participant_B, origin)


def _rhythm(windows: WindowSet) -> Tensor:
    truth_BK, device_BK = (windows.target(RHYTHM, source) for source in ("truth", "device"))
    return torch.where(torch.isfinite(truth_BK), truth_BK, device_BK)


def _warnings(count: int, wanted: int) -> tuple[str, ...]:
    if wanted == 0:
        return ()
    if count < FEWEST_GOOD:
        return (f"calibrated on {count} windows: fewer than {FEWEST_GOOD} may miss rare peaks",)
    return (f"the recipe wants {wanted} calibration windows, there are {count}",) if count < wanted else ()
