"""A block that was written twice: in a stream without time stamps nothing else tells of it, and all behind it is late.

Neither a raw PPG nor the three axes of a moving wrist ever repeat 4 s exactly. Every stretch of 4 s that begins at a
multiple of 4 s is looked for everywhere, by a rolling polynomial hash modulo 2^64 (Karp and Rabin, IBM J. Res. Dev.
31(2):249, 1987) and then value by value: so a block of 8 s or more is always found.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import BadInput
from edgeacc.recordings.recording import Place, Stream

BLOCK_S = 4.0
"""Shortest repetition that is looked for (our choice)."""
FEWEST_VALUES = 16
"""A stretch with fewer different samples is a sensor at its limit or at rest, not a signal (our choice)."""
MOST_TIMES = 3
"""What repeats more often all over is a made signal with a period, not a damaged file (our choice)."""
_PIECE = 2**16
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint32(0x9E3779B1)
_INVERSE = np.uint64(pow(int(_BASE), -1, 2**64))


def repeated(stream: Stream, place: Place) -> tuple[str, ...]:
    """Where a regular stream repeats a stretch of `BLOCK_S` or more exactly: a note; none if nowhere.

    Args:
        stream: at a declared rate. Of a PPG the first channel tells; of an accelerometer, whose single axes take few
            values, all three together.
        place: where its samples stand.
    """
    x_N = _joined(stream.samples_CN) if stream.unit == "g" else stream.samples_CN[0]
    width = round(BLOCK_S * stream.rate_hz)
    if len(x_N) < 2 * width:
        return ()
    found = _again(x_N, _anchors(x_N, width), width)
    if not found or np.median([len(places) for places in found.values()]) > MOST_TIMES:
        return ()
    first, again = min(((anchor, places[0]) for anchor, places in found.items()), key=max)
    if again < first:
        first, again = again, first
    same_N = x_N[: len(x_N) - (again - first)] == x_N[again - first :]
    before = np.flatnonzero(~same_N[:first])
    begin = int(before[-1]) + 1 if len(before) else 0
    behind = np.flatnonzero(~same_N[first:])
    count = (first + int(behind[0]) if len(behind) else len(same_N)) - begin
    told = f"{count} samples are those from {place(begin).rpartition(', ')[2]} on again"
    return (f"{place(again - first + begin)}: {told}",)


def refuse_repeats(stream: Stream, place: Place) -> None:
    """Raise BadInput where something is `repeated`."""
    if found := repeated(stream, place):
        raise BadInput(found[0], valid="each sample once: no block that was written twice")


def _joined(samples_CN: NDArray[np.float32]) -> NDArray[np.uint32]:
    """(N,) 32 bits of all channels: where these are equal, so are the samples (but for chance)."""
    joined_N = np.zeros(samples_CN.shape[1], np.uint32)
    for channel_N in samples_CN:
        joined_N *= _MIX
        joined_N += channel_N.view(np.uint32)
    return joined_N


def _anchors(x_N: NDArray[Any], width: int) -> NDArray[np.int64]:
    """The multiples of the width at which a stretch with enough different values begins."""
    good = []
    for begin in range(0, len(x_N) // width * width, _PIECE // width * width):
        piece = x_N[begin : begin + _PIECE // width * width]
        sorted_KW = np.sort(piece[: len(piece) // width * width].reshape(-1, width), axis=1)
        enough_K = (np.diff(sorted_KW, axis=1) > 0).sum(1) >= FEWEST_VALUES - 1
        good.append(begin + np.flatnonzero(enough_K) * width)
    return np.concatenate(good)


def _again(x_N: NDArray[Any], anchor_K: NDArray[np.int64], width: int) -> dict[int, list[int]]:
    """Anchor -> the other places where its stretch is; none where one lies so near that the stretch has a period."""
    found: dict[int, list[int]] = {}
    if not len(anchor_K):
        return found
    hash_K = np.concatenate(
        [
            part[anchor_K[slice(*np.searchsorted(anchor_K, [begin, begin + len(part)]))] - begin]
            for begin, part in _hashes(x_N, width)
        ]
    )
    order = np.argsort(hash_K)
    hash_K, anchor_K = hash_K[order], anchor_K[order]
    for begin, part in _hashes(x_N, width):
        at = np.minimum(np.searchsorted(hash_K, part), len(hash_K) - 1)
        for place in np.flatnonzero(hash_K[at] == part).tolist():
            anchor = int(anchor_K[at[place]])
            other = begin + place
            if other != anchor and np.array_equal(x_N[anchor : anchor + width], x_N[other : other + width]):
                found.setdefault(anchor, []).append(other)
    return {anchor: places for anchor, places in found.items() if min(abs(one - anchor) for one in places) >= width}


def _hashes(x_N: NDArray[Any], width: int) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    """The hash of the stretch that begins at each sample, piece by piece, with the first sample's number."""
    powers, inverse = (np.cumprod(np.full(_PIECE + width, base), dtype=np.uint64) for base in (_BASE, _INVERSE))
    for begin in range(0, len(x_N) - width + 1, _PIECE):
        piece = np.ascontiguousarray(x_N[begin : begin + _PIECE + width - 1]).view(np.uint32).astype(np.uint64)
        piece *= powers[: len(piece)]
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(piece, dtype=np.uint64)])
        yield begin, (sums[width:] - sums[:-width]) * inverse[: len(sums) - width]
