"""The Core ML target behind the `Exporter` seam."""

from pathlib import Path
from typing import ClassVar

from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.compression.recipe import Recipe
from edgeacc.export.coreml.convert import convert
from edgeacc.export.coreml.evaluator import Evaluator
from edgeacc.export.coreml.package import read_program
from edgeacc.export.exporter import Exporter, Level, Session, write_notes

PACKAGE_NAME = "model.mlpackage"


class CoreMLExporter(Exporter):
    """`.mlpackage` for watchOS and iOS; `load` gives the reference evaluator, no measure of Core ML's speed."""

    target: ClassVar[str] = "coreml"
    level: ClassVar[Level] = "evaluated"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """Write `model.mlpackage`; Core ML computes in float here, so calibration windows are not used.

        Raises:
            BadInput: the recipe's `minimum_os` names systems that coremltools does not know, or of different age.
            NotPossibleHere: coremltools refused the network.
        """
        package = out / PACKAGE_NAME
        converted = convert(program, recipe, package)
        write_notes(out, specification_version=converted.specification_version, int8_weights=converted.int8_weights)
        return package

    def load(self, model: Path) -> Session:
        """Read a package back and give the evaluator of its program.

        Raises:
            BadInput: not a Core ML package, or one with operations that the evaluator does not know.
        """
        return Evaluator(read_program(model))
