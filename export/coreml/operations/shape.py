"""Operations that move values without computing: reshape, transpose, slice, join, split, pad."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from edgeacc.errors import BadInput
from edgeacc.export.coreml.operations.products import innermost_first


def reshape(*, x: Tensor, shape: Sequence[int]) -> Tensor:
    """Another shape: 0 keeps that dimension of `x`, one -1 takes what is left."""
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


def transpose(*, x: Tensor, perm: Sequence[int]) -> Tensor:
    """Dimensions in the order of `perm`."""
    return x.permute(*perm)


def expand_dims(*, x: Tensor, axes: Sequence[int]) -> Tensor:
    """Dimensions of size 1 inserted so that they end at `axes` of the result."""
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def squeeze(*, x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Dimensions of size 1 at `axes` removed (all by default)."""
    return x.squeeze() if axes is None else x.squeeze([*axes])


def concat(*, values: Sequence[Tensor], axis: int, interleave: bool = False) -> Tensor:
    """Joined along `axis`; interleaved: element by element in turn."""
    if not interleave:
        return torch.cat([*values], axis)
    axis %= values[0].dim()
    return torch.stack([*values], axis + 1).flatten(axis, axis + 1)


def stack(*, values: Sequence[Tensor], axis: int) -> Tensor:
    """Joined along a new dimension."""
    return torch.stack([*values], axis)


def split(
    *, x: Tensor, axis: int, num_splits: int | None = None, split_sizes: Sequence[int] | None = None
) -> Sequence[Tensor]:
    """Cut along `axis` into `num_splits` equal parts, or parts of `split_sizes`."""
    if split_sizes is not None:
        return torch.split(x, [*split_sizes], axis)
    if num_splits is None:
        raise BadInput("operation 'split' with neither num_splits nor split_sizes")
    return torch.tensor_split(x, num_splits, axis)


def slice_by_index(
    *,
    x: Tensor,
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int] | None = None,
    begin_mask: Sequence[bool] | None = None,
    end_mask: Sequence[bool] | None = None,
    squeeze_mask: Sequence[bool] | None = None,
) -> Tensor:
    """`x[begin:end:stride]` in each dimension; a set mask means: from the start, to the end, only `begin` itself."""
    rank = x.dim()
    unset = [False] * rank
    steps = stride or [1] * rank
    if min(steps) < 1:
        raise BadInput(f"operation 'slice_by_index' with stride {[*steps]}: not known to the evaluator")
    index: list[slice | int] = []
    for axis in range(rank):
        if (squeeze_mask or unset)[axis]:
            index.append(begin[axis])
            continue
        start = None if (begin_mask or unset)[axis] else begin[axis]
        stop = None if (end_mask or unset)[axis] else end[axis]
        index.append(slice(start, stop, steps[axis]))
    return x[tuple(index)]


def pad(*, x: Tensor, pad: Sequence[int], mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """The last dimensions made longer by a constant: `pad` holds (before, after) of each of them in order."""
    if mode != "constant":
        raise BadInput(f"operation 'pad' with mode {mode!r}: not known to the evaluator")
    return functional.pad(x, innermost_first(pad), value=constant_val)
