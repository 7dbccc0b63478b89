"""Two streams that each count their own time: how far apart their clocks are, told by the heartbeat that both carry.

An Empatica E4 gives every stream a start in whole seconds and a nominal rate. In most of 28 such recordings the PPG is
late by 1 to 2 s against the accelerometer, and the difference drifts by up to 2 s an hour (docs/findings.md): as
recorded, hardly a pair of windows belongs together.

Legend: `D` delays tried, `G` clocks tried (pairs of an offset and a drift).
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgeacc.signals.beat_locked import beat_trains, energy_by_delay

LARGEST_OFFSET_S = 3.0
"""Starts that are known to the second, and what a device's own filters delay (our estimate)."""
LARGEST_DRIFT_S_PER_H = 2.0
"""560 parts in a million between two nominal rates (our estimate; quartz keeps 100)."""
USUAL_DRIFT_S_PER_H = 1.0
"""Standard deviation of drifts, which weighs against larger ones (our estimate)."""
CONTROLS = 40
"""Fits to beats moved at random; the fit to the true ones must beat them all (1 chance in 41 without a heartbeat)."""
JITTER_S = 0.4
"""By how much beats are moved, uniformly to both sides: nothing stays locked."""
FEWEST_WINDOWS = 4
"""Fewer windows than this tell no clock (our choice)."""
_OFFSET_STEP_S = 1 / 32
_DRIFT_STEP_S_PER_H = 0.2


class Clock(NamedTuple):
    """How much later the PPG's clock is than the accelerometer's: by how much to delay the accelerometer."""

    offset_s: float = 0.0
    drift_s_per_h: float = 0.0

    def delay_s(self, at_s: float) -> float:
        """The delay at a time of the recording."""
        return self.offset_s + self.drift_s_per_h * at_s / 3600

    @property
    def is_possible(self) -> bool:
        """Whether two real clocks drift apart so fast."""
        return abs(self.drift_s_per_h) <= LARGEST_DRIFT_S_PER_H + 1e-9

    def plus(self, rest: "Clock") -> "Clock":
        """This clock, corrected by what was found behind it."""
        return Clock(self.offset_s + rest.offset_s, self.drift_s_per_h + rest.drift_s_per_h)


class ClockSearch:
    """The search for the clock under which most of the accelerometer is locked to the PPG's beats.

    A deflection may come anywhere in 0.7 s around a beat, so a clock is told to about a quarter of a second.
    Each window's energy over the delays is standardised, so that none outweighs the others; a clock's score is the sum
    over the windows, less half the square of its drift over the usual one.

    Args:
        acc_BCT: (B, C, T) prepared accelerometer of windows cut at the same times on both clocks; NaN is nothing.
        beats_BK: (B, K) beats of their PPG, seconds from the window's start, NaN-padded.
        at_s_B: (B,) time of each window, all within an hour or so.
        rate_hz: of the samples.
    """

    def __init__(self, acc_BCT: Tensor, beats_BK: Tensor, at_s_B: NDArray[np.float64], rate_hz: float) -> None:
        """Score every clock."""
        self.rate_hz = rate_hz
        reach = round(LARGEST_OFFSET_S * rate_hz)
        self.delays = range(-reach, reach + 1, max(1, round(_OFFSET_STEP_S * rate_hz)))
        self.acc_BCT = acc_BCT.float().nan_to_num(0.0)
        self.beats_BK = beats_BK
        self.clocks, self._place_BG, self._penalty_G = _grid(np.array(self.delays) / rate_hz, at_s_B)
        self._score_BG = self._scores(beats_BK)
        self._total_G = self._score_BG.sum(0) - self._penalty_G

    @property
    def best(self) -> Clock:
        """Fitted to all windows."""
        return self.clocks[int(self._total_G.argmax())]

    def of_others(self) -> list[Clock]:
        """For each window the clock fitted to all OTHER windows.

        No window takes part in choosing its own delay, so that a match found later is no work of the alignment.
        """
        return [self.clocks[best] for best in (self._total_G - self._score_BG).argmax(1)]

    def evidence(self) -> float:
        """The best score over that of the best of `CONTROLS` fits to moved beats; above 1 the heartbeat tells it."""
        generator = torch.Generator().manual_seed(0)
        strongest = 1e-9
        for _ in range(CONTROLS):
            jitter_BK = JITTER_S * (2 * torch.rand(self.beats_BK.shape, generator=generator) - 1)
            total_G = self._scores(self.beats_BK + jitter_BK).sum(0) - self._penalty_G
            strongest = max(strongest, float(total_G.max()))
        return float(self._total_G.max()) / strongest

    def _scores(self, beats_BK: Tensor) -> NDArray[np.float64]:
        trains = beat_trains(beats_BK, self.rate_hz, self.acc_BCT.shape[2])
        energy_BD = energy_by_delay(self.acc_BCT, trains, self.rate_hz, self.delays).double().numpy()
        spread_B1 = np.maximum(energy_BD.std(1, keepdims=True), 1e-12)
        standard_BD = (energy_BD - energy_BD.mean(1, keepdims=True)) / spread_B1
        return np.take_along_axis(standard_BD, self._place_BG, 1)


def _grid(
    delay_s_D: NDArray[np.float64], at_s_B: NDArray[np.float64]
) -> tuple[list[Clock], NDArray[np.int64], NDArray[np.float64]]:
    """All clocks, for each window the delay that each means (its place among those tried), and their penalties."""
    middle_s = float(at_s_B.mean())
    steps = round(LARGEST_DRIFT_S_PER_H / _DRIFT_STEP_S_PER_H)
    drift_G = np.repeat(np.arange(-steps, steps + 1) * _DRIFT_STEP_S_PER_H, len(delay_s_D))
    middle_delay_s_G = np.tile(delay_s_D, 2 * steps + 1)
    clocks = [Clock(float(d - s * middle_s / 3600), float(s)) for d, s in zip(middle_delay_s_G, drift_G, strict=True)]
    delay_s_BG = middle_delay_s_G + drift_G * (at_s_B[:, None] - middle_s) / 3600
    place_BG = np.round((delay_s_BG - delay_s_D[0]) / (delay_s_D[1] - delay_s_D[0])).astype(np.int64)
    return clocks, place_BG.clip(0, len(delay_s_D) - 1), 0.5 * (drift_G / USUAL_DRIFT_S_PER_H) ** 2
