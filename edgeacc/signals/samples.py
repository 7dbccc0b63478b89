"""The two worlds in which samples live: NumPy (the reference) and torch (batches, any device).

What has no tensor in hand never imports torch, which takes longer than most of what it would do with it.
"""

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Samples = TypeVar("Samples", NDArray[np.floating[Any]], "Tensor")
"""Samples along the last dimension, in the world of the caller: ndarray in gives ndarray out, Tensor gives Tensor."""


def centred(x: Samples) -> Samples:
    """Take the mean over the last dimension off; a constant gives exact zeros, whatever its rounding."""
    if isinstance(x, np.ndarray):
        shifted = x - x[..., :1]
        return np.asarray(shifted - shifted.mean(-1, keepdims=True))
    moved = x.sub(x[..., :1])
    return moved.sub(moved.mean(-1, keepdim=True))


def variance(centred_x: Samples) -> Samples:
    """Mean square over the last dimension, which is dropped."""
    if isinstance(centred_x, np.ndarray):
        return np.asarray(np.square(centred_x).mean(-1))
    return centred_x.square().mean(-1)


def single_precision(x: Samples) -> Samples:
    """The same samples as float32."""
    return x.astype(np.float32, copy=False) if isinstance(x, np.ndarray) else x.float()
