"""Activations between float and 8 bits: one scale and zero point for a whole tensor."""

import torch
from torch import Tensor

from edgeacc.errors import BadInput

RANGES = {"int8": torch.iinfo(torch.int8), "uint8": torch.iinfo(torch.uint8)}


def quantize(*, input: Tensor, scale: float, output_dtype: str, zero_point: int = 0) -> Tensor:  # MIL's own name
    """Clip(round(input / scale) + zero_point) to the range of `output_dtype`; halves round to the even number.

    Raises:
        BadInput: another number format.
    """
    if output_dtype not in RANGES:
        raise BadInput(f"quantize to {output_dtype}", valid=", ".join(RANGES))
    limits = RANGES[output_dtype]
    return ((input / scale).round() + zero_point).clamp(limits.min, limits.max)


def dequantize(*, input: Tensor, scale: float, zero_point: int = 0) -> Tensor:  # MIL's own name
    """Scale * (input - zero_point)."""
    return scale * (input - zero_point)
