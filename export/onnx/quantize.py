"""Int8 of an ONNX graph, by onnxruntime's own quantizer."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from edgeacc.export.exporter import INPUT_NAME
from edgeacc.export.quiet import refusing

STATIC_OPERATORS = ("Conv", "Gemm", "MatMul")
"""What multiplies. The rest stays in float: with the pooling of moments in int8 too, a small untrained network came to
11 dB."""


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


def static_int8(model: Any, calibration_BCT: Tensor) -> Any:  # noqa: ANN401
    """Int8 weights (per output channel) and activations, ranged (min-max) by the calibration windows.

    Args:
        model: ONNX graph in float.
        calibration_BCT: prepared windows (B, 3, T).

    Raises:
        NotPossibleHere: onnxruntime refused, with its message.
    """
    with refusing("onnxruntime", "quantize the network"):
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

        class Windows(CalibrationDataReader):  # type: ignore[misc]
            def __init__(self) -> None:
                self._left = iter(calibration_BCT.numpy())

            def get_next(self) -> dict[str, Any] | None:
                window_CT = next(self._left, None)
                return None if window_CT is None else {INPUT_NAME: window_CT[None]}

        return _through_files(
            model,
            lambda given, made: quantize_static(
                given,
                made,
                Windows(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(STATIC_OPERATORS),
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
            ),
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
