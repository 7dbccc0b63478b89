"""The streaming flavour: one artifact of two parts, `step` for each piece of a window and `finish` for its embedding.

`step` carries what its convolutions need from one piece to the next in the target's own state. It takes the piece
(1, 3, S) and its number in the window (1, 1, 1, 1), 0 where a window begins, and gives tokens (1, D, N); `finish` takes
the tokens of all pieces one after another, (1, D, pieces x N). What follows a window's end are zeros. The window is
prepared as a whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from edgeacc.bundle.manifest import StreamingSpec
from edgeacc.bundle.probe import Probe
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import NotPossibleHere, command
from edgeacc.export.exporter import Outputs, Session
from edgeacc.export.heads import with_heads
from edgeacc.models.cost import macs
from edgeacc.models.deploy import deployable
from edgeacc.models.encoder import Encoder
from edgeacc.models.streaming import Step, streaming
from edgeacc.signals.contract import SignalContract

STEP, FINISH = "step", "finish"
"""Names of the two parts in the artifact: signatures, methods or functions."""

PIECE_NAME, TOKENS_NAME = "piece", "tokens"
"""Names of the piece's number, and of what `step` gives and `finish` takes, where the format has names."""

RECIPES = ("coreml-fp16", "executorch-fp32", "tflite-fp32")
_WHY_NOT = {
    "coreai": "the state of a Core AI asset is not written here",
    "firmware": "its networks are int8",
    "onnx": "an ONNX graph keeps nothing from one call to the next",
}
_INT8 = "what is held from piece to piece would be rounded by ranges that were not measured on pieces"

Take = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""A loaded `step`: a piece (1, 3, S) and its number (1, 1, 1, 1) -> tokens (1, D, N)."""


@dataclass(frozen=True)
class StreamingProgram:
    """What a target converts.

    Attributes:
        module: `step` with its buffers.
        step: the same as a program, which changes its buffers.
        finish: (1, D, pieces x N) -> (1, D), or a dictionary with heads.
        spec: sizes and costs.
    """

    module: Step
    step: ExportedProgram
    finish: ExportedProgram
    spec: StreamingSpec

    def with_heads(self, probes: Mapping[str, Probe]) -> "StreamingProgram":
        """The same with heads behind the embedding."""
        return replace(self, finish=with_heads(self.finish, probes))


def require_streaming(recipe: Recipe) -> None:
    """Raise NotPossibleHere where a recipe has no streaming flavour, with the reason."""
    if f"{recipe.target}-{recipe.scheme}" not in RECIPES:
        raise NotPossibleHere(
            f"{recipe.name} has no streaming flavour: {_WHY_NOT.get(recipe.target, _INT8)}",
            valid=", ".join(RECIPES),
            next_command=command("edgeacc", "export", "--target", "tflite", "--recipe", "tflite-fp32", "--streaming"),
        )


def streaming_program(encoder: Encoder, contract: SignalContract) -> StreamingProgram:
    """An encoder in pieces, as programs.

    Raises:
        NotPossibleHere: its first layers read the whole window.
    """
    network = streaming(encoder, contract.rate_hz)
    piece = (torch.zeros(1, encoder.config.in_channels, network.samples), torch.zeros(1, 1, 1, 1))
    tokens = (torch.zeros(1, network.width, network.tokens * network.pieces),)
    spec = StreamingSpec(
        samples=network.samples,
        pieces=network.pieces,
        token_width=network.width,
        tokens=network.tokens,
        macs_per_piece=macs(network.step, *piece),
        macs_to_finish=macs(network.finish, *tokens),
        macs_per_window=macs(deployable(encoder), torch.zeros(1, encoder.config.in_channels, encoder.config.samples)),
    )
    return StreamingProgram(
        network.step, torch.export.export(network.step, piece), torch.export.export(network.finish, tokens), spec
    )


def in_pieces(step: Take, finish: Session, samples: int, pieces: int) -> Session:
    """A session of whole windows (1, 3, T) by `pieces` pieces of S `samples`.

    Raises (when called):
        ValueError: a window longer than all pieces.
    """

    def embed(acc_1CT: NDArray[np.float32]) -> Outputs:
        padded = np.pad(acc_1CT, [(0, 0), (0, 0), (0, samples * pieces - acc_1CT.shape[2])])
        given = [
            step(np.ascontiguousarray(piece_1CS), np.full((1, 1, 1, 1), number, np.float32))
            for number, piece_1CS in enumerate(np.split(padded, pieces, axis=2))
        ]
        return finish(np.concatenate(given, axis=2))

    return embed
