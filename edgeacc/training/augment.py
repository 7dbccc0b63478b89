"""Augmentations of prepared windows, each a pure function of the windows and a generator.

Probabilities per window follow the paper's sibling (see `PAPER`); sizes are our estimates unless a source is named.
"""

from collections.abc import Callable

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Generator, Tensor
from torch.nn import functional as F


class Augmentation(BaseModel):
    """The probability with which each change is applied to a window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cut_out: float = Field(0.0, ge=0, le=1)
    magnitude_warp: float = Field(0.0, ge=0, le=1)
    gaussian_noise: float = Field(0.0, ge=0, le=1)
    time_warp: float = Field(0.0, ge=0, le=1)
    permute_channels: float = Field(0.0, ge=0, le=1)


PAPER = Augmentation(cut_out=0.4, magnitude_warp=0.25, gaussian_noise=0.25, time_warp=0.15, permute_channels=0.25)
"""Probabilities of the public re-implementation of the paper's sibling (channel permutation: recollection)."""

MILD = Augmentation(magnitude_warp=0.25, permute_channels=0.5)
"""For the student: no time warp, which would move the beats, and nothing that hides them."""

NONE = Augmentation()


def augment(x_BCT: Tensor, probabilities: Augmentation, generator: Generator) -> Tensor:
    """Apply each augmentation to each window with its probability, in the order of the table below.

    The generator is one of the windows' device.
    """
    for name, change in _CHANGES.items():
        chance = getattr(probabilities, name)
        if chance:
            chosen_B = _random((len(x_BCT),), generator) < chance
            x_BCT = x_BCT.index_copy(0, chosen_B.nonzero()[:, 0], change(x_BCT[chosen_B], generator))
    return x_BCT


def cut_out(x_BCT: Tensor, generator: Generator) -> Tensor:
    """Zero one stretch of 5 to 30 % of the window, in all channels."""
    windows, _, samples = x_BCT.shape
    length_B1 = _uniform((windows, 1), 0.05, 0.30, generator) * samples
    start_B1 = _random((windows, 1), generator) * (samples - length_B1)
    at_1T = torch.arange(samples, device=x_BCT.device)[None]
    cut_BT = (at_1T >= start_B1) & (at_1T < start_B1 + length_B1)
    return x_BCT.masked_fill(cut_BT[:, None], 0.0)


def magnitude_warp(x_BCT: Tensor, generator: Generator) -> Tensor:
    """Multiply each channel by a smooth curve around 1 (deviation 0.25, six knots)."""
    knots_BCK = 1 + 0.25 * _normal((*x_BCT.shape[:2], 6), generator)
    return x_BCT * F.interpolate(knots_BCK, x_BCT.shape[2], mode="linear", align_corners=True)


def gaussian_noise(x_BCT: Tensor, generator: Generator) -> Tensor:
    """Add white noise of up to 0.35 of the window's deviation."""
    size_B11 = _uniform((len(x_BCT), 1, 1), 0.0, 0.35, generator)
    return x_BCT + size_B11 * _normal(x_BCT.shape, generator)


def time_warp(x_BCT: Tensor, generator: Generator) -> Tensor:
    """Run time faster and slower by up to 15 % (smooth, eight knots); the ends stay where they are."""
    windows, _, samples = x_BCT.shape
    speed_B1K = (1 + 0.04 * _normal((windows, 1, 8), generator)).clamp(0.85, 1.15)
    passed_BT = F.interpolate(speed_B1K, samples, mode="linear", align_corners=True)[:, 0].cumsum(dim=1)
    passed_BT = (passed_BT - passed_BT[:, :1]) / (passed_BT[:, -1:] - passed_BT[:, :1])
    grid_B1T2 = torch.stack([2 * passed_BT - 1, torch.zeros_like(passed_BT)], dim=2)[:, None]
    return F.grid_sample(x_BCT[:, :, None], grid_B1T2, align_corners=True)[:, :, 0]


def permute_channels(x_BCT: Tensor, generator: Generator) -> Tensor:
    """Put the channels of each window into a random order."""
    windows, channels, _ = x_BCT.shape
    order_BC = _random((windows, channels), generator).argsort(dim=1)
    return x_BCT.gather(1, order_BC[:, :, None].expand_as(x_BCT))


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * _random(shape, generator)


def _random(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)


def _normal(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device)


_CHANGES: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "time_warp": time_warp,
    "magnitude_warp": magnitude_warp,
    "gaussian_noise": gaussian_noise,
    "permute_channels": permute_channels,
    "cut_out": cut_out,
}
