"""torch.export program -> TFLite flatbuffer in 32-bit float, by litert-torch."""

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from edgeacc.export.exporter import INPUT_NAME, named_outputs
from edgeacc.export.quiet import refusing


class _Named(nn.Module):
    """The program under the names that the artifact's signature is to carry."""

    def __init__(self, program: ExportedProgram) -> None:
        super().__init__()
        self.program = program.module()
        self.training = False  # `eval()` would reach into the captured program, which is of one mode and refuses

    def forward(self, acc: Tensor) -> dict[str, Tensor]:
        return named_outputs(self.program(acc))


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
