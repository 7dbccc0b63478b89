"""Which windows of a day the low-motion gate lets through: of a simulated wearer, or of a store's recordings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeacc.cohort.grid import RATE_HZ
from edgeacc.errors import BadInput
from edgeacc.firmware_sim.activity import Activity, acceleration, plan
from edgeacc.progress import Progress, silent
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.gate import motion_mg
from edgeacc.windows.sieve import STEPS_PER_WINDOW
from edgeacc.windows.store import Store

MOST_HOURS = 24.0 * 7
UNKNOWN = "unknown"


@dataclass(frozen=True)
class DayTrace:
    """A stretch of wear, window by window.

    Attributes:
        name: where it comes from.
        activity_B: what the wearer did in the middle of each window; `unknown` of a store.
        motion_mg_B: what the gate measured; NaN where a store holds the count alone.
        still_B: whether the gate lets the window through.
        mean_movement_mg: mean of | |a| - 1 g | over the samples; None of a store.
    """

    name: str
    activity_B: list[str]
    motion_mg_B: NDArray[np.float64]
    still_B: NDArray[np.bool_]
    mean_movement_mg: float | None


def check_hours(hours: float, contract: SignalContract) -> None:
    """Raise BadInput where hours are no stretch of wear: too few for a window, or more than a week."""
    least = contract.window_s / 3600
    if not least <= hours <= MOST_HOURS:
        raise BadInput(f"{hours:g} hours of wear", valid=f"{least:g} to {MOST_HOURS:g} hours")


def cohort_trace(contract: SignalContract, hours: float, seed: int, progress: Progress = silent) -> DayTrace:
    """The simulated wearer through the contract's own gate.

    Args:
        contract: rate, window and gate.
        hours: how long, from waking on.
        seed: the wearer and the day.
        progress: told of the minutes done.

    Raises:
        BadInput: a contract of another rate than the cohort's 64 Hz, or `check_hours`.
    """
    check_hours(hours, contract)
    if contract.rate_hz != RATE_HZ:
        raise BadInput(f"a contract at {contract.rate_hz:g} Hz", valid=f"the simulated wearer moves at {RATE_HZ:g} Hz")
    activities = plan(hours, seed)
    motion, moved_g, samples = [], 0.0, 0
    rest_3T = np.empty((3, 0), np.float32)
    for done_3T in acceleration(activities, seed):
        stream_3T = np.concatenate([rest_3T, done_3T], axis=1)
        count = stream_3T.shape[1] // contract.samples
        cut = count * contract.samples
        windows_BCT = stream_3T[:, :cut].reshape(3, count, contract.samples).transpose(1, 0, 2)
        motion.append(np.asarray(motion_mg(windows_BCT), np.float64))
        moved_g += float(np.abs(np.linalg.norm(done_3T, axis=0) - 1).sum())
        samples += done_3T.shape[1]
        rest_3T = stream_3T[:, cut:]
        progress(round(samples / RATE_HZ / 60), len(activities), "minutes of wear")
    motion_mg_B = np.concatenate(motion)
    middles = ((np.arange(len(motion_mg_B)) + 0.5) * contract.window_s / 60).astype(int)
    doing = [activities[minute].value for minute in middles]
    name = f"cohort, seed {seed}"
    return DayTrace(name, doing, motion_mg_B, motion_mg_B < contract.low_motion_mg, 1e3 * moved_g / samples)


def store_trace(store: Store, contract: SignalContract, hours: float, seed: int) -> DayTrace:
    """A stretch of wear as moved as a store's recordings: its kept windows, and the time that it rejected for motion.

    A store keeps no moving window, only how many starts were tried, a quarter of a window each, so that the order of
    the day is drawn, not recorded.

    Raises:
        BadInput: another contract's store, a cohort's (nothing of it moves), or `check_hours`.
    """
    check_hours(hours, contract)
    if store.manifest.contract != contract:
        raise BadInput(f"{store.path} was prepared by another contract", valid=f"contract {contract.digest}")
    if store.manifest.source != "recordings":
        raise BadInput(f"{store.path} holds simulated windows", valid="a store of recordings, or --trace cohort")
    kept = store.count("all")
    moving = store.manifest.rejected.get("motion", 0) / STEPS_PER_WINDOW
    still_min, moving_min = (windows * contract.window_s / 60 for windows in (kept, moving))
    rng = np.random.Generator(np.random.Philox(key=[seed, kept]))
    count = int(hours * 3600 // contract.window_s)
    still_B = rng.random(count) < kept / (kept + moving)
    name = f"store {store.path.name}: {still_min:.4g} min kept, {moving_min:.4g} min rejected for motion; seed {seed}"
    return DayTrace(name, [UNKNOWN] * count, np.full(count, np.nan), still_B, None)


def minutes_by_activity(trace: DayTrace, contract: SignalContract) -> dict[str, float]:
    """Minutes of each activity, of whole windows."""
    names = [activity.value for activity in Activity] + [UNKNOWN]
    found = {name: trace.activity_B.count(name) * contract.window_s / 60 for name in names}
    return {name: minutes for name, minutes in found.items() if minutes}
