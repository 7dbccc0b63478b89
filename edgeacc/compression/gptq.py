"""Rounds a layer's weights one input after another, and lets those that are left make up for the error.

Source: Frantar et al. 2022, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers" (arXiv
2210.17323), which goes back to Hassibi and Stork 1992, "Second order derivatives for network pruning". O outputs, I
inputs of one product of a weight with what it reads: channels times taps for a convolution.
"""

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 32
"""Input channels that share a scale in int4 (our choice), all taps of a filter together."""
_MOST = 7
_DAMPING = 0.01  # of the mean of the moments, as in the paper's section 3.3
_TABLE_STEPS = 60
Nearest = Callable[[int, Tensor], Tensor]
"""Input's place and that column (O,) of the weights -> the values (O,) that the format has nearest to them."""


def rounded(weight_OI: Tensor, moment_II: Tensor, nearest: Nearest) -> Tensor:
    """Weights that the format can hold, with the least squared error that going once through the inputs gives.

    Args:
        weight_OI: of the layer.
        moment_II: second moments of what the layer reads, float64.
        nearest: of the format.

    Returns:
        (O, I) float64; inputs of large moments are rounded first.
    """
    inputs = len(moment_II)
    damping = _DAMPING * moment_II.diagonal().mean().clamp(min=1e-12)
    order_I = moment_II.diagonal().argsort(descending=True)
    ordered_II = moment_II[order_I][:, order_I] + damping * torch.eye(inputs, dtype=torch.float64)
    upper_II = torch.linalg.cholesky(torch.linalg.inv(ordered_II), upper=True)
    left_OI = weight_OI.double()[:, order_I]
    done_OI = torch.empty_like(left_OI)
    for at, place in enumerate(order_I.tolist()):
        done_OI[:, at] = nearest(place, left_OI[:, at])
        error_O = (left_OI[:, at] - done_OI[:, at]) / upper_II[at, at]
        left_OI[:, at + 1 :] -= error_O[:, None] * upper_II[at, at + 1 :]
    result_OI = torch.empty_like(done_OI)
    result_OI[:, order_I] = done_OI
    return result_OI


def in_blocks(weight_OI: Tensor, taps: int) -> Nearest:
    """int4, symmetric, a scale per output and block of `BLOCK` input channels: what converters make of these weights.

    A block's largest weight stays as it is, so that a converter finds the same scale again, and with it the same
    integers.

    Args:
        weight_OI: of a layer whose input channels are a multiple of `BLOCK`.
        taps: inputs of one channel, next to one another.
    """
    weight_OI = weight_OI.double()
    blocks = weight_OI.reshape(len(weight_OI), -1, BLOCK * taps)
    largest = blocks.abs().amax(dim=2, keepdim=True)
    scale_OI = (largest / _MOST).clamp(min=1e-12).expand_as(blocks).reshape(weight_OI.shape)
    kept_OI = (blocks.abs() == largest).reshape(weight_OI.shape)

    def nearest(place: int, column_O: Tensor) -> Tensor:
        whole_O = (column_O / scale_OI[:, place]).round().clamp(-_MOST, _MOST)
        return torch.where(kept_OI[:, place], weight_OI[:, place], whole_O * scale_OI[:, place])

    return nearest


def in_table(weight_OI: Tensor, bits: int) -> Nearest:
    """Indices of so many bits into one table: the weights' means in one dimension (Lloyd's k-means)."""
    values = weight_OI.double().flatten()
    size = 2**bits
    table = values.quantile((torch.arange(size, dtype=torch.float64) + 0.5) / size)
    for _ in range(_TABLE_STEPS):
        at = _place_in(table, values)
        sums = torch.zeros_like(table).index_add_(0, at, values)
        counts = torch.zeros_like(table).index_add_(0, at, torch.ones_like(values))
        table = torch.where(counts > 0, sums / counts.clamp(min=1), table)

    def nearest(place: int, column_O: Tensor) -> Tensor:
        del place
        return table[_place_in(table, column_O)]

    return nearest


def _place_in(table: Tensor, values: Tensor) -> Tensor:
    """Of the nearest value of a table in rising order."""
    return torch.bucketize(values.contiguous(), (table[1:] + table[:-1]) / 2)
