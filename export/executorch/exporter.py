"""The ExecuTorch exporter, and the ExecuTorch runtime that runs the result."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput
from edgeacc.export.executorch.lower import to_pte
from edgeacc.export.executorch.quantize import static_int8
from edgeacc.export.exporter import Exporter, Level, Outputs, Session
from edgeacc.export.quiet import REFUSALS, contained


class ExecuTorchExporter(Exporter):
    """`.pte` for XNNPACK, through PT2E quantization where the recipe says int8."""

    target: ClassVar[str] = "executorch"
    level: ClassVar[Level] = "executed"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """See `Exporter.convert`; a program with undelegated arithmetic is refused."""
        if recipe.activations == "int8":
            program = static_int8(program, calibration_BCT)
        path = out / "model.pte"
        path.write_bytes(to_pte(program))
        return path

    def load(self, model: Path) -> Session:
        """See `Exporter.load`; the runtime's thread pool, one per process, is set to a single thread."""
        try:
            return _open_session(model)
        except REFUSALS as error:
            raise BadInput(f"ExecuTorch cannot load {model}: {error}") from error


def _open_session(model: Path) -> Session:
    with contained():
        from executorch.extension.pybindings import portable_lib
        from executorch.runtime import Runtime

        portable_lib._unsafe_reset_threadpool(1)
        program = Runtime.get().load_program(model)
        method = program.load_method("forward")

    def embed(acc_1CT: NDArray[np.float32]) -> Outputs:
        outputs = method.execute((torch.from_numpy(np.ascontiguousarray(acc_1CT)),))
        return tuple(each.numpy().copy() for each in outputs)  # the runtime writes the next ones to the same memory

    return embed
