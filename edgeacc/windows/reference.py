"""Labels from a reference: the R peaks of an ECG, marked by a data set or found in its raw signal."""

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeacc.recordings.recording import Recording, Stream, irregular
from edgeacc.signals.beats import INTERVAL_RANGE_S, labels_of, rate_and_variability
from edgeacc.signals.ecg import LEAST_HZ, r_peaks
from edgeacc.windows.device_beats import beats_within, padded
from edgeacc.windows.labels import RHYTHM

Source = Literal["marked R peaks", "R peaks found in the ECG"]


class Reference(NamedTuple):
    """What a reference tells of some windows.

    Attributes:
        labels: `hr_bpm`, `sdnn_ms`, `rmssd_ms` -> (B,), NaN where the reference does not cover a window, and
            `reference_quality`, the share of it covered by intervals that can be a heart's.
        source: where the beats come from.
    """

    labels: dict[str, Tensor]
    source: Source


def reference_of(recording: Recording, start_s_B: NDArray[np.float64], window_s: float) -> Reference | None:
    """The reference's labels of windows; None where a recording has no reference.

    Beats that the data set marked go before those found here.

    Args:
        recording: as read.
        start_s_B: (B,) the windows' first samples on the PPG's clock, to which a reference belongs.
        window_s: their length.
    """
    found = _intervals(recording)
    if found is None:
        return None
    intervals, source = found
    rows = [beats_within(intervals, start_s, window_s) for start_s in start_s_B]
    labels = labels_of(rate_and_variability(padded(rows, fewest=1)))
    covered_B = torch.tensor([_covered_s(row) / window_s for row in rows])
    unknown_B = labels["hr_bpm"].isnan()
    return Reference(labels | {"reference_quality": torch.where(unknown_B, torch.nan, covered_B)}, source)


def no_reference(count: int) -> dict[str, Tensor]:
    """The labels of as many windows without one."""
    return {name: torch.full((count,), torch.nan) for name in (*RHYTHM, "reference_quality")}


def _intervals(recording: Recording) -> tuple[Stream, Source] | None:
    if recording.reference is not None:
        return recording.reference, "marked R peaks"
    ecg = recording.ecg
    if ecg is None or ecg.rate_hz < LEAST_HZ or ecg.times_s is not None:
        return None
    peaks_s = ecg.start_s + r_peaks(ecg.samples_CN[0], ecg.rate_hz)
    if len(peaks_s) < 2:
        return None
    lengths_s = np.diff(peaks_s)
    possible = lengths_s < INTERVAL_RANGE_S[1]  # across a gap there is no interval
    if possible.sum() < 2:
        return None
    stream = irregular(peaks_s[1:][possible], lengths_s[possible, None], "s", place=lambda beat: f"R peak {beat}")
    return stream, "R peaks found in the ECG"


def _covered_s(beats_s: NDArray[np.float32]) -> float:
    lengths_s = np.diff(beats_s)
    return float(lengths_s[(lengths_s > INTERVAL_RANGE_S[0]) & (lengths_s < INTERVAL_RANGE_S[1])].sum())
