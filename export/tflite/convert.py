"""torch.export program -> TFLite flatbuffer in 32-bit float, by litert-torch."""

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from edgeacc.export.exporter import INPUT_NAME, named_outputs
from edgeacc.export.quiet import refusing
from edgeacc.export.streaming import FINISH, PIECE_NAME, STEP, TOKENS_NAME, StreamingProgram
from edgeacc.export.tflite.variables import with_variables
from edgeacc.models.streaming import HELD, Step


class _Named(nn.Module):
    """The program under the names that the artifact's signature is to carry."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        self.program = program.module()
        self.training = False  # `eval()` would reach into the captured program, which is of one mode and refuses

    def forward(self, acc: Tensor) -> dict[str, Tensor]:
        return named_outputs(self.program(acc))


class _Explicit(nn.Module):
    """`step` with what it holds as inputs, and as outputs of the same names."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step

    def forward(self, acc: Tensor, piece: Tensor, **held: Tensor) -> dict[str, Tensor]:
        tokens, kept = self.step.through(acc, piece, list(held.values()))
        return {TOKENS_NAME: tokens, **dict(zip(held, kept, strict=True))}


class _Finish(nn.Module):
    """`finish` under the names that the artifact's signature is to carry."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        self.program = program.module()
        self.training = False

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        return named_outputs(self.program(tokens))


def to_streaming_flatbuffer(program: StreamingProgram) -> bytes:
    """Convert both parts; signatures `step(acc, piece)` with resource variables, and `finish(tokens)`.

    Raises:
        NotPossibleHere: litert-torch refused, with its message.
    """
    held = {f"{HELD}{number}": each for number, each in enumerate(program.module.held)}
    (acc_1CS, piece_1111), _ = program.step.example_inputs
    (tokens_1DN,), _ = program.finish.example_inputs
    given = {INPUT_NAME: acc_1CS, PIECE_NAME: piece_1111, **held}
    with refusing("litert-torch", "convert the network"):
        import litert_torch

        with torch.no_grad():
            both = litert_torch.signature(STEP, _Explicit(program.module).eval(), sample_kwargs=given)
            both = both.signature(FINISH, _Finish(program.finish), sample_kwargs={TOKENS_NAME: tokens_1DN})
            content = bytes(both.convert().model_content())
        return with_variables(content, STEP, list(held))


def to_flatbuffer(program: ExportedProgram) -> bytes:
    """Convert; the signature is `serving_default(acc)`, its outputs by their names.

    Raises:
        NotPossibleHere: litert-torch refused, with its message.
    """
    (example_1CT,), _ = program.example_inputs
    with refusing("litert-torch", "convert the network"):
        import litert_torch

        with torch.no_grad():
            edge = litert_torch.convert(_Named(program), sample_kwargs={INPUT_NAME: example_1CT})
        return bytes(edge.model_content())
