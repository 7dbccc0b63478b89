"""Operations that multiply and accumulate: convolution, linear layer, matrix product, attention."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from edgeacc.errors import BadInput

CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {3: functional.conv1d, 4: functional.conv2d}


def conv(
    *,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: Sequence[int] | None = None,
    pad_type: str = "valid",
    pad: Sequence[int] | None = None,
    dilations: Sequence[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """Convolution of (B, C, T) or (B, C, H, T); `pad` holds (before, after) of each spatial dimension in order."""
    ones = [1] * (x.dim() - 2)
    if x.dim() not in CONVOLUTIONS or pad_type not in ("valid", "custom"):
        raise BadInput(f"operation 'conv' of rank {x.dim()} with pad_type {pad_type!r}: not known to the evaluator")
    if pad_type == "custom" and pad is not None:
        x = functional.pad(x, innermost_first(pad))
    return CONVOLUTIONS[x.dim()](x, weight, bias, strides or ones, 0, dilations or ones, groups)


def linear(*, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x` times the transposed `weight` (out, in), plus `bias`."""
    return functional.linear(x, weight, bias)


def matmul(*, x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    """Matrix product of the last two dimensions, each transposed before if so asked."""
    return (x.mT if transpose_x else x) @ (y.mT if transpose_y else y)


def scaled_dot_product_attention(*, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(query key^T / sqrt(width)) value, as one operation: what is inside is not rounded to 16 bits."""
    scores = query @ key.mT / math.sqrt(query.shape[-1])
    return torch.softmax(scores, -1) @ value


def innermost_first(pad: Sequence[int]) -> list[int]:
    """MIL's padding, (before, after) of the first dimension, then of the next, in PyTorch's order: last one first."""
    pairs = [pad[i : i + 2] for i in range(0, len(pad), 2)]
    return [amount for pair in reversed(pairs) for amount in pair]
