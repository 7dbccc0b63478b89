"""The firmware exporter: through static int8 TFLite to a blob, run by the C runtime on this machine."""

from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.bundle.manifest import Needs
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput
from edgeacc.export.exporter import Exporter, Level, Outputs, Session
from edgeacc.export.firmware.artifact import read_artifact, write_artifact
from edgeacc.export.firmware.compile import VERSION, Port, compile_model
from edgeacc.export.firmware.session import FirmwareSession
from edgeacc.export.precision import Operation
from edgeacc.export.tflite.exporter import TFLiteExporter


class FirmwareExporter(Exporter):
    """A folder with `model.bin` and `manifest.json`."""

    target: ClassVar[str] = "firmware"
    level: ClassVar[Level] = "executed"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """See `Exporter.convert`; the notes are those of the TFLite conversion."""
        tflite = TFLiteExporter().convert(program, recipe, calibration_BCT, out)
        compiled = compile_model(tflite)
        tflite.unlink()
        folder = out / "firmware"
        write_artifact(compiled, folder)
        return folder

    def load(self, model: Path) -> Session:
        """See `Exporter.load`."""
        compiled = read_artifact(model)
        if len(compiled.inputs) != 1 or not compiled.outputs:
            raise BadInput(
                f"{model} has {len(compiled.inputs)} inputs, {len(compiled.outputs)} outputs", valid="one input"
            )
        (entry,) = compiled.inputs
        run = FirmwareSession(compiled)

        def embed(acc_1CT: NDArray[np.float32]) -> Outputs:
            stored = np.clip(np.round(acc_1CT / entry.scale) + entry.zero_point, -128, 127).astype(np.int8)
            return tuple(_real(each, port) for each, port in zip(run([stored]), compiled.outputs, strict=True))

        return embed

    def needs(self, model: Path) -> Needs:
        """See `Exporter.needs`: the blob's version, and TFLite's names of its layers."""
        layers = read_artifact(model).layers
        operators = tuple(sorted({layer.operator for layer in layers}))
        return Needs(format={"blob": str(VERSION)}, operators=operators)

    def operations(self, model: Path) -> tuple[Operation, ...]:
        """See `Exporter.operations`: all compute in int8; constants are told with their biases, scales and tables."""
        return tuple(
            Operation(operator=layer.operator, name=layer.name, computes="int8", weights={"int8": layer.constant_bytes})
            for layer in read_artifact(model).layers
        )


def _real(stored: NDArray[np.int8], port: Port) -> NDArray[np.float32]:
    real: NDArray[np.float32] = (stored.astype(np.float32) - port.zero_point) * np.float32(port.scale)
    return real.reshape(port.shape)
