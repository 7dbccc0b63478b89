"""Run a .tflite in a runtime of the field, in a process of its own: this file imports nothing of edgeacc.

Usage: field_worker.py MODULE OUTPUTS MODEL WINDOWS.npy RESULTS.npz

MODULE is `tflite_runtime` or `tflite_micro`, OUTPUTS their number. The results are each output of all windows,
dequantized, as array `0`, `1`, ... of shape (B, ...).
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Run = Callable[[Any], list[Any]]

ARENA_BYTES = 1 << 26
"""Of TensorFlow Lite Micro here: far more than any network of ours plans (our choice)."""


def legacy(model: str, outputs: int) -> Run:
    """tflite-runtime, on one thread."""
    from tflite_runtime.interpreter import Interpreter

    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    (entry,), results = interpreter.get_input_details(), interpreter.get_output_details()[:outputs]

    def run(window: Any) -> list[Any]:  # noqa: ANN401
        interpreter.set_tensor(entry["index"], stored(window, entry["dtype"], *entry["quantization"]))
        interpreter.invoke()
        return [real(interpreter.get_tensor(each["index"]), *each["quantization"]) for each in results]

    return run


def micro(model: str, outputs: int) -> Run:
    """TensorFlow Lite Micro's reference kernels."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_file(model, arena_size=ARENA_BYTES)
    entry, results = interpreter.get_input_details(0), [interpreter.get_output_details(n) for n in range(outputs)]

    def run(window: Any) -> list[Any]:  # noqa: ANN401
        interpreter.set_input(stored(window, entry["dtype"], *only(entry)), 0)
        interpreter.invoke()
        return [real(interpreter.get_output(number), *only(each)) for number, each in enumerate(results)]

    return run


def only(details: dict[str, Any]) -> tuple[float, int]:
    """The scale and zero point of a tensor that has one of each; of a float tensor, none that are used."""
    both = details["quantization_parameters"]
    return (both["scales"][0], both["zero_points"][0]) if len(both["scales"]) else (1.0, 0)


def stored(window: Any, dtype: type[Any], scale: float, zero_point: int) -> Any:  # noqa: ANN401
    """As the model stores its input."""
    if dtype == np.float32:
        return window
    limits = np.iinfo(dtype)
    return np.clip(np.round(window / scale) + zero_point, limits.min, limits.max).astype(dtype)


def real(values: Any, scale: float, zero_point: int) -> Any:  # noqa: ANN401
    """In 32-bit float, and not in the runtime's memory."""
    if values.dtype == np.float32:
        return values.copy()
    return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)


def main(module: str, outputs: str, model: str, windows: str, results: str) -> None:
    """Run all windows."""
    run = {"tflite_runtime": legacy, "tflite_micro": micro}[module](model, int(outputs))
    several = [run(window[None]) for window in np.load(windows)]
    arrays: Any = {str(number): np.concatenate([each[number] for each in several]) for number in range(int(outputs))}
    np.savez(results, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
