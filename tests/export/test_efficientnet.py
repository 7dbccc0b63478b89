"""The EfficientNet goes the way of the other families: it converts without compression."""

import pytest
import torch

from edgeacc.compression.recipe import RECIPES
from edgeacc.export.parity import parity
from edgeacc.export.registry import exporter, missing_packages
from edgeacc.models.deploy import exported_program
from edgeacc.models.encoder import Encoder, settle
from edgeacc.models.sizes import SIZES
from edgeacc.signals.contract import DEFAULT

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def small(calibration_BCT):
    """Its first three stages, once each."""
    whole = SIZES["efficientnet"]
    stages = tuple(stage.model_copy(update={"repeats": 1}) for stage in whole.inverted.stages[:3])
    blocks = whole.inverted.model_copy(update={"stages": stages, "last_filters": 64, "width": 16})
    torch.manual_seed(0)
    return settle(Encoder(whole.model_copy(update={"inverted": blocks})), [calibration_BCT])


@pytest.mark.parametrize("name", ["tflite-fp32", "executorch-fp32", "onnx-fp32", "coreai-fp32"])
def test_a_target_embeds_as_the_network_does(small, acc_BCT, tmp_path, no_calibration_BCT, name):
    recipe = RECIPES[name]
    if missing_packages(recipe.target, "convert"):
        pytest.skip(f"the extra of {recipe.target} is not installed")
    target = exporter(recipe.target, "convert")
    model = target.convert(exported_program(small, DEFAULT), recipe, no_calibration_BCT, tmp_path)
    with torch.no_grad():
        z_BD = small(acc_BCT).numpy()
    assert parity(z_BD, target.run(model, acc_BCT.numpy())[0]).snr_db > recipe.min_snr_db
