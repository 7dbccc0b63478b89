"""Operations that unpack compressed weights; their arguments are constants, so the evaluator computes them once."""

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
