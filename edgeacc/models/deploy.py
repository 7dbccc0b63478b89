"""The one form that every target starts from: fixed shapes, BatchNorm folded, convolutions of height 1.

Why (measured): Conv1d and BatchNorm left in cost ExecuTorch 21 delegate calls instead of 1 and static int8 8.3 dB
instead of 15.9 dB; a fused attention leaves operations undelegated.
"""

import copy
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.nn.utils.fusion import fuse_conv_bn_eval

from edgeacc.errors import BadInput
from edgeacc.models.efficientnet import ConvNorm, Inverted, Last, Stem
from edgeacc.models.encoder import LAGS, PARTS, Encoder
from edgeacc.models.layers import Frames, Patches, Stage
from edgeacc.signals.contract import SignalContract


class Deployed(nn.Module):
    """(1, C, T) -> (1, D): equal to the encoder it was made from, written in what every target has.

    Tokens are carried as images of height 1, (1, D, 1, P), but inside the transformer blocks.
    """

    positions_1PD: Tensor

    def __init__(self, encoder: Encoder) -> None:
        """Fold and rewrite; the encoder is left as it is."""
        super().__init__()
        self.tokenizer = nn.Sequential(*_convolutions(encoder.tokenizer))
        self.blocks = copy.deepcopy(encoder.blocks)
        self.norm = copy.deepcopy(encoder.norm)
        self.register_buffer("positions_1PD", encoder.positions_PD[None].clone())
        scales, shifts = encoder.z_scale_D.chunk(PARTS), encoder.z_shift_D.chunk(PARTS)
        self.scales = nn.ModuleList(_per_channel(scale, shift) for scale, shift in zip(scales, shifts, strict=True))

    def forward(self, x_1CT: Tensor) -> Tensor:
        """One prepared window (1, C, T) -> its embedding (1, D)."""
        return self.embedding(self.attend(self.tokenizer(x_1CT.unsqueeze(2))))

    def attend(self, tokens_1D1P: Tensor) -> Tensor:
        """Positions, transformer blocks and the last norm; nothing in the conv families."""
        if not len(self.blocks):
            return tokens_1D1P
        tokens_1PD = tokens_1D1P.squeeze(2).transpose(1, 2) + self.positions_1PD
        mixed_1D1P: Tensor = self.norm(self.blocks(tokens_1PD)).transpose(1, 2).unsqueeze(2)
        return mixed_1D1P

    def embedding(self, tokens_1D1P: Tensor) -> Tensor:
        """The summary on the fitted scale, (1, D)."""
        parts = [scale(part) for scale, part in zip(self.scales, _summary_parts(tokens_1D1P), strict=True)]
        return torch.cat(parts, dim=1).flatten(1)


class BothEnds(Deployed):
    """(1, C, T) -> the embedding, and flat what retrieval reads: the first layer's filters, and the tokens."""

    def forward(self, x_1CT: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        """One prepared window -> `embedding` (1, D), `filtered` (1, D0 P0) and `tokens` (1, D P)."""
        first, *others = self.tokenizer
        tokens_1D1P = filtered_1D1P = first(x_1CT.unsqueeze(2))
        for layer in others:
            tokens_1D1P = layer(tokens_1D1P)
        tokens_1D1P = self.attend(tokens_1D1P)
        return {
            "embedding": self.embedding(tokens_1D1P),
            "filtered": filtered_1D1P.flatten(1),
            "tokens": tokens_1D1P.flatten(1),
        }

    @staticmethod
    def read(encoder: Encoder, filtered_BN: Tensor, tokens_BN: Tensor) -> tuple[Tensor, Tensor]:
        """Both as `Encoder.both_ends` gives them, (B, P0, D0) without the folded BatchNorm, and (B, P, D)."""
        first = cast("Frames | Patches | Stem", encoder.tokenizer[0])
        filtered_BPD = filtered_BN.reshape(len(filtered_BN), -1, encoder.config.first_tokens).transpose(1, 2)
        if not isinstance(first, Patches):
            norm = first.filters.norm if isinstance(first, Stem) else first.norm
            mean_D = cast("Tensor", norm.running_mean)
            filtered_BPD = (filtered_BPD - norm.bias) / _gain(norm) + mean_D
        return filtered_BPD, tokens_BN.reshape(len(tokens_BN), -1, encoder.config.tokens).transpose(1, 2)


class WithContext(nn.Module):
    """A stage that also sees the mean of all tokens: two convolutions, added."""

    def __init__(self, stage: Stage) -> None:
        """Fold the stage's BatchNorm into both."""
        super().__init__()
        if stage.context is None:
            raise TypeError("a stage without context is one convolution")
        self.moment = _stage_as_convolution(stage)
        weight_DI = stage.context.weight * _gain(stage.norm)[:, None]
        self.window = _convolution(weight_DI[:, :, None, None], None, stride=1, padding=0)

    def forward(self, tokens_1D1P: Tensor) -> Tensor:
        """(1, D_in, 1, P) -> (1, D, 1, P / stride)."""
        mean_1D11 = tokens_1D1P.mean(dim=(2, 3), keepdim=True)
        mixed_1D1P: Tensor = self.moment(tokens_1D1P) + self.window(mean_1D11)
        return mixed_1D1P


class Image(nn.Module):
    """A layer of the EfficientNet with its BatchNorms folded, on images of height 1."""

    def __init__(self, layer: Inverted | Last) -> None:
        """Fold a copy."""
        super().__init__()
        self.layer = _with_folded_norms(copy.deepcopy(layer).eval())

    def forward(self, x_1D1P: Tensor) -> Tensor:
        """(1, D_in, 1, P) -> (1, D, 1, P / stride)."""
        return cast("Inverted | Last", self.layer).image(x_1D1P)


def deployable(encoder: Encoder) -> Deployed:
    """The deployed form of an encoder, in eval, without gradients; equal to it to 1e-5."""
    return Deployed(encoder).eval().requires_grad_(requires_grad=False)


def exported_program(encoder: Encoder, contract: SignalContract, batch: int = 1) -> ExportedProgram:
    """The one program from which every target starts, (1, C, T) -> (1, D); with `batch`, (B, C, T) for 1 <= B <= batch.

    Raises:
        BadInput: the encoder's window is not the contract's.
    """
    config = encoder.config
    if config.samples != contract.samples:
        raise BadInput(
            f"the encoder reads windows of {config.samples} samples, the signal contract has {contract.samples}",
            valid="an encoder trained on this contract",
        )
    example = (torch.zeros(batch, config.in_channels, config.samples),)
    return torch.export.export(deployable(encoder), example, dynamic_shapes=_free_up_to(batch))


def both_ends_program(encoder: Encoder) -> ExportedProgram:
    """The network with both ends as outputs beside the embedding, one window at a time."""
    network = BothEnds(encoder).eval().requires_grad_(requires_grad=False)
    return torch.export.export(network, (torch.zeros(1, encoder.config.in_channels, encoder.config.samples),))


def largest_batch(program: ExportedProgram) -> int:
    """The most windows that a program takes at once."""
    return max([1, *(int(bounds.upper) for bounds in program.range_constraints.values())])


def export_like(program: ExportedProgram, network: nn.Module) -> ExportedProgram:
    """A network that was made from a program, for as many windows as that takes."""
    return torch.export.export(network, program.example_inputs[0], dynamic_shapes=_free_up_to(largest_batch(program)))


def _free_up_to(batch: int) -> tuple[dict[int, Any]] | None:
    return ({0: Dim("batch", min=1, max=batch)},) if batch > 1 else None


@torch.no_grad()
def restored(deployed: Deployed, encoder: Encoder) -> Encoder:
    """An encoder whose deployed form is this one: the inverse of `deployable`.

    Args:
        deployed: with weights of its own.
        encoder: that it was made from; its BatchNorms keep their statistics and gains, so that what the filters of its
            first layer give stays on its scale. It is left as it is.

    Raises:
        BadInput: an EfficientNet.
    """
    made = copy.deepcopy(encoder)
    rewritten = (layer for layer in deployed.tokenizer if not isinstance(layer, nn.ReLU | nn.SiLU))
    for layer, convolution in zip(made.tokenizer, rewritten, strict=True):
        match layer, convolution:
            case Patches(), nn.Conv2d():
                layer.linear.weight.copy_(convolution.weight.flatten(1))
                layer.linear.bias.copy_(cast("Tensor", convolution.bias))
            case Frames(), nn.Conv2d():
                _unfold(layer.linear, layer.norm, convolution.weight.flatten(1), convolution.bias)
            case Stage(), nn.Conv2d() | WithContext():
                moment = convolution.moment if isinstance(convolution, WithContext) else convolution
                gain_D = _gain(layer.norm)  # before the bias is put back
                _unfold(layer.linear, layer.norm, moment.weight.squeeze(2).transpose(1, 2).flatten(1), moment.bias)
                if layer.context is not None and isinstance(convolution, WithContext):
                    layer.context.weight.copy_(convolution.window.weight.flatten(1) / gain_D[:, None])
            case _:
                raise BadInput(
                    f"{encoder.config.name} cannot be put back from its deployed form", valid="a conv or a transformer"
                )
    made.blocks.load_state_dict(deployed.blocks.state_dict())
    made.norm.load_state_dict(deployed.norm.state_dict())
    scales = [cast("nn.Conv2d", scale) for scale in deployed.scales]
    made.z_scale_D.copy_(torch.cat([scale.weight.flatten() for scale in scales]))
    made.z_shift_D.copy_(torch.cat([cast("Tensor", scale.bias) for scale in scales]))
    return made


def _unfold(linear: nn.Linear, norm: nn.BatchNorm1d, weight_DI: Tensor, bias_D: Tensor | None) -> None:
    gain_D = _gain(norm)
    linear.weight.copy_(weight_DI / gain_D[:, None])
    norm.bias.copy_(cast("Tensor", bias_D) + cast("Tensor", norm.running_mean) * gain_D)


def _summary_parts(tokens_1D1P: Tensor) -> Iterator[Tensor]:
    """The parts of `edgeacc.models.encoder.summarise`, each (1, D, 1, 1)."""
    mean_1D11 = tokens_1D1P.mean(dim=(2, 3), keepdim=True)
    yield mean_1D11
    yield (tokens_1D1P - mean_1D11).abs().mean(dim=(2, 3), keepdim=True)
    for lag in LAGS:
        yield (tokens_1D1P[..., lag:] - tokens_1D1P[..., :-lag]).abs().mean(dim=(2, 3), keepdim=True)


def _convolutions(tokenizer: nn.Sequential) -> Iterator[nn.Module]:
    for layer in tokenizer:
        match layer:
            case Patches():
                yield _patches_as_convolution(layer)
            case Frames():
                yield from (_frames_as_convolution(layer), nn.ReLU())
            case Stem():
                yield from (_with_folded_norms(copy.deepcopy(layer.filters).eval()), nn.SiLU())
            case Inverted() | Last():
                yield Image(layer)
            case Stage(context=None):
                yield from (_stage_as_convolution(layer), nn.ReLU())
            case Stage():
                yield from (WithContext(layer), nn.ReLU())
            case _:
                raise TypeError(f"no deployed form of a {type(layer).__name__}")


def _patches_as_convolution(layer: Patches) -> nn.Conv2d:
    width, inputs = layer.linear.weight.shape
    weight_DC1K = layer.linear.weight.reshape(width, inputs // layer.samples, 1, layer.samples)
    return _convolution(weight_DC1K, layer.linear.bias, stride=layer.samples, padding=0)


def _frames_as_convolution(layer: Frames) -> nn.Conv2d:
    weight_DI, bias_D = _folded(layer.linear, layer.norm)
    weight_DC1K = weight_DI.reshape(weight_DI.shape[0], -1, 1, layer.samples)
    return _convolution(weight_DC1K, bias_D, stride=layer.stride, padding=(layer.samples - layer.stride) // 2)


def _stage_as_convolution(layer: Stage) -> nn.Conv2d:
    weight_DI, bias_D = _folded(layer.linear, layer.norm)
    weight_DC1K = weight_DI.reshape(weight_DI.shape[0], 3 * layer.stride, -1).transpose(1, 2).unsqueeze(2)
    return _convolution(weight_DC1K, bias_D, stride=layer.stride, padding=layer.stride)


def _with_folded_norms(layer: nn.Module) -> nn.Module:
    """The layer, in which every ConvNorm has become one convolution."""
    if isinstance(layer, ConvNorm):
        return fuse_conv_bn_eval(layer.conv, layer.norm)
    for name, child in layer.named_children():
        setattr(layer, name, _with_folded_norms(child))
    return layer


def _folded(linear: nn.Linear, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Weight and bias of the linear map with the BatchNorm after it folded in."""
    gain_D = _gain(norm)
    return linear.weight * gain_D[:, None], norm.bias - cast("Tensor", norm.running_mean) * gain_D


def _gain(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Tensor:
    return norm.weight / torch.sqrt(cast("Tensor", norm.running_var) + norm.eps)


def _convolution(weight_DC1K: Tensor, bias_D: Tensor | None, *, stride: int, padding: int) -> nn.Conv2d:
    width, channels, _, kernel = weight_DC1K.shape
    layer = nn.Conv2d(channels, width, (1, kernel), stride=(1, stride), padding=(0, padding), bias=bias_D is not None)
    layer.weight = nn.Parameter(weight_DC1K.detach().clone(memory_format=torch.contiguous_format))
    if bias_D is not None:
        layer.bias = nn.Parameter(bias_D.detach().clone())
    return layer


def _per_channel(scale_D: Tensor, shift_D: Tensor) -> nn.Conv2d:
    """Scale x + shift as a depthwise 1 x 1 convolution: int8 weights per channel then hold every scale exactly."""
    width = scale_D.shape[0]
    layer = nn.Conv2d(width, width, 1, groups=width)
    layer.weight = nn.Parameter(scale_D.detach().clone().reshape(width, 1, 1, 1))
    layer.bias = nn.Parameter(shift_D.detach().clone())
    return layer
