"""What structured pruning can take out of an encoder, and the smaller encoder that is left: no masks.

Inner layers lose whole filters, channels, attention heads or hidden units. The width of a token stays, and with it the
embedding: a probe that was fitted on the whole network's embedding reads the pruned one's.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from edgeacc.errors import BadInput
from edgeacc.models.alignment import Deployable, Student, encoder_of
from edgeacc.models.config import BlockConfig, EncoderConfig
from edgeacc.models.encoder import Encoder
from edgeacc.models.layers import Block, Frames, Stage

CHANNELS_TOGETHER = 8
"""Channels go by eights, as the kernels of AVX2 and NEON take them.

Measured with ONNX Runtime: two layers of 4 channels took 6 % longer than two of 8 with as much work in all.
"""
_STEPS = 16
"""A layer loses a sixteenth at a time, where that is more than eight (our choice)."""


class Layer(NamedTuple):
    """A layer that can lose some of its units.

    Attributes:
        name: where it is in the encoder.
        size: units that it has.
        step: units that go together.
    """

    name: str
    size: int
    step: int

    def left(self, ratio: float) -> int:
        """Units that are left without this part of them, the nearest multiple of `step`, half a step rounded up."""
        return int(self.size * (1 - ratio) / self.step + 0.5) * self.step

    def below(self, size: int) -> int:
        """The next smaller size than this one; 0 below the smallest."""
        return (size - 1) // self.step * self.step


def inner_layers(config: EncoderConfig) -> tuple[Layer, ...]:
    """The layers that can lose units, from the window to the embedding.

    Raises:
        BadInput: a family that is not pruned, or a network without an inner layer.
    """
    if config.family == "efficientnet":
        raise BadInput(
            f"{config.name} cannot be pruned: nothing takes channels out of an {config.family} yet",
            valid="a conv, a pyramid or a transformer",
            next_command="edgeacc ls sizes",
        )
    layers = [_channels(f"tokenizer.{place}", width) for place, width in enumerate(_widths(config)[:-1])]
    for place, block in enumerate(config.blocks):
        layers.append(Layer(f"blocks.{place}.heads", block.heads, 1))
        layers.append(_channels(f"blocks.{place}.hidden", block.hidden))
    return tuple(layers)


def shrunk(config: EncoderConfig, sizes: Mapping[str, int]) -> EncoderConfig:
    """The configuration with so many units left in each inner layer."""
    widths = [sizes.get(f"tokenizer.{place}", width) for place, width in enumerate(_widths(config))]
    stages = tuple(
        stage.model_copy(update={"width": width}) for stage, width in zip(config.stages, widths[1:], strict=True)
    )
    blocks = tuple(
        BlockConfig(heads=sizes[f"blocks.{place}.heads"], hidden=sizes[f"blocks.{place}.hidden"])
        for place in range(config.layers)
    )
    return config.model_copy(update={"frame_filters": widths[0], "stages": stages, "pruned": blocks})


def macs(config: EncoderConfig) -> int:
    """Multiply-accumulates of one window in its layers; the summary after them, which stays, is not counted."""
    widths, positions = _widths(config), config.first_tokens
    total = positions * config.in_channels * config.frame_samples * widths[0]
    for stage, width_in in zip(config.stages, widths, strict=False):
        positions //= stage.stride
        total += positions * 3 * stage.stride * width_in * stage.width
        total += width_in * stage.width if stage.context else 0
    for block in config.blocks:
        inner = block.heads * config.head_width
        total += positions * (4 * config.width * inner + 2 * config.width * block.hidden)
        total += 2 * positions * positions * inner
    return total


def without(
    network: Deployable, kept: Mapping[str, Tensor], mean: Mapping[str, Tensor], config: EncoderConfig
) -> Deployable:
    """A new network with only the kept units; what a removed unit gives on average stays where a bias can take it.

    Args:
        network: left as it is.
        kept: positions of the units that stay, ascending, of every inner layer.
        mean: what the units of a transformer block's layers give on average, (units, channels of one).
        config: of the new encoder.
    """
    encoder = encoder_of(network)
    smaller = Encoder(config)
    smaller.load_state_dict(dict(_encoder_state(encoder, kept, mean)))
    if isinstance(network, Encoder):
        return smaller.eval()
    heads = network.heads()
    if network.filter_head is not None:
        heads["filter_head.filters.weight"] = heads["filter_head.filters.weight"][:, kept["tokenizer.0"]]
    alignment = network.config.model_copy(update={"acc_first_width": config.frame_filters})
    student = Student(smaller, alignment)
    student.load_state_dict({f"encoder.{name}": value for name, value in smaller.state_dict().items()} | heads)
    return student.eval()


def gate_of(encoder: Encoder, layer: Layer) -> nn.Module:
    """The module whose output is a layer's units, or, of a transformer block, whose input is."""
    part, place, *inside = layer.name.split(".")
    if part == "tokenizer":
        found = encoder.tokenizer[int(place)]
        return found.linear if isinstance(found, Frames) else found
    block = cast("Block", encoder.blocks[int(place)])
    return block.out if inside == ["heads"] else block.mlp[2]


def _channels(name: str, size: int) -> Layer:
    step = max(CHANNELS_TOGETHER, size // _STEPS // CHANNELS_TOGETHER * CHANNELS_TOGETHER)
    return Layer(name, size, min(step, size))


def _widths(config: EncoderConfig) -> list[int]:
    """Of the first layer and every stage; the last is the token's."""
    return [config.frame_filters, *(stage.width for stage in config.stages)]


def _encoder_state(
    encoder: Encoder, kept: Mapping[str, Tensor], mean: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    cut: dict[str, Tensor] = {}
    before: Tensor | None = None
    for place, layer in enumerate(encoder.tokenizer):
        here = kept.get(f"tokenizer.{place}")
        if isinstance(layer, Frames | Stage):
            cut |= _tokenizer_layer(layer, f"tokenizer.{place}", before, here)
        before = here
    for place, block in enumerate(encoder.blocks):
        cut |= _block(cast("Block", block), f"blocks.{place}", kept, mean)
    for name, value in encoder.state_dict().items():
        yield name, cut.get(name, value)


def _tokenizer_layer(
    layer: Frames | Stage, name: str, before: Tensor | None, here: Tensor | None
) -> Iterator[tuple[str, Tensor]]:
    """Rows are its own channels; columns, of a stage, those of the layer before, for every token under the filter."""
    rows = slice(None) if here is None else here
    columns = slice(None) if before is None else before
    weight_DI = layer.linear.weight[rows]
    if isinstance(layer, Stage):
        weight_DI = weight_DI.unflatten(1, (3 * layer.stride, -1))[:, :, columns].flatten(1)
        if layer.context is not None:
            yield f"{name}.context.weight", layer.context.weight[rows][:, columns]
    yield f"{name}.linear.weight", weight_DI
    for part, value in layer.norm.state_dict().items():
        yield f"{name}.norm.{part}", value[rows] if value.ndim else value


def _block(
    block: Block, name: str, kept: Mapping[str, Tensor], mean: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    heads, hidden = kept[f"{name}.heads"], kept[f"{name}.hidden"]
    for part in ("weight", "bias"):
        qkv = block.qkv.get_parameter(part)
        yield f"{name}.qkv.{part}", qkv.unflatten(0, (3, block.heads, -1))[:, heads].flatten(0, 2)
    wide, narrow = cast("nn.Linear", block.mlp[0]), cast("nn.Linear", block.mlp[2])
    yield f"{name}.mlp.0.weight", wide.weight[hidden]
    yield f"{name}.mlp.0.bias", wide.bias[hidden]
    yield from _reading(block.out, f"{name}.out", heads, mean[f"{name}.heads"])
    yield from _reading(narrow, f"{name}.mlp.2", hidden, mean[f"{name}.hidden"])


def _reading(linear: nn.Linear, name: str, kept: Tensor, mean_UC: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The layer that reads the units: without those columns, their average in the bias."""
    weight_DUC = linear.weight.unflatten(1, mean_UC.shape)
    gone_UC = mean_UC.index_fill(0, kept, 0.0)
    yield f"{name}.weight", weight_DUC[:, kept].flatten(1)
    yield f"{name}.bias", linear.bias + torch.einsum("duc,uc->d", weight_DUC, gone_UC)
