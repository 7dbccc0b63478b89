"""What became of a recording: every minute of it."""

from pydantic import BaseModel

from edgeacc.signals.contract import SignalContract
from edgeacc.signals.quality import Fault
from edgeacc.windows.cut import Cut
from edgeacc.windows.read import CutRecording
from edgeacc.windows.sieve import STEPS_PER_WINDOW

TAIL = "tail"
"""What is left at the end of a recording, shorter than a window."""
UNPAIRED = "no PPG"
"""All of a recording whose device has no optical sensor."""
TOLD_TO_THE_USER_ALONE = {"place", "device", "notes"}
"""Of an account: readers take words for these from the files."""


class RecordingAccount(BaseModel):
    """What became of one recording; all but `TOLD_TO_THE_USER_ALONE` goes into the store's manifest."""

    place: str
    participant: int
    format: str
    device: str
    acc_step_mg: float | None
    recorded_min: float
    windows: int
    lost_min: dict[str, float]
    device_interval_windows: int
    interval_lag_s: float | None
    reference: str | None
    reference_hr_difference_bpm: float | None
    acc_delay_s: tuple[float, float] | None
    acc_delay_told_windows: int | None
    hr_difference_bpm: float | None
    notes: tuple[str, ...]


def account_of(
    recording: CutRecording, done: Cut, contract: SignalContract, *, place: str, participant: int
) -> RecordingAccount:
    """The account of what was cut: minutes kept, and lost by reason; together they are those recorded."""
    step_min = contract.window_s / STEPS_PER_WINDOW / 60
    lost_min = {str(fault): done.rejected[fault] * step_min for fault in Fault if done.rejected[fault]}
    kept_min = len(done.windows) * contract.window_s / 60
    rest = TAIL if recording.has_ppg else UNPAIRED
    lost_min[rest] = max(0.0, done.recorded_s / 60 - kept_min - sum(lost_min.values()))
    return RecordingAccount(
        place=place,
        participant=participant,
        format=recording.format,
        device=recording.device,
        acc_step_mg=None if recording.acc_step_g is None else round(1000 * recording.acc_step_g, 3),
        recorded_min=round(done.recorded_s / 60, 3),
        windows=len(done.windows),
        lost_min={reason: round(minutes, 3) for reason, minutes in lost_min.items()},
        device_interval_windows=int(done.device.labels["device_intervals"].sum()) if len(done.windows) else 0,
        interval_lag_s=done.device.lag_s,
        reference=done.reference,
        reference_hr_difference_bpm=_difference_bpm(done) if done.reference else None,
        acc_delay_s=done.synchrony.delay_s if done.synchrony else None,
        acc_delay_told_windows=done.synchrony.windows_told if done.synchrony else None,
        hr_difference_bpm=done.device.hr_difference_bpm,
        notes=recording.notes,
    )


def _difference_bpm(done: Cut) -> float | None:
    """Median difference of the reference's heart rate and the device's, where a window has both."""
    if not len(done.windows):
        return None
    apart_bpm_B = (done.windows.labels["hr_bpm"] - done.windows.labels["device_hr_bpm"]).abs()
    return None if apart_bpm_B.isnan().all() else round(float(apart_bpm_B.nanmedian()), 3)
