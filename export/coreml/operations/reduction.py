"""Operations that reduce or normalise along axes: means, sums, pooling, layer normalisation, softmax."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from edgeacc.errors import BadInput
from edgeacc.export.coreml.operations.products import innermost_first


def reduce_mean(*, x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Mean over `axes` (all by default)."""
    return x.mean(_dims(x, axes), keepdim=keep_dims)


def reduce_sum(*, x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Sum over `axes` (all by default)."""
    return x.sum(_dims(x, axes), keepdim=keep_dims)


def reduce_max(*, x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Tensor:
    """Largest value over `axes` (all by default)."""
    return x.amax(_dims(x, axes), keepdim=keep_dims)


def layer_norm(
    *,
    x: Tensor,
    axes: Sequence[int] | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta over `axes` (all by default)."""
    dims = _dims(x, axes)
    deviation = x - x.mean(dims, keepdim=True)
    variance = deviation.square().mean(dims, keepdim=True)
    normal = deviation / torch.sqrt(variance + epsilon)
    return normal * (1.0 if gamma is None else gamma) + (0.0 if beta is None else beta)


def softmax(*, x: Tensor, axis: int = -1) -> Tensor:
    """Exponentials that sum to 1 along `axis`."""
    return torch.softmax(x, axis)


def avg_pool(
    *,
    x: Tensor,
    kernel_sizes: Sequence[int],
    pad_type: str,
    strides: Sequence[int] | None = None,
    pad: Sequence[int] | None = None,
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Tensor:
    """Means of (B, C, T) or (B, C, H, T) over sliding blocks."""
    if ceil_mode:
        raise BadInput("operation 'avg_pool' with ceil_mode: not known to the evaluator")
    sums = _blocks(_padded(x, pad_type, pad, 0.0), kernel_sizes, strides).sum(-1)
    if not exclude_padding_from_average:
        return sums / torch.tensor(kernel_sizes).prod()
    return sums / _blocks(_padded(torch.ones_like(x), pad_type, pad, 0.0), kernel_sizes, strides).sum(-1)


def max_pool(
    *,
    x: Tensor,
    kernel_sizes: Sequence[int],
    pad_type: str,
    strides: Sequence[int] | None = None,
    pad: Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Largest values of (B, C, T) or (B, C, H, T) over sliding blocks."""
    if ceil_mode:
        raise BadInput("operation 'max_pool' with ceil_mode: not known to the evaluator")
    return _blocks(_padded(x, pad_type, pad, -torch.inf), kernel_sizes, strides).amax(-1)


def _padded(x: Tensor, pad_type: str, pad: Sequence[int] | None, fill: float) -> Tensor:
    if pad_type not in ("valid", "custom"):
        raise BadInput(f"pooling with pad_type {pad_type!r}: not known to the evaluator")
    return functional.pad(x, innermost_first(pad), value=fill) if pad_type == "custom" and pad else x


def _blocks(x: Tensor, sizes: Sequence[int], strides: Sequence[int] | None) -> Tensor:
    """All sliding blocks of (B, C, ...): the elements of each block in one last dimension."""
    for axis, (size, stride) in enumerate(zip(sizes, strides or [1] * len(sizes), strict=True), start=2):
        x = x.unfold(axis, size, stride)
    return x.flatten(2 + len(sizes))


def _dims(x: Tensor, axes: Sequence[int] | None) -> list[int]:
    return list(range(x.dim())) if axes is None else list(axes)
