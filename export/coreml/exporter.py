"""The Core ML target behind the `Exporter` seam."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.compression.recipe import Recipe
from edgeacc.export.coreml.convert import convert
from edgeacc.export.coreml.evaluator import Evaluator
from edgeacc.export.coreml.offset import measure_offset, with_offset
from edgeacc.export.coreml.package import read_program
from edgeacc.export.exporter import Exporter, Level, Session, write_notes

PACKAGE_NAME = "model.mlpackage"
FEWEST_FOR_OFFSET = 4
"""Two windows measure the offset, two judge it; recipes ask for many more."""


class CoreMLExporter(Exporter):
    """`.mlpackage` for watchOS and iOS; `load` gives the reference evaluator, no measure of Core ML's speed."""

    target: ClassVar[str] = "coreml"
    level: ClassVar[Level] = "evaluated"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """Write `model.mlpackage`; calibration windows take back the constant error of rounded weights (`offset`).

        Raises:
            BadInput: the recipe's `minimum_os` names systems that coremltools does not know, or of different age.
            NotPossibleHere: coremltools refused the network.
        """
        package = out / PACKAGE_NAME
        converted = convert(program, recipe, package)
        notes: dict[str, float | bool] = {}
        if len(calibration_BCT) >= FEWEST_FOR_OFFSET:
            offset = measure_offset(program, self.load(package), calibration_BCT)
            if offset.helps:
                shutil.rmtree(package)
                converted = convert(with_offset(program, offset), recipe, package)
            notes = {"offset": offset.helps, "snr_db_before": offset.before_db, "snr_db_after": offset.after_db}
        write_notes(out, **asdict(converted), **notes)
        return package

    def load(self, model: Path) -> Session:
        """Read a package back and give the evaluator of its program.

        Raises:
            BadInput: not a Core ML package, or one with operations that the evaluator does not know.
        """
        return Evaluator(read_program(model))
