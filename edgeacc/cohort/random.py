"""Random numbers that are a pure function of (seed, participant, window, stream, position), on any device.

Philox4x32 with 7 rounds, the fewest that pass BigCrush: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy
as 1, 2, 3" (SC 2011), written in 64-bit integer operations of torch. The counter is (position, stream, participant,
window), the key is the seed. Normals by Box and Muller (1958).
"""

import math
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

ROUNDS = 7
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
WORD = 0xFFFFFFFF
HALF_BITS = 16
HALF = 1 << HALF_BITS


class Stream(IntEnum):
    """What a series of numbers is for; two streams are independent."""

    PARTICIPANT = 0
    STATE = 1
    RHYTHM = 2
    OTHER_RHYTHM = 3
    RHYTHM_START = 4
    OTHER_RHYTHM_START = 5
    BEATS = 6
    PULSE = 7
    PPG_NOISE = 8
    PPG_EBB = 9
    BALLISTO = 10
    NOISE = 11
    ACC_NOISE = 12
    ACC_EBB = 13
    SENSOR_NOISE = 14
    DRIFT = 15
    MOVEMENT = 16
    NOTHING = 17  # a trait that no signal carries


class Key(NamedTuple):
    """Which window (or, with window 0 of stream PARTICIPANT, which participant) the numbers belong to."""

    seed: int
    participant_B: Tensor
    window_B: Tensor

    def rows(self, rows: slice) -> "Key":
        """The same for a part of the batch."""
        return Key(self.seed, self.participant_B[rows], self.window_B[rows])

    def to(self, device: torch.device) -> "Key":
        """The same on another device."""
        return Key(self.seed, self.participant_B.to(device), self.window_B.to(device))


def philox(counter: Sequence[Tensor], key: tuple[int, int], rounds: int = ROUNDS) -> tuple[Tensor, ...]:
    """The Philox4x32 bijection.

    Args:
        counter: four int64 tensors that broadcast, each element a 32-bit word.
        key: two 32-bit words.
        rounds: 7 here; 10 is the authors' default.

    Returns:
        Four int64 tensors of 32-bit words.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(rounds):
        low, high = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1 = ((high >> 32) & WORD) ^ (c1 ^ k0), high & WORD
        c2, c3 = ((low >> 32) & WORD) ^ (c3 ^ k1), low & WORD
        k0, k1 = (k0 + KEY_STEPS[0]) & WORD, (k1 + KEY_STEPS[1]) & WORD
    return c0, c1, c2, c3


def words(key: Key, stream: Stream, count: int) -> Tensor:
    """(B, count) int64 random 32-bit words of each window's stream; the first n do not depend on `count`'s use."""
    position = torch.arange(-(-count // 4), device=key.window_B.device)[None]
    label = torch.full_like(position[:, :1], int(stream))
    counter = (position, label, key.participant_B[:, None], key.window_B[:, None])
    four = philox(counter, (key.seed & WORD, key.seed >> 32))
    return torch.stack([word.expand(len(key.window_B), -1) for word in four], -1).flatten(1)[:, :count]


def uniforms(key: Key, stream: Stream, count: int) -> Tensor:
    """(B, count) float64, uniform in (0, 1)."""
    return (words(key, stream, count).double() + 0.5) / 2.0**32


def normals(key: Key, stream: Stream, count: int) -> Tensor:
    """(B, count) float64, standard normal, from two words each."""
    u = uniforms(key, stream, 2 * count)
    return torch.sqrt(-2 * torch.log(u[:, ::2])) * torch.cos(2 * math.pi * u[:, 1::2])


def complex_normals(key: Key, stream: Stream, deviation_BCF: Tensor) -> Tensor:
    """(B, C, F) complex64, real and imaginary part normal with these standard deviations.

    One word makes one complex number: 16 bits for the radius and 16 for the angle, looked up in tables (fine enough
    for noise: the radius ends at 4.9). Tables, unlike vectorised functions, give the same bits wherever a number
    lies in memory, so that a window does not depend on its batch.
    """
    word_BCF = words(key, stream, deviation_BCF[0].numel()).view(deviation_BCF.shape)
    radius, direction = _box_muller_tables(word_BCF.device)
    length_BCF = torch.take(radius, word_BCF >> HALF_BITS) * deviation_BCF
    return length_BCF * torch.take(direction, word_BCF & (HALF - 1))


@lru_cache(maxsize=8)
def _box_muller_tables(device: torch.device) -> tuple[Tensor, Tensor]:
    step = torch.arange(HALF, dtype=torch.float64)
    radius = torch.sqrt(-2 * torch.log((step + 0.5) / HALF))
    direction = torch.polar(torch.ones_like(step), step * (2 * math.pi / HALF))
    return radius.float().to(device), direction.to(torch.complex64).to(device)
