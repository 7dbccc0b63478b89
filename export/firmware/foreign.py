"""Anybody's int8 .tflite as a C project, checked against LiteRT's reference kernels on random inputs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from edgeacc.errors import BadInput, ParityFailed
from edgeacc.export.firmware.compile import Compiled, compile_model
from edgeacc.export.firmware.project import write_project
from edgeacc.export.firmware.session import FirmwareSession
from edgeacc.export.quiet import UNREADABLE, contained

CHECKED = 8
"""Random inputs on which runtime and LiteRT must agree in every bit; our choice."""
SEED = 0


class ProjectResult(BaseModel):
    """One C project.

    Attributes:
        folder: where it is.
        blob_bytes: of read-only memory for the model; the code takes about 15 KB more.
        arena_bytes: of memory.
        macs: multiply-accumulates of one inference.
        layers: how many.
        checked: random inputs on which it gave LiteRT's bytes.
    """

    folder: str
    blob_bytes: int
    arena_bytes: int
    macs: int
    layers: int
    checked: int


def export_tflite(model: Path, folder: Path, *, force: bool = False) -> ProjectResult:
    """Compile, compare, and write a C project.

    Raises:
        BadInput: a damaged file, an operator that is lacking, or `folder` exists and `force` is not set.
        NotPossibleHere: ai-edge-litert or a C compiler is not installed.
        ParityFailed: the runtime gives other bytes than LiteRT.
    """
    compiled = compile_model(model)
    _require_equal(model, compiled)
    write_project(compiled, folder, force=force)
    return ProjectResult(
        folder=str(folder),
        blob_bytes=len(compiled.blob),
        arena_bytes=compiled.arena_bytes,
        macs=sum(layer.macs for layer in compiled.layers),
        layers=len(compiled.layers),
        checked=CHECKED,
    )


def _require_equal(model: Path, compiled: Compiled) -> None:
    random, session = np.random.default_rng(SEED), FirmwareSession(compiled)
    for number in range(CHECKED):
        inputs = [random.integers(-128, 128, port.shape).astype(np.int8) for port in compiled.inputs]
        session.reset()
        expected = _reference(model, compiled, inputs)
        for port, got, want in zip(compiled.outputs, session(inputs), expected, strict=True):
            if not np.array_equal(got, want):
                worst = int(np.abs(got.astype(int) - want.astype(int)).max())
                raise ParityFailed(f"{model}: output {port.name!r} differs by {worst} from LiteRT's, input {number}")


def _reference(model: Path, compiled: Compiled, inputs: Sequence[npt.NDArray[np.int8]]) -> list[npt.NDArray[np.int8]]:
    """What LiteRT gives; float inputs and outputs by the scales of the ports."""
    try:
        with contained():
            return _run(model, compiled, inputs)
    except UNREADABLE as error:
        raise BadInput(f"LiteRT cannot run {model}: {error}", valid="a whole .tflite file") from error


def _run(model: Path, compiled: Compiled, inputs: Sequence[npt.NDArray[np.int8]]) -> list[npt.NDArray[np.int8]]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(str(model), num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    for entry, port, values in zip(interpreter.get_input_details(), compiled.inputs, inputs, strict=True):
        real = ((values.astype(np.float32) - port.zero_point) * np.float32(port.scale)).astype(np.float32)
        interpreter.set_tensor(entry["index"], values if entry["dtype"] == np.int8 else real)
    interpreter.invoke()
    results = []
    for entry, port in zip(interpreter.get_output_details(), compiled.outputs, strict=True):
        found = interpreter.get_tensor(entry["index"])
        if found.dtype != np.int8:
            found = np.round(found / np.float32(port.scale)) + port.zero_point
        results.append(np.asarray(found).astype(np.int8).reshape(-1))
    return results
