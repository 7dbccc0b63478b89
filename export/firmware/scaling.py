"""Real factors as TFLite's integer kernels apply them: a 31-bit multiplier and a power of two."""

import math
from typing import NamedTuple


class Multiplier(NamedTuple):
    """A factor of multiplier x 2^(shift - 31)."""

    multiplier: int
    shift: int


def multiplier_of(real: float) -> Multiplier:
    """TFLite's QuantizeMultiplier (tensorflow/lite/kernels/internal/quantization_util.cc)."""
    if real == 0.0:
        return Multiplier(0, 0)
    fraction, shift = math.frexp(real)
    multiplier = math.floor(fraction * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    return Multiplier(0, 0) if shift < -31 else Multiplier(multiplier, shift)


def mean_multiplier(real: float, count: int) -> Multiplier:
    """The factor of a mean of `count` values, with the division (TFLite's reference/reduce.h)."""
    multiplier, shift = multiplier_of(real)
    bits = min(count.bit_length() - 1, 32, 31 + shift)
    return Multiplier((multiplier << bits) // count, shift - bits)
