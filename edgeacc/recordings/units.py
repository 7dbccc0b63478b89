"""What every reader of a data set checks: samples are numbers, the accelerometer is in g, beats make intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.recording import ENOUGH, Place, Stream, irregular
from edgeacc.recordings.table import PER_UNIT, STILL_G
from edgeacc.recordings.text import LARGEST

E4_COUNT = "1/64 g"
G_PER_UNIT = PER_UNIT | {E4_COUNT: 1 / 64}
BEAT_S = (0.25, 3.0)
"""Intervals between two beats that can be true (240 to 20 a minute, our choice); others are gaps or false beats."""


def as_samples(values: NDArray[np.generic], channels: int, name: str) -> NDArray[np.float32]:
    """An array as (N, channels) numbers of single precision, in its own place if it has them; a vector is one channel.

    Raises:
        BadInput: another shape, nothing in it, infinite values, or nothing but NaN in a channel.
    """
    column = values[:, None] if values.ndim == 1 else values
    if column.ndim != 2 or column.shape[1] != channels or column.dtype.kind not in "fiu":
        raise BadInput(f"{name}: {values.dtype} of shape {values.shape}", valid=f"numbers of shape (N, {channels})")
    if len(column) < 2:
        raise BadInput(f"{name}: {len(column)} sample(s)", valid="two samples or more")
    with np.errstate(invalid="ignore", over="ignore"):  # a signalling NaN or a huge number, of a damaged file
        samples_NC = column.astype(np.float32, copy=not column.flags.writeable)
        extreme = max(abs(find(samples_NC.T.ravel("K"))) for find in (np.fmin.reduce, np.fmax.reduce))
    missing_NC = np.isnan(samples_NC)
    np.copyto(samples_NC, np.nan, where=missing_NC)
    if extreme > LARGEST:
        row, channel = np.argwhere(np.abs(samples_NC) > LARGEST)[0]
        raise BadInput(f"{name}, sample {row}, channel {channel} is {column[row, channel]}", valid="finite numbers")
    empty = np.flatnonzero(missing_NC.all(0))
    if len(empty):
        raise BadInput(f"{name}: channel {empty[0]} has no number in it (all NaN)", valid="samples")
    return samples_NC


def has_samples(values: NDArray[np.floating[Any]] | None) -> bool:
    """Whether an optional signal is there, and has a number in it."""
    return values is not None and not bool(np.isnan(values).all())


def in_g(samples_NC: NDArray[np.float32], units: Sequence[str], name: str) -> tuple[NDArray[np.float32], str]:
    """Acceleration in g, in its own place, and the one of `units` under which its median magnitude is that of gravity.

    The ranges of the units do not overlap: gravity is 1 g, 64 counts of the E4, 9.81 m/s2 or 1000 mg.

    Raises:
        BadInput: no unit fits.
    """
    magnitude = magnitude_of(samples_NC)
    for unit in units:
        if STILL_G[0] < magnitude * G_PER_UNIT[unit] < STILL_G[1]:
            samples_NC *= np.float32(G_PER_UNIT[unit])
            return samples_NC, unit
    raise BadInput(
        f"{name}: the median magnitude is {magnitude:.4g}",
        valid=f"gravity in it, and one of these units: {', '.join(units)}",
    )


def magnitude_of(samples_NC: NDArray[np.floating[Any]]) -> float:
    """Median length of the vectors that are whole, of a million or two evenly taken; 0 where none is."""
    some_NC = samples_NC[:: max(1, len(samples_NC) // ENOUGH)].astype(np.float64)
    whole_NC = some_NC[~np.isnan(some_NC).any(1)]
    return float(np.median(np.linalg.norm(whole_NC, axis=1))) if len(whole_NC) else 0.0


def beats(times_s: NDArray[np.float64], place: Place) -> Stream | None:
    """The intervals between beats, each at the time of the beat that ends it; None for fewer than three beats.

    Raises:
        BadInput: the beats do not go forward.
    """
    back = np.flatnonzero(~(np.diff(times_s) > 0))
    if len(back):
        raise BadInput(f"{place(int(back[0]) + 1)}: the beats do not go forward", valid="ascending beats")
    lengths_s = np.diff(times_s)
    true = (lengths_s > BEAT_S[0]) & (lengths_s < BEAT_S[1])
    if true.sum() < 2:
        return None
    return irregular(times_s[1:][true], lengths_s[true][:, None], "s", place=place)


def check_spans(first_s: float, second_s: float, what: str, most_s: float) -> None:
    """Raise BadInput where two streams that should span the same time do not."""
    if abs(first_s - second_s) > most_s:
        raise BadInput(
            f"{what} span {first_s:.1f} and {second_s:.1f} s",
            valid=f"the same time within {most_s:.3g} s: is it this rate?",
        )
