"""The ExecuTorch exporter, and the ExecuTorch runtime that runs the result."""

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.bundle.manifest import Needs
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput
from edgeacc.export.executorch.lower import to_pte, to_streaming_pte
from edgeacc.export.executorch.precision import operations
from edgeacc.export.exporter import Exporter, Level, Outputs, Session
from edgeacc.export.mixed import layers_of
from edgeacc.export.precision import Operation
from edgeacc.export.pt2e import static_int8
from edgeacc.export.quiet import REFUSALS, contained
from edgeacc.export.streaming import FINISH, STEP, StreamingProgram, in_pieces


class ExecuTorchExporter(Exporter):
    """`.pte` for XNNPACK, through PT2E quantization where the recipe says int8."""

    target: ClassVar[str] = "executorch"
    level: ClassVar[Level] = "executed"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """See `Exporter.convert`; a program with undelegated arithmetic is refused."""
        if recipe.activations == "int8":
            program = static_int8(program, recipe, calibration_BCT)
        path = out / "model.pte"
        path.write_bytes(to_pte(program))
        return path

    def layers(self, program: ExportedProgram) -> list[str]:
        """See `Exporter.layers`."""
        return list(layers_of(program))

    def convert_streaming(self, program: StreamingProgram, recipe: Recipe, out: Path) -> Path:
        """See `Exporter.convert_streaming`: methods `step`, with mutable buffers, and `finish`."""
        path = out / "model.pte"
        path.write_bytes(to_streaming_pte(program))
        return path

    def load(self, model: Path) -> Session:
        """See `Exporter.load`; the runtime's thread pool, one per process, is set to a single thread."""
        return self.load_on_threads(model, 1)

    def load_on_threads(self, model: Path, threads: int) -> Session:
        """See `Exporter.load_on_threads`; the runtime's thread pool, one per process, is set to as many."""
        try:
            return _open_session(model, threads)
        except REFUSALS as error:
            raise BadInput(f"ExecuTorch cannot load {model}: {error}") from error

    def needs(self, model: Path) -> Needs:
        """See `Exporter.needs`: the program's schema and delegates, and the kernels outside them."""
        program = read_program(model)
        plans = program.execution_plan
        delegates = sorted({each.id for plan in plans for each in plan.delegates})
        kernels = {f"{each.name}.{each.overload}".rstrip(".") for plan in plans for each in plan.operators}
        versions = {"program": str(program.version), "delegates": ", ".join(delegates)}
        return Needs(format=versions, operators=tuple(sorted(kernels)))

    def operations(self, model: Path) -> tuple[Operation, ...]:
        """See `Exporter.operations`."""
        return operations(read_program(model))


def planned_bytes(model: Path) -> int:
    """Memory that a program's plan holds for its tensors, all methods together, without what delegates take."""
    return sum(sum(plan.non_const_buffer_sizes) for plan in read_program(model).execution_plan)


def read_program(model: Path) -> Any:  # noqa: ANN401
    """What a .pte file says, as the objects of ExecuTorch's schema."""
    with contained():
        from executorch.exir._serialize._program import deserialize_pte_binary

        return deserialize_pte_binary(model.read_bytes()).program


def _open_session(model: Path, threads: int) -> Session:
    with contained():
        from executorch.extension.pybindings import portable_lib
        from executorch.runtime import Runtime

        portable_lib._unsafe_reset_threadpool(threads)
        program = Runtime.get().load_program(model)
        if program.method_names == {STEP, FINISH}:
            return _streaming_session(program.load_method(STEP), program.load_method(FINISH))
        method = program.load_method("forward")

    return partial(_call, method)


def _streaming_session(step: Any, finish: Any) -> Session:  # noqa: ANN401
    _, _, samples = step.metadata.input_tensor_meta(0).sizes()
    _, _, tokens = step.metadata.output_tensor_meta(0).sizes()
    _, _, all_tokens = finish.metadata.input_tensor_meta(0).sizes()

    def one(acc_1CS: NDArray[np.float32], piece_1111: NDArray[np.float32]) -> NDArray[np.float32]:
        return _call(step, acc_1CS, piece_1111)[0]

    return in_pieces(one, partial(_call, finish), samples, all_tokens // tokens)


def _call(method: Any, *inputs: NDArray[np.float32]) -> Outputs:  # noqa: ANN401
    outputs = method.execute(tuple(torch.from_numpy(np.ascontiguousarray(each)) for each in inputs))
    return tuple(each.numpy().copy() for each in outputs)  # the runtime writes the next ones to the same memory
