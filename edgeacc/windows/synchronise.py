"""The windows of a recording: on the clock that its streams share, or brought together by the heartbeat."""

from typing import NamedTuple

import numpy as np

from edgeacc.recordings.recording import Recording
from edgeacc.signals.beats import detect_beats
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.prepare import prepare_acc, prepare_ppg
from edgeacc.signals.quality import Fault
from edgeacc.windows.align import Aligned
from edgeacc.windows.clocks import FEWEST_WINDOWS, Clock, ClockSearch
from edgeacc.windows.sieve import STEPS_PER_WINDOW, Pair, Sieved, fault_of, gathered, sieve

STRETCH_S = 3600.0
"""A drift is taken to be steady for so long (our choice)."""


class Synchrony(NamedTuple):
    """How two streams that each count their own time were brought together.

    Attributes:
        delay_s: least and largest delay of the accelerometer.
        windows_told: windows whose delay the heartbeat told; the others have what is usual for the device, or what
            the stretch before them had.
    """

    delay_s: tuple[float, float]
    windows_told: int


def paired(recording: Recording, aligned: Aligned, contract: SignalContract) -> tuple[Sieved, Synchrony | None]:
    """Sieve a recording.

    Where the streams share a clock, once. Where not, hour by hour: windows are sieved by the clock known so far, the
    heartbeat in them tells the clock's error, and they are sieved again; then each gets the delay that the OTHER
    windows of its hour tell.

    Returns:
        What is kept and rejected, and how the streams were brought together; None where they share a clock.
    """
    samples = aligned.samples
    if recording.ppg_late_s is None:
        return sieve(recording, aligned, contract, range(samples), Clock().delay_s), None
    clock, told, at = Clock(recording.ppg_late_s), 0, 0
    whole = Sieved()
    while at < samples:
        stretch = range(at, min(samples, at + round(STRETCH_S * contract.rate_hz)))
        first = sieve(recording, aligned, contract, stretch, clock.delay_s)
        found = _search(first.pairs, aligned, contract)
        if found is not None and found.evidence() > 1 and clock.plus(found.best).is_possible:
            clock = clock.plus(found.best)
            first = sieve(recording, aligned, contract, stretch, clock.delay_s)
            told += _delay_by_others(first, recording, aligned, contract)
        whole.pairs += first.pairs
        whole.rejected += first.rejected
        at = max(first.end, stretch.stop)
    delays_s = [(pair.ppg - pair.acc) / contract.rate_hz for pair in whole.pairs] or [recording.ppg_late_s]
    return whole, Synchrony((round(min(delays_s), 3), round(max(delays_s), 3)), told)


def _search(pairs: list[Pair], aligned: Aligned, contract: SignalContract) -> ClockSearch | None:
    """None of too few windows."""
    if len(pairs) < FEWEST_WINDOWS:
        return None
    acc_BCT = prepare_acc(gathered(aligned.acc_g, [pair.acc for pair in pairs], contract), contract)
    ppg_BCT = prepare_ppg(gathered(aligned.ppg, [pair.ppg for pair in pairs], contract), contract)
    at_s_B = np.array([pair.ppg for pair in pairs]) / contract.rate_hz
    return ClockSearch(acc_BCT, detect_beats(ppg_BCT, contract.rate_hz), at_s_B, contract.rate_hz)


def _delay_by_others(sieved: Sieved, recording: Recording, aligned: Aligned, contract: SignalContract) -> int:
    """Move each window's accelerometer by what the others tell; drop one that this brings to a fault or off the end."""
    found = _search(sieved.pairs, aligned, contract)
    if found is None:
        return 0
    moved: list[Pair] = []
    last = aligned.samples - contract.samples
    for pair, clock in zip(sieved.pairs, found.of_others(), strict=True):
        by = round(clock.delay_s(pair.ppg / contract.rate_hz) * contract.rate_hz)
        there = Pair(pair.ppg, pair.acc - by)
        fault = fault_of(recording, aligned, there, contract) if 0 <= there.acc <= last else Fault.CLOCK
        if fault is None:
            moved.append(there)
        else:
            sieved.rejected[fault] += STEPS_PER_WINDOW
    sieved.pairs[:] = moved
    return len(moved)
