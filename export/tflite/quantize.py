"""Static int8 of a TFLite model, by ai-edge-quantizer, with both of its ways to set activation ranges."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.export.exporter import INPUT_NAME, Session
from edgeacc.export.parity import parity
from edgeacc.export.quiet import refusing

SIGNATURE = "serving_default"


@dataclass(frozen=True)
class Quantized:
    """The int8 model that was kept.

    Attributes:
        model: the flatbuffer; the weights of larger models lie behind it.
        kept: the calibration that it was made with.
        snr_db: what each calibration reached on the calibration windows, mean-removed, in dB.
    """

    model: bytes
    kept: str
    snr_db: Mapping[str, float]


def static_int8(model: bytes, calibration_BCT: NDArray[np.float32], run: Callable[[bytes], Session]) -> Quantized:
    """Quantize with either calibration and keep the one that stays closer to the float model.

    A moving average of each window's range clips rare peaks; the range over all windows keeps them and coarsens the
    rest. Which is better depends on the network (measured: +11.7 dB for one, a loss for another).

    Args:
        model: float flatbuffer.
        calibration_BCT: prepared windows (B, 3, T).
        run: opens a session on a flatbuffer.

    Raises:
        NotPossibleHere: ai-edge-quantizer refused, with its message.
    """
    expected_BD = _embed(run(model), calibration_BCT)
    models, snr_db = {}, {}
    for name, ranges in _activation_ranges(model, calibration_BCT).items():
        models[name] = _quantize(model, ranges)
        snr_db[name] = parity(expected_BD, _embed(run(models[name]), calibration_BCT)).snr_db
    kept = max(snr_db, key=lambda name: snr_db[name])
    return Quantized(models[kept], kept, snr_db)


def _activation_ranges(model: bytes, calibration_BCT: NDArray[np.float32]) -> dict[str, dict[str, Any]]:
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
            observer.calibrate(windows, _recipe_manager())
            ranges[name] = observer.get_model_qsvs()
        return ranges


def _quantize(model: bytes, ranges: dict[str, Any]) -> bytes:
    with refusing("ai-edge-quantizer", "quantize the network"):
        from ai_edge_quantizer import quantizer, recipe

        worker = quantizer.Quantizer(bytearray(model), recipe.static_wi8_ai8())
        return bytes(worker.quantize(ranges).quantized_model)


def _recipe_manager() -> Any:  # noqa: ANN401
    from ai_edge_quantizer import recipe, recipe_manager

    manager = recipe_manager.RecipeManager()
    manager.load_quantization_recipe(recipe.static_wi8_ai8())
    return manager


def _embed(session: Session, acc_BCT: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([session(window[None]) for window in acc_BCT])
