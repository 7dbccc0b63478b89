"""A convolutional encoder that takes a window in pieces: the same embedding, one piece's work at a time.

A convolution looks a fixed distance around each token, so its results can come as the samples come, if the last few
of its inputs are held for the next piece. What reads the whole window (a stage with context, and the summary) waits for
the last piece. A later window cannot take over an earlier one's tokens: `same` padding makes the results at a window's
edges its own, and the contract scores a window's samples by the whole window.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from edgeacc.errors import NotPossibleHere
from edgeacc.models.deploy import Deployed, deployable
from edgeacc.models.encoder import Encoder

PIECE_S = 1.0
"""A piece is the fewest whole tokens that last as long (our choice: how often a watch reads its sensor)."""

HELD = "held_"
"""What the names of the buffers begin with; their layer's number follows."""


class HeldConvolution(nn.Module):
    """A convolution with `same` padding and its ReLU, of one piece after another.

    Position j of piece k is result `k * results + j - delay` of the whole window; those before its first and after its
    last are zeros, as the next layer's padding has them.
    """

    places_111N: Tensor

    def __init__(self, layer: nn.Conv2d, *, inputs: int, late: int, window: int) -> None:
        """Make the layer.

        Args:
            layer: with `same` padding; its weights are shared.
            inputs: positions in one piece.
            late: positions by which they are late.
            window: positions in the whole window.
        """
        super().__init__()
        kernel, stride, padding = layer.kernel_size[1], layer.stride[1], cast("tuple[int, int]", layer.padding)[1]
        lag = kernel - stride - padding + late
        self.unused = -lag % stride
        self.delay = (lag + self.unused) // stride
        self.window, self.results = window // stride, inputs // stride
        self.held_shape = (1, layer.in_channels, 1, kernel - stride + self.unused)
        self.weight_DC1K, self.bias_D, self.stride = layer.weight, layer.bias, stride
        places_N = torch.arange(self.results, dtype=torch.float32) - self.delay
        self.register_buffer("places_111N", places_N.reshape(1, 1, 1, -1))

    def forward(self, x_1C1M: Tensor, held_1C1H: Tensor, piece_1111: Tensor) -> tuple[Tensor, Tensor]:
        """(1, C, 1, inputs) and what was held -> (1, D, 1, results) and what to hold."""
        seen_1C1L = torch.cat([held_1C1H * piece_1111.clamp(0.0, 1.0), x_1C1M], dim=3)
        length, held = seen_1C1L.shape[3], self.held_shape[3]
        read_1C1L = seen_1C1L[..., : length - self.unused] if self.unused else seen_1C1L
        out_1D1N = torch.relu(nn.functional.conv2d(read_1C1L, self.weight_DC1K, self.bias_D, (1, self.stride)))
        place_111N = self.places_111N + piece_1111 * float(self.results)
        inside_111N = (place_111N + 1.0).clamp(0.0, 1.0) * (float(self.window) - place_111N).clamp(0.0, 1.0)
        return out_1D1N * inside_111N, seen_1C1L[..., length - held :]


class Step(nn.Module):
    """One piece and its number -> its tokens, a few of them late; what the next piece needs is held in buffers.

    Piece 0 begins a window, whatever was held before. Pieces of zeros after the last one bring the tokens that are
    late. Samples must be finite: a NaN is held as long as they are late, and multiplying by zero does not end it.
    """

    def __init__(self, layers: Sequence[HeldConvolution]) -> None:
        """Take the layers in their order."""
        super().__init__()
        self.layers = nn.ModuleList(layers)
        for number, layer in enumerate(layers):
            self.register_buffer(f"{HELD}{number}", torch.zeros(layer.held_shape))

    @property
    def held(self) -> list[Tensor]:
        """The buffers, in the order of the layers, each (1, C, 1, H)."""
        return [self.get_buffer(f"{HELD}{number}") for number in range(len(self.layers))]

    def through(self, acc_1CS: Tensor, piece_1111: Tensor, held: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Tokens (1, D, N), and what to hold, without touching the buffers."""
        tokens_1D1N, kept = acc_1CS.unsqueeze(2), []
        for layer, held_1C1H in zip(self.layers, held, strict=True):
            tokens_1D1N, keep_1C1H = layer(tokens_1D1N, held_1C1H, piece_1111)
            kept.append(keep_1C1H)
        return tokens_1D1N.squeeze(2), kept

    def forward(self, acc_1CS: Tensor, piece_1111: Tensor) -> Tensor:
        """(1, C, S) samples and the piece's number (1, 1, 1, 1) -> tokens (1, D, N)."""
        tokens_1DN, kept = self.through(acc_1CS, piece_1111, self.held)
        for held_1C1H, keep_1C1H in zip(self.held, kept, strict=True):
            held_1C1H.copy_(keep_1C1H)
        return tokens_1DN


class Finish(nn.Module):
    """The tokens of all pieces, one after another -> the embedding (1, D)."""

    def __init__(self, rest: Deployed, delay: int, tokens: int) -> None:
        """Take the network without the layers that `Step` has; `tokens` of a window come `delay` tokens late."""
        super().__init__()
        self.rest, self.delay, self.tokens = rest, delay, tokens

    def forward(self, tokens_1DN: Tensor) -> Tensor:
        """(1, D, pieces x N) -> (1, D)."""
        z_1D: Tensor = self.rest(tokens_1DN[..., self.delay : self.delay + self.tokens])
        return z_1D


@dataclass(frozen=True)
class StreamingEncoder:
    """An encoder in pieces.

    Attributes:
        step: what each piece goes through.
        finish: what makes the embedding of all their tokens.
        samples: S, of one piece.
        pieces: of one window, with those of zeros at the end.
        width: of a token that `step` gives.
        tokens: N, that it gives for a piece.
    """

    step: Step
    finish: Finish
    samples: int
    pieces: int
    width: int
    tokens: int

    def __call__(self, window_1CT: Tensor) -> Tensor:
        """One prepared window (1, C, T) piece by piece -> its embedding (1, D)."""
        given = [
            self.step(piece_1CS, torch.full((1, 1, 1, 1), float(number)))
            for number, piece_1CS in enumerate(pieces_of(window_1CT, self.samples, self.pieces))
        ]
        z_1D: Tensor = self.finish(torch.cat(given, dim=2))
        return z_1D


def pieces_of(window_1CT: Tensor, samples: int, pieces: int) -> Iterator[Tensor]:
    """A window in pieces (1, C, S), zeros after its end."""
    missing = samples * pieces - window_1CT.shape[2]
    yield from nn.functional.pad(window_1CT, (0, missing)).split(samples, dim=2)


def streaming(encoder: Encoder, rate_hz: float) -> StreamingEncoder:
    """The encoder in pieces of a second or, where its tokens are longer, of one token; equal to it to 1e-4.

    Raises:
        NotPossibleHere: its first layers read the whole window, so that nothing could be done before the window's end.
    """
    config = encoder.config
    if config.family != "conv":
        raise NotPossibleHere(
            f"{config.name} cannot stream: {_WHY_NOT[config.family]}",
            valid="a student of the conv family, such as conv-xs",
            next_command="edgeacc ls sizes",
        )
    samples = config.token_samples * math.ceil(PIECE_S * rate_hz / config.token_samples)
    rest = deployable(encoder)
    streamed = list(_held(rest, samples, config.samples))
    rest.tokenizer = nn.Sequential(*list(rest.tokenizer)[2 * len(streamed) :])
    last = streamed[-1]
    pieces = math.ceil((last.window + last.delay) / last.results)
    width = last.weight_DC1K.shape[0]
    finish = Finish(rest, last.delay, last.window)
    return StreamingEncoder(Step(streamed).eval(), finish.eval(), samples, pieces, width, last.results)


_WHY_NOT = {
    "transformer": "its attention reads all tokens of the window",
    "pyramid": "its attention reads all tokens of the window",
    "efficientnet": "the gate of its first block reads the whole window",
}


def _held(deployed: Deployed, inputs: int, window: int) -> Iterator[HeldConvolution]:
    """The convolutions, each with the ReLU after it, before the first layer that reads the whole window."""
    late = 0
    for layer in list(deployed.tokenizer)[::2]:
        if not isinstance(layer, nn.Conv2d):
            return
        held = HeldConvolution(layer, inputs=inputs, late=late, window=window)
        yield held
        inputs, late, window = held.results, held.delay, held.window
