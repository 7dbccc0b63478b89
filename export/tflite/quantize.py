"""Int8 weights of a TFLite model, by ai-edge-quantizer; static activations with the better of its two calibrations."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeacc.export.exporter import INPUT_NAME, Session, run_session
from edgeacc.export.parity import parity
from edgeacc.export.quiet import refusing

SIGNATURE = "serving_default"
_PRODUCTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True)
class Quantized:
    """The quantized model that was kept.

    Attributes:
        model: the flatbuffer; the weights of larger models lie behind it.
        kept: the calibration that it was made with.
        snr_db: what each calibration reached on the calibration windows, mean-removed, in dB.
    """

    model: bytes
    kept: str
    snr_db: Mapping[str, float]


def weights_only(model: bytes) -> bytes:
    """Int8 weights, unpacked to float before use: for LiteRT only.

    TensorFlow Lite Micro loads the file and computes wrongly on it, without an error (measured).

    Raises:
        NotPossibleHere: ai-edge-quantizer refused, with its message.
    """
    with refusing("ai-edge-quantizer", "quantize the network"):
        from ai_edge_quantizer import recipe

        return _quantize(model, recipe.weight_only_wi8_afp32(), None)


def dynamic_int8(model: bytes) -> bytes:
    """Int8 weights, activations in int8 with each window's own range.

    Linear layers have one scale for all channels: with one per channel, which is ai-edge-quantizer's default,
    tflite-runtime 2.14 loads the file and returns garbage (cosine 0.14 to 0.24, measured).

    Raises:
        NotPossibleHere: ai-edge-quantizer refused, with its message.
    """
    with refusing("ai-edge-quantizer", "quantize the network"):
        from ai_edge_quantizer import qtyping, recipe_manager

        operators = qtyping.TFLOperationName
        manager = recipe_manager.RecipeManager()
        manager.add_dynamic_config(".*", operators.FULLY_CONNECTED, 8, granularity=qtyping.QuantGranularity.TENSORWISE)
        for convolution in (operators.CONV_2D, operators.DEPTHWISE_CONV_2D):
            manager.add_dynamic_config(".*", convolution, 8)
        return _quantize(model, manager.get_quantization_recipe(), None)


def static(
    model: bytes,
    calibration_BCT: NDArray[np.float32],
    run: Callable[[bytes], Session],
    activation_bits: Literal[8, 16],
    in_float: Sequence[str] = (),
    *,
    products_only: bool = False,
) -> Quantized:
    """Int8 weights, static activations: with either calibration, the one kept that stays closer to the float model.

    A moving average of each window's range clips rare peaks; the range over all windows keeps them and coarsens the
    rest. Which is better depends on the network (measured: +11.7 dB for one, a loss for another).

    Args:
        model: float flatbuffer.
        calibration_BCT: prepared windows (B, 3, T).
        run: opens a session on a flatbuffer.
        activation_bits: of int8 or int16.
        in_float: results, by the names of their tensors, of the operators that stay in float; with any, the input and
            the embedding stay in float too.
        products_only: convolutions and linear layers in integers; everything else, input and embedding, in float.

    Raises:
        NotPossibleHere: ai-edge-quantizer refused, with its message.
    """
    with refusing("ai-edge-quantizer", "quantize the network"):
        from ai_edge_quantizer import recipe

        rules = {8: recipe.static_wi8_ai8, 16: recipe.static_wi8_ai16}[activation_bits]()
        if products_only:
            rules = [{**rule, "operation": operation} for rule in rules for operation in _PRODUCTS]
        rules += [_untouched(f"^{re.escape(name)};?$") for name in in_float]
        rules += [_untouched(".*", end) for end in ("INPUT", "OUTPUT") if in_float]
    expected_BD = run_session(run(model), calibration_BCT)[0]
    models, snr_db = {}, {}
    for name, ranges in _activation_ranges(model, calibration_BCT, rules).items():
        models[name] = _quantize(model, rules, ranges)
        snr_db[name] = parity(expected_BD, run_session(run(models[name]), calibration_BCT)[0]).snr_db
    kept = max(snr_db, key=lambda name: snr_db[name])
    return Quantized(models[kept], kept, snr_db)


def _untouched(results: str, operation: str = "*") -> dict[str, str | dict[str, str]]:
    """A rule of ai-edge-quantizer; it joins the names of an operator's results by semicolons, one behind the last."""
    return {"regex": results, "operation": operation, "algorithm_key": "no_quantize", "op_config": {}}


def _activation_ranges(
    model: bytes,
    calibration_BCT: NDArray[np.float32],
    rules: Any,  # noqa: ANN401
) -> dict[str, dict[str, Any]]:
    with refusing("ai-edge-quantizer", "calibrate the network"):
        from ai_edge_quantizer import calibrator
        from ai_edge_quantizer.utils import qsv_utils

        updates = {"moving average": qsv_utils.moving_average_update, "min-max": qsv_utils.min_max_update}
        windows = {SIGNATURE: [{INPUT_NAME: window[None]} for window in calibration_BCT]}
        ranges = {}
        for name, update in updates.items():
            observer = calibrator.Calibrator(
                model,
                num_threads=1,
                mode=calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED,  # same ranges, a tenth of the time
                qsv_update_func=update,
            )
            observer.calibrate(windows, _recipe_manager(rules))
            ranges[name] = observer.get_model_qsvs()
        return ranges


def _quantize(model: bytes, rules: Any, ranges: dict[str, Any] | None) -> bytes:  # noqa: ANN401
    with refusing("ai-edge-quantizer", "quantize the network"):
        from ai_edge_quantizer import quantizer

        worker = quantizer.Quantizer(bytearray(model), rules)
        return bytes(worker.quantize(ranges).quantized_model)


def _recipe_manager(rules: Any) -> Any:  # noqa: ANN401
    from ai_edge_quantizer import recipe_manager

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(rules)
    return manager
