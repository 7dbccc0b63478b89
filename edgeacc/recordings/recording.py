"""What a reader gives: named streams on one clock."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput

SIGNAL_HZ = (16.0, 10_000.0)
"""Rates that can be true of a pulse or an accelerometer: the slowest just holds the contract's PPG band, up to 8 Hz;
the fastest is our choice."""
LEAST_PRESENT = 0.1
"""Part of its span that a signal's samples fill at least (our choice): less is a wrong time, and fills the memory."""
ENOUGH = 10**6
"""Values, evenly taken, whose median is as good as that of all."""
NO_PPG = "accelerometer only, no PPG: nothing to pair"

Place = Callable[[int], str]
"""Where sample n stands in its file, for an error."""


AS_RECORDED = "device axes as recorded"
"""What is known of the axes of every format here: none tells how its device lies on the body."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Stream:
    """One signal as its device gave it.

    Attributes:
        samples_CN: (C, N) float32 in `unit`, NaN where missing.
        unit: such as `g`, `s`, or `au` where the unit means nothing (PPG).
        start_s: time of the first sample, in seconds on the stream's clock.
        rate_hz: samples per second: declared, or the mean of the irregular ones.
        times_s: (N,) ascending times where the samples are not regular.
        range: largest magnitude that the sensor can give, in `unit`, where that is known.
        clock: `sensor`, common to all such streams of a recording; `host`, the phone's, which may be off by seconds.
    """

    samples_CN: NDArray[np.float32]
    unit: str
    start_s: float
    rate_hz: float
    times_s: NDArray[np.float64] | None = None
    range: float | None = None
    clock: Literal["sensor", "host"] = "sensor"

    @property
    def end_s(self) -> float:
        """Time of the last sample."""
        if self.times_s is not None:
            return float(self.times_s[-1])
        return float(self.start_s + (self.samples_CN.shape[1] - 1) / self.rate_hz)

    @property
    def at_s(self) -> NDArray[np.float64]:
        """(N,) time of every sample."""
        if self.times_s is not None:
            return self.times_s
        return self.start_s + np.arange(self.samples_CN.shape[1]) / self.rate_hz

    @property
    def missing(self) -> int:
        """How many samples lack the value of a channel or more."""
        return int(np.isnan(self.samples_CN).any(0).sum())

    @property
    def step(self) -> float | None:
        """Smallest difference between two values of a channel, in `unit`: the resolution; None where nothing moves."""
        known = (np.unique(x_N[~np.isnan(x_N)]) for x_N in self.samples_CN)
        steps = [float(np.diff(values).min()) for values in known if len(values) > 1]
        return min(steps, default=None)


@dataclass(frozen=True)
class Recording:
    """One person, one device, one stretch of time.

    Attributes:
        participant: whose it is, as the files say; it never enters a store.
        device: maker and model.
        format: name of the format, a key of `edgeacc.recordings.registry.FORMATS`.
        acc: accelerometer in g with gravity, three axes.
        ppg: one channel or more, upstroke of the pulse positive; None where the device has no optical sensor.
        intervals: the device's own beat-to-beat intervals in s, each at the time of the beat that ends it.
        reference: the same between R peaks that a data set has marked.
        ppg_late_s: None where accelerometer and PPG share a clock; where each counts its own time, by how much the
            PPG's is usually late.
        notes: what a reader did that is not in the streams, such as a sign that was turned.
        ecg: the raw ECG of a data set that has one, in mV where the unit is known, on the clock of the other streams.
        axes: what is known of the accelerometer's axes.
        licence: what is known of the licence of the data, from the format's entry in the registry.
        source: where the format and, for a data set, its licence are described.
    """

    participant: str
    device: str
    format: str
    acc: Stream
    ppg: Stream | None
    intervals: Stream | None = None
    reference: Stream | None = None
    ppg_late_s: float | None = None
    notes: tuple[str, ...] = ()
    ecg: Stream | None = None
    axes: str = AS_RECORDED
    licence: str = UNKNOWN
    source: str = UNKNOWN

    def pair(self) -> tuple[Stream, Stream]:
        """Accelerometer and PPG.

        Raises:
            BadInput: there is no PPG.
        """
        if self.ppg is None:
            raise BadInput(f"{self.participant} ({self.format}): {NO_PPG}", valid="a recording with both sensors")
        return self.acc, self.ppg


def regular(samples_NC: NDArray[Any], unit: str, start_s: float, rate_hz: float, range_: float | None = None) -> Stream:
    """A stream at a declared rate, from (N, C) samples."""
    return Stream(_as_samples(samples_NC), unit, start_s, rate_hz, range=range_)


def irregular(
    times_s: NDArray[np.float64],
    samples_NC: NDArray[Any],
    unit: str,
    *,
    place: Place,
    range_: float | None = None,
    clock: Literal["sensor", "host"] = "sensor",
) -> Stream:
    """A stream with a time for each sample or beat, from (N, C) samples.

    Args:
        times_s: (N,) seconds.
        samples_NC: the samples.
        unit: of the samples.
        place: where each sample stands.
        range_: `Stream.range`.
        clock: `Stream.clock`.

    Raises:
        BadInput: fewer than two samples, or time that does not go forward.
    """
    if len(times_s) < 2:
        raise BadInput(f"{place(0)}: {len(times_s)} sample(s)", valid="two samples or more")
    if not np.isfinite(times_s).all():
        raise BadInput(f"{place(int(np.isfinite(times_s).argmin()))}: no finite time", valid="ascending times")
    back = np.flatnonzero(times_s[1:] <= times_s[:-1])
    if len(back):
        at = place(int(back[0]) + 1)
        raise BadInput(f"{at}: time does not go forward ({len(back)} such place(s))", valid="ascending times")
    rate_hz = (len(times_s) - 1) / float(times_s[-1] - times_s[0])
    return Stream(_as_samples(samples_NC), unit, float(times_s[0]), rate_hz, times_s, range_, clock)


def sampled(
    times_s: NDArray[np.float64], samples_NC: NDArray[Any], unit: str, *, place: Place, range_: float | None = None
) -> Stream:
    """`irregular` for a signal.

    Raises:
        BadInput: as `irregular`, a rate that no such signal has, or times far apart.
    """
    stream = irregular(times_s, samples_NC, unit, place=place, range_=range_)
    every = max(1, len(times_s) // ENOUGH)
    step_s = float(np.median(times_s[1::every] - times_s[:-1:every]))
    check_rate(1 / step_s, place(0))
    if (len(times_s) - 1) * step_s < LEAST_PRESENT * float(times_s[-1] - times_s[0]):
        steps_s = np.diff(times_s)
        longest = int(steps_s.argmax())
        raise BadInput(
            f"{place(longest + 1)}: time leaps by {steps_s[longest]:.6g} s; most of the recording is missing",
            valid=f"samples in {LEAST_PRESENT:.0%} of the span or more; else one recording for each part",
        )
    return stream


def check_rate(rate_hz: float, place: str) -> None:
    """Raise BadInput for a rate that no pulse and no accelerometer has."""
    if not SIGNAL_HZ[0] <= rate_hz <= SIGNAL_HZ[1]:
        valid = f"{SIGNAL_HZ[0]:g} to {SIGNAL_HZ[1]:g}: look at the rate, or at the unit of time"
        raise BadInput(f"{place}: {rate_hz:.6g} samples per second", valid=valid)


def lines(file: object, first: int) -> Place:
    """Sample after sample on a line of its own, from line `first` on, of a file that prints as its path."""
    return lambda sample: f"{file}, line {first + sample}"


def _as_samples(samples_NC: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(samples_NC.T, dtype=np.float32)
