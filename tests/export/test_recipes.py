"""Every shipped recipe from a small network to its runtime or evaluator, above its own floor."""

import pytest
import torch

from edgeacc.compression.recipe import RECIPES
from edgeacc.compression.schemes import WEIGHT_BITS
from edgeacc.errors import NotPossibleHere
from edgeacc.export.parity import parity
from edgeacc.export.precision import DYNAMIC, weight_bytes
from edgeacc.export.registry import exporter, missing_packages
from edgeacc.models.config import EncoderConfig, StageConfig
from edgeacc.models.deploy import exported_program
from edgeacc.models.encoder import Encoder, settle
from edgeacc.signals.contract import DEFAULT

pytestmark = pytest.mark.integration
CEILING_DB = {32: 201, 16: 90, 8: 60, 6: 50, 4: 40}
"""Bits of the weights -> an SNR that cannot be reached by them: above it, nothing was compressed."""


WIDE = EncoderConfig(
    name="wide",
    family="conv",
    frame_samples=32,
    frame_stride=16,
    frame_filters=8,
    stages=(StageConfig(width=32, stride=2), StageConfig(width=64, stride=1)),
)
"""Wide enough for the blocks of 32 input channels that int4 needs."""

FORMATS = {
    "coreai": {"asset": "2.0"},
    "coreml": {"specification": "8"},  # iOS17 and watchOS10
    "executorch": {"program": "0", "delegates": "XnnpackBackend"},
    "firmware": {"blob": "1"},
    "onnx": {"opset ai.onnx": "18", "ir_version": "10", "onnx": "1.16.0"},
    "tflite": {"schema": "3"},
}
CONVOLUTION = {
    "coreai": "conv2d",
    "coreml": "conv",
    "executorch": "aten::",  # convolutions are in the delegate
    "firmware": "CONV_2D",
    "onnx": "Conv",
    "tflite": "CONV_2D 1",
}
COMPUTES = {"int8-dynamic": DYNAMIC}


@pytest.fixture(scope="module")
def network(calibration_BCT):
    torch.manual_seed(0)
    return settle(Encoder(WIDE), [calibration_BCT])


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_does_what_its_name_says(name, network, calibration_BCT, acc_BCT, tmp_path):
    recipe = RECIPES[name]
    if missing_packages(recipe.target, "convert"):
        pytest.skip(f"the packages of {recipe.target} are not installed")
    if (
        recipe.activations == "int8"
        and recipe.target in ("coreml", "coreai")
        and missing_packages("executorch", "convert")
    ):
        pytest.skip("the quantizer, which comes with the extra `executorch`, is not installed")
    tool = exporter(recipe.target, "convert")
    used_BCT = calibration_BCT[: recipe.calibration_windows]
    with torch.no_grad():
        z_BD = network(acc_BCT).numpy()
    model = tool.convert(exported_program(network, DEFAULT), recipe, used_BCT, tmp_path)
    close = parity(z_BD, tool.run(model, acc_BCT.numpy())[0])
    assert recipe.min_snr_db < close.snr_db < CEILING_DB[WEIGHT_BITS[recipe.weights]]
    needs = tool.needs(model)
    expected = FORMATS[recipe.target] | ({"specification": "9"} if recipe.minimum_os[:1] == ("watchOS11",) else {})
    assert needs.format.items() >= expected.items()
    assert any(CONVOLUTION[recipe.target] in name for name in needs.operators)
    assert ("min_runtime_version" in needs.format) == (recipe.name == "tflite-fp32")
    operations = tool.operations(model)
    stored = weight_bytes(operations)
    assert recipe.weights in list(stored)[: 2 if WEIGHT_BITS[recipe.weights] == 4 else 1]  # most layers here are narrow
    assert sum(stored.values()) < sum(path.stat().st_size for path in [model, *model.rglob("*")] if path.is_file())
    convolutions = {each.computes for each in operations if "conv" in each.operator.lower()}
    assert convolutions == {COMPUTES.get(recipe.activations, recipe.activations)}


@pytest.mark.skipif(bool(missing_packages("coreml", "convert")), reason="the extra `coreml` is not installed")
def test_int4_that_would_compress_nothing_is_refused(program, no_calibration_BCT, tmp_path):
    with pytest.raises(NotPossibleHere, match="nothing would be compressed"):
        exporter("coreml", "convert").convert(program, RECIPES["coreml-w4"], no_calibration_BCT, tmp_path)
    assert list(tmp_path.iterdir()) == []
