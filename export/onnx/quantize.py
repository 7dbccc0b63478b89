"""Int8 of an ONNX graph, by onnxruntime's own quantizer."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgeacc.export.quiet import refusing


def dynamic_int8(model: Any) -> Any:  # noqa: ANN401
    """Int8 weights (per output channel), activations in 8 bits with each window's own range.

    Raises:
        NotPossibleHere: onnxruntime refused, with its message.
    """
    with refusing("onnxruntime", "quantize the network"):
        from onnxruntime.quantization import QuantType, quantize_dynamic

        return _through_files(
            model, lambda given, made: quantize_dynamic(given, made, weight_type=QuantType.QInt8, per_channel=True)
        )


def _through_files(model: Any, quantize: Callable[[Path, Path], None]) -> Any:  # noqa: ANN401
    """Let onnxruntime quantize, which it does from file to file, after its own shape inference and fusions."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        given, prepared, made = (Path(folder) / f"{name}.onnx" for name in ("given", "prepared", "made"))
        del model.graph.value_info[:]
        onnx.save(model, given)
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        quantize(prepared, made)
        return onnx.load(made)
