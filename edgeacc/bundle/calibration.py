"""The calibration set: training windows that set activation ranges and fit the heart-rate probe."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from edgeacc.bundle.manifest import CalibrationRecord
from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.simulate import simulate
from edgeacc.compression.calibration import Strata, require_signal, strata, stratified
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


_CHOICE = 4
"""Windows to choose from, for each that is wanted (our choice)."""


@dataclass(frozen=True)
class CalibrationSet:
    """Training windows.

    Attributes:
        acc_BCT: prepared (B, 3, T) float32.
        rhythm_BK: heart rate and its variability in the order of `RHYTHM`, the truth where it is known and the device's
            elsewhere, NaN where neither is.
        participant_B: whose they are.
        window_id_B: their names in the store or cohort.
        among: their strata of heart rate and signal-to-noise ratio.
        origin: the store or cohort that they come from, in words.
    """

    acc_BCT: Tensor
    rhythm_BK: Tensor
    participant_B: Tensor
    window_id_B: Tensor
    among: Strata
    origin: str

    def spread(self, count: int) -> "CalibrationSet":
        """At most `count` of the windows, as many of each stratum as of any other."""
        index_B = stratified(self.among, count)
        return CalibrationSet(
            self.acc_BCT[index_B],
            self.rhythm_BK[index_B],
            self.participant_B[index_B],
            self.window_id_B[index_B],
            self.among._replace(of_B=self.among.of_B[index_B]),
            self.origin,
        )

    def record(self, wanted: int) -> CalibrationRecord:
        """What `calibration.json` says of these windows, where the recipe wanted that many."""
        count = len(self.acc_BCT)
        digest = hashlib.sha256(self.acc_BCT.contiguous().numpy().tobytes()).hexdigest() if count else None
        return CalibrationRecord(
            origin=self.origin,
            windows=count,
            participants=len(self.participant_B.unique()),
            sha256=digest,
            strata=self.among.sizes(torch.arange(count)),
            window_ids=tuple(self.window_id_B.tolist()),
            warnings=_warnings(count, wanted),
        )


def calibration_set(store: Path | None, contract: SignalContract, wanted: int) -> CalibrationSet:
    """Windows of a store's training participants, or of the cohort.

    Args:
        store: None for people of the cohort who are in no store (`COHORT`).
        contract: of the network.
        wanted: the most windows that any recipe calibrates on.

    Raises:
        BadInput: not a store, one of another contract, without training windows, or with constant ones.
    """
    count = max(wanted, FEWEST_WINDOWS)
    return _from_cohort(contract, count) if store is None else _from_store(store, contract, count)


def _from_cohort(contract: SignalContract, count: int) -> CalibrationSet:
    cohort = COHORT.model_copy(update={"participants": count})
    raw = simulate(cohort, torch.arange(cohort.windows))
    first = cohort.first_participant
    origin = f"cohort {cohort.preset}, seed {cohort.seed}, participants {first} to {first + count - 1}, in no store"
    rhythm_BK = torch.stack([raw.labels[name] for name in RHYTHM], dim=1)
    among = strata(rhythm_BK[:, 0], raw.labels["acc_snr"])
    acc_BCT = prepare_acc(raw.acc_g_BCT, contract)
    return CalibrationSet(acc_BCT, rhythm_BK, raw.participant_B, torch.arange(count), among, origin)


def _from_store(store: Path, contract: SignalContract, count: int) -> CalibrationSet:
    """Chosen among more windows than are wanted, since fast hearts and faint heartbeats are rare."""
    opened = open_store(store, contract)
    windows = opened.load("train", _CHOICE * count)
    origin = f"store {store.name} ({opened.manifest.name}), training participants"
    rhythm_BK = _rhythm(windows)
    among = strata(rhythm_BK[:, 0], windows.labels["acc_snr"])
    whole = CalibrationSet(windows.acc_BCT, rhythm_BK, windows.participant_B, windows.window_id_B, among, origin)
    found = whole.spread(count)
    require_signal(found.acc_BCT, found.window_id_B, origin)
    return replace(found, acc_BCT=found.acc_BCT.float())


def _rhythm(windows: WindowSet) -> Tensor:
    truth_BK, device_BK = (windows.target(RHYTHM, source) for source in ("truth", "device"))
    return torch.where(torch.isfinite(truth_BK), truth_BK, device_BK)


def _warnings(count: int, wanted: int) -> tuple[str, ...]:
    if wanted == 0:
        return ()
    if count < FEWEST_GOOD:
        return (f"calibrated on {count} windows: fewer than {FEWEST_GOOD} may miss rare peaks",)
    return (f"the recipe wants {wanted} calibration windows, there are {count}",) if count < wanted else ()
