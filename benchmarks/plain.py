"""The same networks written the usual way, with the same weights: what ours are compared with.

Conv1d and BatchNorm1d on (B, D, P), attention by `scaled_dot_product_attention`. The layers still take and give tokens
as (B, P, D), which between two plain layers is a view that costs nothing. The EfficientNet is written that way already.
"""

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeacc.models.alignment import Student
from edgeacc.models.encoder import Encoder
from edgeacc.models.layers import Block, Frames, Patches, Stage


def plain_encoder(encoder: Encoder) -> Encoder:
    """A copy of an encoder, its layers written plainly; equal to it to rounding, in training and in eval."""
    plain = copy.deepcopy(encoder)
    plain.tokenizer = nn.Sequential(*(_plain(layer) for layer in plain.tokenizer))
    plain.blocks = nn.Sequential(*(_plain(block) for block in plain.blocks))
    return plain


def plain_student(student: Student) -> Student:
    """The same of a student, whose head on the first layer's filters is a Conv1d then."""
    plain = copy.deepcopy(student)
    plain.encoder = plain_encoder(student.encoder)
    if plain.filter_head is not None:
        plain.filter_head.filters = cast("nn.Conv2d", _Conv1dOfImages(plain.filter_head.filters))
    return plain


def _plain(layer: nn.Module) -> nn.Module:
    match layer:
        case Patches():
            return _PlainPatches(layer)
        case Frames():
            return _PlainFrames(layer)
        case Stage():
            return _PlainStage(layer)
        case Block():
            return _PlainBlock(layer)
        case _:
            return layer


class _PlainPatches(nn.Module):
    def __init__(self, layer: Patches) -> None:
        super().__init__()
        weight_DI = layer.linear.weight
        weight_DCK = weight_DI.reshape(len(weight_DI), -1, layer.samples)
        self.filters = _conv1d(weight_DCK, layer.linear.bias, stride=layer.samples, padding=0)

    def filtered(self, x_BCT: Tensor) -> Tensor:
        return cast("Tensor", self.filters(x_BCT)).transpose(1, 2)

    def activated(self, filtered_BPD: Tensor) -> Tensor:
        return filtered_BPD

    def forward(self, x_BCT: Tensor) -> Tensor:
        return self.filtered(x_BCT)


class _PlainFrames(nn.Module):
    def __init__(self, layer: Frames) -> None:
        super().__init__()
        weight_DI = layer.linear.weight
        weight_DCK = weight_DI.reshape(len(weight_DI), -1, layer.samples)
        self.filters = _conv1d(weight_DCK, None, layer.stride, padding=(layer.samples - layer.stride) // 2)
        self.norm = layer.norm

    def filtered(self, x_BCT: Tensor) -> Tensor:
        return cast("Tensor", self.filters(x_BCT)).transpose(1, 2)

    def activated(self, filtered_BPD: Tensor) -> Tensor:
        return torch.relu(self.norm(filtered_BPD.transpose(1, 2))).transpose(1, 2)

    def forward(self, x_BCT: Tensor) -> Tensor:
        return self.activated(self.filtered(x_BCT))


class _PlainStage(nn.Module):
    def __init__(self, layer: Stage) -> None:
        super().__init__()
        weight_DI = layer.linear.weight
        weight_DCK = weight_DI.reshape(len(weight_DI), 3 * layer.stride, -1).transpose(1, 2)
        self.moment = _conv1d(weight_DCK, None, layer.stride, padding=layer.stride)
        self.window = None if layer.context is None else _conv1d(layer.context.weight[:, :, None], None, 1, padding=0)
        self.norm = layer.norm

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        tokens_BDP = tokens_BPD.transpose(1, 2)
        mixed_BDP = self.moment(tokens_BDP)
        if self.window is not None:
            mixed_BDP = mixed_BDP + self.window(tokens_BDP.mean(dim=2, keepdim=True))
        return torch.relu(self.norm(mixed_BDP)).transpose(1, 2)


class _PlainBlock(nn.Module):
    def __init__(self, block: Block) -> None:
        super().__init__()
        self.block = block

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        block = self.block
        tokens_BPD = tokens_BPD + self._attend(block.attention_norm(tokens_BPD))
        mixed_BPD: Tensor = tokens_BPD + block.mlp(block.mlp_norm(tokens_BPD))
        return mixed_BPD

    def _attend(self, x_BPD: Tensor) -> Tensor:
        parts = self.block.qkv(x_BPD).chunk(3, dim=2)
        q, k, v = (part.unflatten(2, (self.block.heads, -1)).transpose(1, 2) for part in parts)
        mixed_BPD: Tensor = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        attended_BPD: Tensor = self.block.out(mixed_BPD)
        return attended_BPD


class _Conv1dOfImages(nn.Module):
    """(B, D, 1, P) -> (B, E, 1, P)."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        weight_DCK = layer.weight.squeeze(2)
        self.filters = _conv1d(weight_DCK, None, stride=1, padding=weight_DCK.shape[2] // 2)

    def forward(self, image_BD1P: Tensor) -> Tensor:
        return cast("Tensor", self.filters(image_BD1P.squeeze(2))).unsqueeze(2)


def _conv1d(weight_DCK: Tensor, bias_D: Tensor | None, stride: int, padding: int) -> nn.Conv1d:
    width, channels, kernel = weight_DCK.shape
    layer = nn.Conv1d(channels, width, kernel, stride=stride, padding=padding, bias=bias_D is not None)
    layer.weight = nn.Parameter(weight_DCK.detach().clone(memory_format=torch.contiguous_format))
    if bias_D is not None:
        layer.bias = nn.Parameter(bias_D.detach().clone())
    return layer
