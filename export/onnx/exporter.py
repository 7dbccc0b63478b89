"""The ONNX exporter, and the onnxruntime session that runs the result."""

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
from edgeacc.export.exporter import INPUT_NAME, Exporter, Level, Outputs, Session, output_names
from edgeacc.export.onnx.precision import operations
from edgeacc.export.onnx.quantize import dynamic_int8
from edgeacc.export.precision import Operation
from edgeacc.export.quiet import REFUSALS, contained, refusing

OPSET = 18
"""The oldest operator set that torch's exporter writes without a conversion step: every current runtime reads it."""


class OnnxExporter(Exporter):
    """`.onnx` through torch.onnx, weights inside the file."""

    target: ClassVar[str] = "onnx"
    level: ClassVar[Level] = "executed"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """See `Exporter.convert`; int8 is onnxruntime's own."""
        path = out / "model.onnx"
        model = _to_onnx(program)
        if recipe.weights == "int8":
            model = dynamic_int8(model)
        _forget_origin(model)
        path.write_bytes(model.SerializeToString(deterministic=True))
        return path

    def load(self, model: Path) -> Session:
        """See `Exporter.load`."""
        return self.load_on_threads(model, 1)

    def load_on_threads(self, model: Path, threads: int) -> Session:
        """See `Exporter.load_on_threads`: threads within an operator; operators run one after another."""
        with contained():
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
            try:
                session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            except (*REFUSALS, *_runtime_errors()) as error:
                raise BadInput(f"onnxruntime cannot load {model}: {error}") from error

        def embed(acc_1CT: NDArray[np.float32]) -> Outputs:
            try:
                return tuple(session.run(None, {INPUT_NAME: acc_1CT}))
            except _runtime_errors() as error:  # none of Python's own kinds
                raise RuntimeError(str(error)) from error

        return embed

    def needs(self, model: Path) -> Needs:
        """See `Exporter.needs`; `onnx` is the oldest release with this operator set and file format."""
        with contained():
            import onnx

            graph = onnx.load(model)
        used = {node.domain for node in graph.graph.node} | {""}
        sets = {each.domain or "ai.onnx": each.version for each in graph.opset_import if each.domain in used}
        versions = {f"opset {domain}": str(version) for domain, version in sets.items()}
        versions |= {"ir_version": str(graph.ir_version), "onnx": _oldest_release(graph.ir_version, sets["ai.onnx"])}
        return Needs(format=versions, operators=tuple(sorted({node.op_type for node in graph.graph.node})))

    def operations(self, model: Path) -> tuple[Operation, ...]:
        """See `Exporter.operations`."""
        return operations(model)


def _oldest_release(ir_version: int, opset: int) -> str:
    """Of ONNX, by its own table: the first that knows both."""
    from onnx.helper import VERSION_TABLE

    return next(str(row[0]) for row in VERSION_TABLE if row[1] >= ir_version and row[2] >= opset)


def _to_onnx(program: ExportedProgram) -> Any:  # noqa: ANN401
    with refusing("torch.onnx", "convert the network"):
        import onnx

        converted = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT_NAME],
            output_names=output_names(program),
            verbose=False,
        )
        if converted is None:
            raise RuntimeError("it gave no program")
        model = converted.model_proto
    with refusing("onnx.checker", "accept the graph", onnx.checker.ValidationError):
        onnx.checker.check_model(model, full_check=True)
    return model


def _forget_origin(model: Any) -> None:  # noqa: ANN401
    """Drop stack traces, which hold paths of the machine that exported."""
    for node in model.graph.node:
        del node.metadata_props[:]


def _runtime_errors() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented)
