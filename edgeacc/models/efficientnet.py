"""EfficientNet in one dimension: inverted residual blocks with squeeze and excitation (Tan and Le 2019, section 4).

Tokens are carried between layers as (B, P, D) as everywhere; within a layer they are images of height 1, (B, D, 1, P),
a view that convolutions read channels-last.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeacc.models.config import InvertedStage


class ConvNorm(nn.Module):
    """A convolution in time and its BatchNorm: what `edgeacc.models.deploy` folds into one convolution."""

    def __init__(self, width_in: int, width: int, kernel: int = 1, stride: int = 1, *, depthwise: bool = False) -> None:
        """Make the layer; kernels are odd and centred."""
        super().__init__()
        self.conv = nn.Conv2d(
            width_in,
            width,
            (1, kernel),
            stride=(1, stride),
            padding=(0, kernel // 2),
            groups=width_in if depthwise else 1,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x_BD1P: Tensor) -> Tensor:
        """(B, D_in, 1, P) -> (B, D, 1, P / stride)."""
        normed_BD1P: Tensor = self.norm(self.conv(x_BD1P))
        return normed_BD1P


class Stem(nn.Module):
    """The first layer: filters of three samples at every second one, BatchNorm and SiLU."""

    def __init__(self, channels: int, samples: int, stride: int, filters: int) -> None:
        """Make the layer."""
        super().__init__()
        self.filters = ConvNorm(channels, filters, samples, stride)

    def filtered(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) -> (B, T / stride, filters): the filters alone, linear in the signal."""
        return _tokens(self.filters.conv(x_BCT.unsqueeze(2)))

    def activated(self, filtered_BPD: Tensor) -> Tensor:
        """BatchNorm and SiLU of what the filters gave."""
        return _tokens(F.silu(self.filters.norm(_image(filtered_BPD))))

    def forward(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) -> (B, T / stride, filters)."""
        return self.activated(self.filtered(x_BCT))


class Inverted(nn.Module):
    """One block: wider by a pointwise convolution, filtered channel by channel, gated, narrow again, and added.

    The gate (squeeze and excitation) reads the mean of all tokens, so that a block knows what the whole window is like.
    """

    def __init__(self, width_in: int, stage: InvertedStage, stride: int) -> None:
        """Make a block of the stage; the squeeze is a quarter of the block's input channels."""
        super().__init__()
        inner, squeezed = width_in * stage.expand, max(1, width_in // 4)
        self.grow = nn.Sequential(ConvNorm(width_in, inner), nn.SiLU()) if stage.expand > 1 else nn.Sequential()
        self.filters = nn.Sequential(ConvNorm(inner, inner, stage.kernel, stride, depthwise=True), nn.SiLU())
        self.gate = nn.Sequential(nn.Conv2d(inner, squeezed, 1), nn.SiLU(), nn.Conv2d(squeezed, inner, 1), nn.Sigmoid())
        self.shrink: nn.Module = ConvNorm(inner, stage.width)
        self.added = stride == 1 and width_in == stage.width

    def image(self, x_BD1P: Tensor) -> Tensor:
        """(B, D_in, 1, P) -> (B, D, 1, P / stride)."""
        inner_BD1P = self.filters(self.grow(x_BD1P))
        out_BD1P: Tensor = self.shrink(inner_BD1P * self.gate(inner_BD1P.mean(dim=(2, 3), keepdim=True)))
        return x_BD1P + out_BD1P if self.added else out_BD1P

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D_in) -> (B, P / stride, D)."""
        return _tokens(self.image(_image(tokens_BPD)))


class Last(nn.Module):
    """The last layers: a wide pointwise convolution with BatchNorm and SiLU, and a linear map to the token's width."""

    def __init__(self, width_in: int, filters: int, width: int) -> None:
        """Make both layers."""
        super().__init__()
        self.wide = nn.Sequential(ConvNorm(width_in, filters), nn.SiLU())
        self.narrow = nn.Conv2d(filters, width, 1)

    def image(self, x_BD1P: Tensor) -> Tensor:
        """(B, D_in, 1, P) -> (B, D, 1, P)."""
        out_BD1P: Tensor = self.narrow(self.wide(x_BD1P))
        return out_BD1P

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D_in) -> (B, P, D)."""
        return _tokens(self.image(_image(tokens_BPD)))


def inverted_blocks(width_in: int, stages: tuple[InvertedStage, ...]) -> list[nn.Module]:
    """The blocks of all stages in order; the first of a stage has its stride."""
    blocks: list[nn.Module] = []
    for stage in stages:
        for repeat in range(stage.repeats):
            blocks.append(Inverted(width_in, stage, stage.stride if repeat == 0 else 1))
            width_in = stage.width
    return blocks


def _image(tokens_BPD: Tensor) -> Tensor:
    return tokens_BPD.transpose(1, 2).unsqueeze(2)


def _tokens(image_BD1P: Tensor) -> Tensor:
    return torch.squeeze(image_BD1P, 2).transpose(1, 2)
