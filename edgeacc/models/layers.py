"""The layers: overlapping frames, strided stages, attention written out, positions.

The weights of strided convolutions lie as those of matrix products, whose inputs are merged tokens
(`edgeacc.models.deploy` turns them into plain convolutions).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeacc.models.config import BlockConfig


def sinusoidal_positions(tokens: int, width: int) -> Tensor:
    """Position codes (P, D), sine in the first half and cosine in the second (Vaswani et al. 2017, section 3.5).

    On the processor under a `meta` device too, where `torch.arange` would import sympy (1.7 s).
    """
    rate = torch.exp(-math.log(10_000.0) * torch.arange(0, width, 2, device="cpu") / width)
    angle = torch.arange(tokens, device="cpu")[:, None] * rate
    return torch.cat([torch.sin(angle), torch.cos(angle)], dim=1)[:, :width]


class Patches(nn.Module):
    """Linear tokenizer: patches of `samples` x channels that do not overlap -> tokens."""

    def __init__(self, channels: int, samples: int, width: int) -> None:
        """Make the layer; `weight` is ordered (channel, sample)."""
        super().__init__()
        self.samples = samples
        self.linear = nn.Linear(channels * samples, width)

    def filtered(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) -> (B, P, D)."""
        patches_BCPS = x_BCT.reshape(*x_BCT.shape[:2], -1, self.samples)
        tokens_BPD: Tensor = self.linear(patches_BCPS.transpose(1, 2).flatten(2))
        return tokens_BPD

    def activated(self, filtered_BPD: Tensor) -> Tensor:
        """Nothing: patches have no nonlinearity."""
        return filtered_BPD

    def forward(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) -> (B, P, D)."""
        return self.filtered(x_BCT)


class Frames(nn.Module):
    """A bank of filters over overlapping, centred frames, BatchNorm and ReLU.

    BatchNorm, not a norm per frame, which would remove the envelope that carries the beats.
    """

    def __init__(self, channels: int, samples: int, stride: int, filters: int) -> None:
        """Make the layer; `weight` is ordered (channel, sample)."""
        super().__init__()
        self.samples, self.stride = samples, stride
        self.linear = nn.Linear(channels * samples, filters, bias=False)
        self.norm = nn.BatchNorm1d(filters)

    def filtered(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) -> (B, T / stride, filters): the filters alone, linear in the signal."""
        margin = (self.samples - self.stride) // 2
        frames_BCPS = F.pad(x_BCT, (margin, margin)).unfold(2, self.samples, self.stride)
        filtered_BPD: Tensor = self.linear(frames_BCPS.transpose(1, 2).flatten(2))
        return filtered_BPD

    def activated(self, filtered_BPD: Tensor) -> Tensor:
        """BatchNorm and ReLU of what the filters gave; at least 0."""
        return _norm_relu(filtered_BPD, self.norm)

    def forward(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) -> (B, T / stride, filters), at least 0."""
        return self.activated(self.filtered(x_BCT))


class Stage(nn.Module):
    """A convolution over tokens with kernel 3 x stride; BatchNorm; ReLU.

    It is computed as a convolution of kernel 3 over merged tokens, which trains a fifth faster on a CPU than the
    matrix product over copies of them.

    With `context`, every token also sees the mean of all tokens: what the whole window is like, so that a token can
    tell how its own moment differs.
    """

    def __init__(self, width_in: int, width: int, stride: int, *, context: bool) -> None:
        """Make the layer; `linear.weight` is ordered (token, channel)."""
        super().__init__()
        self.stride = stride
        self.linear = nn.Linear(3 * stride * width_in, width, bias=False)
        self.context = nn.Linear(width_in, width, bias=False) if context else None
        self.norm = nn.BatchNorm1d(width)

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D_in) -> (B, P / stride, D), at least 0."""
        merged_BPD = tokens_BPD.reshape(tokens_BPD.shape[0], tokens_BPD.shape[1] // self.stride, -1)
        kernel_DC1K = self.linear.weight.unflatten(1, (3, -1)).transpose(1, 2).unsqueeze(2)
        mixed_BD1P = F.conv2d(merged_BPD.transpose(1, 2).unsqueeze(2), kernel_DC1K, padding=(0, 1))
        mixed_BPD = mixed_BD1P.squeeze(2).transpose(1, 2)
        if self.context is not None:
            mixed_BPD = mixed_BPD + self.context(tokens_BPD.mean(dim=1, keepdim=True))
        return _norm_relu(mixed_BPD, self.norm)


def _norm_relu(tokens_BPD: Tensor, norm: nn.Module) -> Tensor:
    return torch.relu(norm(tokens_BPD.flatten(0, 1))).reshape(tokens_BPD.shape)


class Block(nn.Module):
    """Pre-norm transformer block.

    Attention is written out, so that every target lowers it to plain matrix products; in training it is fused where
    that is faster: a block takes a quarter less time on a processor in fp32, but more in bf16. The heads together can
    be narrower than the token, as structured pruning leaves them.
    """

    def __init__(self, width: int, inside: BlockConfig, head_width: int) -> None:
        """Make the block for tokens of that width."""
        super().__init__()
        self.heads = inside.heads
        self.attention_norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * inside.heads * head_width)
        self.out = nn.Linear(inside.heads * head_width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, inside.hidden), nn.GELU(), nn.Linear(inside.hidden, width))

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D) -> (B, P, D)."""
        tokens_BPD = tokens_BPD + self._attend(self.attention_norm(tokens_BPD))
        mixed_BPD: Tensor = tokens_BPD + self.mlp(self.mlp_norm(tokens_BPD))
        return mixed_BPD

    def _attend(self, x_BPD: Tensor) -> Tensor:
        windows, tokens, _ = x_BPD.shape
        q, k, v = (
            part.reshape(windows, tokens, self.heads, -1).transpose(1, 2) for part in self.qkv(x_BPD).chunk(3, dim=2)
        )
        if self.training and (q.is_cuda or q.dtype == torch.float32):
            mixed_BHPD = F.scaled_dot_product_attention(q, k, v)
        else:
            mixed_BHPD = torch.softmax((q * q.shape[3] ** -0.5) @ k.transpose(2, 3), dim=3) @ v
        attended_BPD: Tensor = self.out(mixed_BHPD.transpose(1, 2).reshape(windows, tokens, -1))
        return attended_BPD
