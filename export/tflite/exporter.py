"""The TFLite exporter: convert, quantize, inline; and the LiteRT interpreter that runs the result."""

from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.bundle.manifest import Needs
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.exporter import INPUT_NAME, Exporter, Level, Outputs, Session, write_notes
from edgeacc.export.precision import Operation
from edgeacc.export.quiet import UNREADABLE, contained
from edgeacc.export.streaming import FINISH, PIECE_NAME, STEP, TOKENS_NAME, StreamingProgram, in_pieces
from edgeacc.export.tflite.convert import to_flatbuffer, to_streaming_flatbuffer
from edgeacc.export.tflite.flatbuffer import custom_operators, external_buffers, inlined, needs
from edgeacc.export.tflite.layers import by_layer, results_of
from edgeacc.export.tflite.precision import operations
from edgeacc.export.tflite.quantize import dynamic_int8, static, weights_only
from edgeacc.models.graph import attends


class TFLiteExporter(Exporter):
    """`.tflite` through litert-torch and ai-edge-quantizer."""

    target: ClassVar[str] = "tflite"
    level: ClassVar[Level] = "executed"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """See `Exporter.convert`; a static recipe notes both calibrations and which was kept."""
        model = to_flatbuffer(program)
        match recipe.activations:
            case "int8" | "int16":
                bits: Literal[8, 16] = 8 if recipe.activations == "int8" else 16
                in_float = results_of(model, program, recipe)
                # the firmware computes in integers alone
                products_only = attends(program.graph) and bits == 8 and recipe.target == self.target
                quantized = static(
                    model, calibration_BCT.numpy(), open_session, bits, in_float, products_only=products_only
                )
                model = quantized.model
                write_notes(out, kept=quantized.kept, snr_db_on_calibration_windows=quantized.snr_db)
            case "int8-dynamic":
                model = dynamic_int8(model)
            case "fp32" if recipe.weights == "int8":
                model = weights_only(model)
        return _written(model, out)

    def layers(self, program: ExportedProgram) -> list[str]:
        """See `Exporter.layers`."""
        return list(by_layer(to_flatbuffer(program), program))

    def convert_streaming(self, program: StreamingProgram, recipe: Recipe, out: Path) -> Path:
        """See `Exporter.convert_streaming`: signatures `step`, with resource variables, and `finish`."""
        return _written(to_streaming_flatbuffer(program), out)

    def load(self, model: Path) -> Session:
        """See `Exporter.load`."""
        return self.load_on_threads(model, 1)

    def load_on_threads(self, model: Path, threads: int) -> Session:
        """See `Exporter.load_on_threads`."""
        try:
            return open_session(model.read_bytes(), threads)
        except UNREADABLE as error:
            raise BadInput(f"LiteRT cannot load {model}: {error}") from error

    def needs(self, model: Path) -> Needs:
        """See `Exporter.needs`."""
        return needs(model.read_bytes())

    def operations(self, model: Path) -> tuple[Operation, ...]:
        """See `Exporter.operations`."""
        return operations(model.read_bytes())


def open_session(model: bytes, threads: int = 1) -> Session:
    """A LiteRT interpreter; int8 inputs and outputs are converted with the model's own scales."""
    with contained():
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(model_content=model, num_threads=threads)
        interpreter.allocate_tensors()
    if set(interpreter.get_signature_list()) == {STEP, FINISH}:
        return _streaming_session(interpreter)
    (entry,), results = interpreter.get_input_details(), interpreter.get_output_details()

    def embed(acc_1CT: NDArray[np.float32]) -> Outputs:
        interpreter.set_tensor(entry["index"], _stored(acc_1CT, entry["dtype"], *entry["quantization"]))
        interpreter.invoke()
        return tuple(_real(interpreter.get_tensor(each["index"]), *each["quantization"]) for each in results)

    return embed


def _written(model: bytes, out: Path) -> Path:
    model = inlined(model)
    if outside := external_buffers(model):
        raise NotPossibleHere(f"litert-torch left {outside} weight(s) outside the flatbuffer")
    foreign = custom_operators(model)
    if foreign:
        raise NotPossibleHere(f"litert-torch left operators that are not TFLite builtins: {', '.join(foreign)}")
    path = out / "model.tflite"
    path.write_bytes(model)
    return path


def _streaming_session(interpreter: Any) -> Session:  # noqa: ANN401
    step, finish = (interpreter.get_signature_runner(name) for name in (STEP, FINISH))
    samples = int(step.get_input_details()[INPUT_NAME]["shape"][2])
    tokens = step.get_output_details()[TOKENS_NAME]["shape"]
    pieces = int(finish.get_input_details()[TOKENS_NAME]["shape"][2] // tokens[2])
    names = sorted(finish.get_output_details(), key=lambda name: finish.get_output_details()[name]["index"])

    def one(acc_1CS: NDArray[np.float32], piece_1111: NDArray[np.float32]) -> NDArray[np.float32]:
        given: NDArray[np.float32] = step(**{INPUT_NAME: acc_1CS, PIECE_NAME: piece_1111})[TOKENS_NAME]
        return given

    def end(tokens_1DN: NDArray[np.float32]) -> Outputs:
        given = finish(**{TOKENS_NAME: tokens_1DN})
        return tuple(given[name] for name in names)

    return in_pieces(one, end, samples, pieces)


def _stored(x: NDArray[np.float32], dtype: type[np.generic], scale: float, zero_point: int) -> NDArray[np.generic]:
    if dtype == np.float32:
        return x
    limits = np.iinfo(np.dtype(dtype))
    stored: NDArray[np.generic] = np.clip(np.round(x / scale) + zero_point, limits.min, limits.max).astype(dtype)
    return stored


def _real(q: NDArray[np.generic], scale: float, zero_point: int) -> NDArray[np.float32]:
    if q.dtype == np.float32:
        return q.astype(np.float32, copy=False)
    return (q.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)
