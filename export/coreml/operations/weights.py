"""Operations that unpack compressed weights; their arguments are constants, so the evaluator computes them once."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def affine_dequantize(*, quantized_data: Tensor, zero_point: Tensor | int, scale: Tensor | float, axis: int) -> Tensor:
    """Scale * (quantized_data - zero_point), with one scale and zero point for all or for each index of `axis`."""
    shape = [1] * quantized_data.dim()
    shape[axis] = -1
    offsets, scales = (torch.as_tensor(value).float().reshape(shape) for value in (zero_point, scale))
    return scales * (quantized_data.float() - offsets)


def blockwise_shift_scale(*, data: Tensor, scale: Tensor, offset: Tensor | None = None) -> Tensor:
    """Scale * (data - offset), with one scale and offset per block: a block is `data.shape / scale.shape` long."""
    offsets = torch.zeros_like(scale) if offset is None else offset.float()
    return _spread(scale, data) * (data.float() - _spread(offsets, data))


def _spread(per_block: Tensor, data: Tensor) -> Tensor:
    for axis, (blocks, size) in enumerate(zip(per_block.shape, data.shape, strict=True)):
        per_block = per_block.repeat_interleave(size // blocks, axis)
    return per_block


def lut_to_dense(*, indices: Tensor, lut: Tensor, shape: Tensor | Sequence[int] | None = None) -> Tensor:
    """Values looked up in one table for all, or in one table per block.

    Until iOS 17, `shape` is stated, `lut` (2^bits,) serves all, and `indices` are packed: `bits` bits each, the lowest
    first. From iOS 18, `indices` have the weight's own shape and `lut` is (blocks per axis ..., 2^bits, 1).
    """
    if shape is not None:
        sizes = [int(size) for size in shape]
        bits = (lut.numel() - 1).bit_length()
        unpacked = torch.stack([indices >> place & 1 for place in range(8)], -1).flatten().long()
        places = (unpacked[: math.prod(sizes) * bits].view(-1, bits) << torch.arange(bits)).sum(-1)
        return lut[places].view(sizes)
    spread = lut.float()
    for axis, size in enumerate(indices.shape):
        spread = spread.repeat_interleave(size // spread.shape[axis], axis)
    return spread.squeeze(-1).gather(-1, indices.long()[..., None]).squeeze(-1)
