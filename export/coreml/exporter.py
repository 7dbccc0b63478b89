"""The Core ML target behind the `Exporter` seam."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.bundle.manifest import Needs
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput
from edgeacc.export.coreml.convert import (
    Converted,
    convert,
    convert_functions,
    convert_streaming,
)
from edgeacc.export.coreml.evaluator import Evaluator
from edgeacc.export.coreml.package import Program, only_program, read_functions, specification_version
from edgeacc.export.coreml.precision import operations
from edgeacc.export.exporter import (
    EMBED,
    HEADS,
    INPUT_NAME,
    Exporter,
    Level,
    Outputs,
    Session,
    run_session,
    write_notes,
)
from edgeacc.export.mixed import weights_of
from edgeacc.export.offset import settle
from edgeacc.export.parity import parity
from edgeacc.export.precision import Operation
from edgeacc.export.pt2e import static_int8
from edgeacc.export.streaming import FINISH, STEP, StreamingProgram, in_pieces
from edgeacc.export.well_rounded import SMALLEST, well_rounded

PACKAGE_NAME = "model.mlpackage"
EQUAL_DB = 15.0
"""Our choice: embeddings of mixed-up windows have -3 dB, those of the shipped students 26 (w8a8) to 58 (fp16)."""


class CoreMLExporter(Exporter):
    """`.mlpackage` for watchOS and iOS; `load` gives the reference evaluator, no measure of Core ML's speed."""

    target: ClassVar[str] = "coreml"
    level: ClassVar[Level] = "evaluated"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """Write `model.mlpackage`; calibration windows set the ranges of int8 activations, where the recipe has them.

        They also decide how weights in few bits are rounded (`well_rounded`), and take back the constant error of
        rounded ones (`offset`).

        Raises:
            BadInput: the recipe's `minimum_os` names systems that coremltools does not know, or of different age.
            NotPossibleHere: coremltools refused the network, or the quantizer did.
        """
        return self._settled([program], convert, recipe, calibration_BCT, out)

    def convert_functions(
        self, network: ExportedProgram, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path
    ) -> Path:
        """See `Exporter.convert_functions`.

        Raises:
            BadInput: systems older than iOS18 and watchOS11, which read packages of one function only.
        """
        return self._settled([network, program], convert_functions, recipe, calibration_BCT, out)

    def _settled(
        self,
        programs: Sequence[ExportedProgram],
        write: Callable[..., Converted],
        recipe: Recipe,
        calibration_BCT: Tensor,
        out: Path,
    ) -> Path:
        """Write a package of programs, of which the last has all outputs."""
        package, converted = out / PACKAGE_NAME, list[Converted]()

        def written(*rounded: ExportedProgram) -> Path:
            if converted:
                shutil.rmtree(package)
            converted.append(write(*rounded, recipe=recipe, package=package))
            return package

        prepared = static_int8 if recipe.activations == "int8" else well_rounded
        rounded = [prepared(each, recipe, calibration_BCT) for each in programs]
        notes = settle(programs[-1], rounded, written, self.load, calibration_BCT)
        write_notes(out, **asdict(converted[-1]), **notes)
        return package

    def layers(self, program: ExportedProgram) -> list[str]:
        """See `Exporter.layers`; those of larger weights, since nothing else is compressed."""
        return list(weights_of(program, SMALLEST))

    def convert_streaming(self, program: StreamingProgram, recipe: Recipe, out: Path) -> Path:
        """See `Exporter.convert_streaming`: functions `step`, with states, and `finish`, in one package.

        Raises:
            BadInput: systems older than iOS18 and watchOS11, which have no states.
        """
        package = out / PACKAGE_NAME
        write_notes(out, specification_version=convert_streaming(program, recipe, package))
        return package

    def load(self, model: Path) -> Session:
        """Read a package back and give the evaluator of its program.

        Raises:
            BadInput: not a Core ML package, or one with operations that the evaluator does not know.
        """
        functions = read_functions(model)
        if functions.keys() == {STEP, FINISH}:
            return _streaming_session(functions[STEP], functions[FINISH])
        if functions.keys() == {EMBED, HEADS}:
            return _session_of_both(functions[EMBED], functions[HEADS])
        program = only_program(model, functions)
        _require_equal_in_batches(model, program)
        return Evaluator(program)

    def needs(self, model: Path) -> Needs:
        """See `Exporter.needs`: the package's specification, and operations of MIL."""
        steps = [step for program in read_functions(model).values() for step in program.steps]
        operators = tuple(sorted({step.operation for step in steps}))
        return Needs(format={"specification": str(specification_version(model))}, operators=operators)

    def operations(self, model: Path) -> tuple[Operation, ...]:
        """See `Exporter.operations`."""
        return operations(model)


def _require_equal_in_batches(model: Path, program: Program) -> None:
    """Raise BadInput where several windows at once come out as other than one by one.

    Windows of noise: what is computed together is summed in another order, and rounded elsewhere.
    """
    evaluate, (shape,) = Evaluator(program), program.inputs.values()
    for batch in program.batches:
        acc_BCT = np.random.default_rng(0).standard_normal((batch, *shape[1:]), np.float32)
        snr_db = parity(run_session(evaluate, acc_BCT)[0], evaluate(acc_BCT)[0]).snr_db
        if snr_db < EQUAL_DB:
            raise BadInput(f"{model} gives other embeddings for {batch} windows at once: {snr_db:.1f} dB")


def _session_of_both(embed: Program, heads: Program) -> Session:
    """What `heads` gives, where `embed` gives the same embedding in every bit."""
    evaluate_embed, evaluate_heads = Evaluator(embed), Evaluator(heads)

    def both(acc_1CT: NDArray[np.float32]) -> Outputs:
        (z_1D,), outputs = evaluate_embed(acc_1CT), evaluate_heads(acc_1CT)
        if not np.array_equal(z_1D, outputs[0], equal_nan=True):
            raise ValueError(f"the functions {EMBED} and {HEADS} give different embeddings")
        return outputs

    return both


def _streaming_session(step: Program, finish: Program) -> Session:
    evaluate_step, evaluate_finish = Evaluator(step), Evaluator(finish)
    (tokens_shape,) = finish.inputs.values()
    samples = step.inputs[INPUT_NAME][2]
    ((tokens_1DN,),) = (evaluate_step(*(np.zeros(shape, np.float32) for shape in step.inputs.values())),)

    def one(acc_1CS: NDArray[np.float32], piece_1111: NDArray[np.float32]) -> NDArray[np.float32]:
        return evaluate_step(acc_1CS, piece_1111)[0]

    return in_pieces(one, evaluate_finish, samples, tokens_shape[2] // tokens_1DN.shape[2])
