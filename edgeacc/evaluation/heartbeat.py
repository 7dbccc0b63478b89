"""How much of the accelerometer is locked to the heart: recording by recording, against beats moved at random."""

import torch
from pydantic import BaseModel, ConfigDict

from edgeacc.progress import Progress, silent
from edgeacc.signals.beat_locked import beat_lags, beat_trains, correlated, lagged, local_amplitude_removed
from edgeacc.windows.cut import SAMPLES_PER_RECORDING
from edgeacc.windows.window_set import WindowSet

HEARTBEAT_MG = 5.0
"""About how far a still wrist's beat moves, peak to peak (the calibration table's median is 5.5)."""
CONTROLS = 400
JITTER_S = 0.5
"""Beats of the controls are moved uniformly to both sides by up to so much: nothing stays locked (our choice)."""


class Heartbeat(BaseModel):
    """One recording's energy of the beat-locked average of all its windows, over the mean of its controls.

    Attributes:
        recording: its number in the store.
        participant: whose it is, an opaque number.
        windows: of the recording.
        beats: in them.
        energy: over the mean of `CONTROLS` controls; 1 is nothing.
        largest_control: the largest of the controls, over their mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recording: int
    participant: int
    windows: int
    beats: int
    energy: float
    largest_control: float

    @property
    def seen(self) -> bool:
        """Whether no control has as much: one chance in `CONTROLS` + 1 without a heartbeat."""
        return self.energy > self.largest_control


def heartbeats(windows: WindowSet, *, seed: int = 0, progress: Progress = silent) -> list[Heartbeat]:
    """Measure each recording of these windows; those without a beat are left out."""
    number_B = windows.window_id_B // SAMPLES_PER_RECORDING
    numbers = number_B.unique().tolist()
    found = []
    for done, number in enumerate(numbers, 1):
        own = windows.take(number_B == number)
        if own.beats_BK.isfinite().any():
            found.append(_heartbeat(own, int(number), seed))
        progress(done, len(numbers))
    return found


def _heartbeat(windows: WindowSet, number: int, seed: int) -> Heartbeat:
    rate_hz, samples, lags = windows.contract.rate_hz, windows.contract.samples, beat_lags(windows.contract.rate_hz)
    generator = torch.Generator().manual_seed(seed)
    sum_NCL, beats_N = torch.zeros(1), torch.zeros(1)
    for acc_CT, beats_K in zip(windows.acc_BCT, windows.beats_BK, strict=True):
        beats_K = beats_K[beats_K.isfinite()]  # so that the draws do not depend on the other recordings
        shift_NK = JITTER_S * (2 * torch.rand(CONTROLS + 1, len(beats_K), generator=generator) - 1)
        shift_NK[0] = 0.0
        trains = beat_trains(beats_K + shift_NK, rate_hz, samples)
        even_1CT = local_amplitude_removed(acc_CT[None].nan_to_num(0.0), rate_hz)
        sum_NCL = sum_NCL + correlated(trains, lagged(even_1CT, lags))[:, 0]
        beats_N = beats_N + trains.beats_N
    energy_N = sum_NCL.square().sum((1, 2)) / beats_N.clamp(min=1)
    usual = energy_N[1:].mean().clamp(min=1e-12)
    return Heartbeat(
        recording=number,
        participant=int(windows.participant_B[0]),
        windows=len(windows),
        beats=int(windows.beats_BK.isfinite().sum()),
        energy=float(energy_N[0] / usual),
        largest_control=float(energy_N[1:].max() / usual),
    )
