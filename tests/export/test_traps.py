"""Traps of the converters that are no one target's own: each test fails without the remedy that it names.

The others stand beside their targets: `test_field.py` (weights behind the flatbuffer, scales per channel in the oldest
runtime, weight-only int8 in TensorFlow Lite Micro), `coreml/test_exporter.py` (`fuse_conv_bias`).
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import NotPossibleHere
from edgeacc.export.parity import parity
from edgeacc.export.registry import exporter, missing_packages
from edgeacc.models.deploy import exported_program
from edgeacc.models.sizes import build
from edgeacc.signals.contract import DEFAULT

pytestmark = pytest.mark.integration


def tool_of(target):
    if missing_packages(target, "convert"):
        pytest.skip(f"the packages of {target} are not installed")
    return exporter(target, "convert")


class Fused(nn.Module):
    def forward(self, acc_BCT):
        return F.scaled_dot_product_attention(acc_BCT, acc_BCT, acc_BCT).flatten(1)


def test_fused_attention_leaves_operations_outside_the_delegate(tmp_path, no_calibration_BCT):
    """Remedy: attention is written out in `edgeacc.models.layers.Block`."""
    tool, recipe = tool_of("executorch"), RECIPES["executorch-fp32"]
    fused = torch.export.export(Fused().eval(), (torch.zeros(1, 3, 96),))
    with pytest.raises(NotPossibleHere, match="XNNPACK does not take"):
        tool.convert(fused, recipe, no_calibration_BCT, tmp_path)
    torch.manual_seed(0)
    transformer = exported_program(build("transformer-xxxs", in_channels=3).eval(), DEFAULT)
    assert tool.convert(transformer, recipe, no_calibration_BCT, tmp_path).stat().st_size > 0


def test_an_undecomposed_program_is_refused_by_coremltools(program, no_calibration_BCT, tmp_path, monkeypatch):
    """Remedy: `run_decompositions({})` before `ct.convert`."""
    tool, recipe = tool_of("coreml"), RECIPES["coreml-fp16"].model_copy(update={"calibration_windows": 0})
    tool.convert(program, recipe, no_calibration_BCT, tmp_path)
    monkeypatch.setattr(type(program), "run_decompositions", lambda self, table: self)
    with pytest.raises(NotPossibleHere, match="TRAINING"):
        tool.convert(program, recipe, no_calibration_BCT, tmp_path)


@pytest.mark.parametrize("name", ["executorch-w8a8", "tflite-w8a8", "firmware-w8a8"])
def test_calibration_is_over_all_windows_not_over_the_last(name, tmp_path):
    """Remedy: every window is shown to the observers; a range of the last alone would clip all others."""
    recipe = RECIPES[name]
    tool = tool_of(recipe.target)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, (1, 5)), nn.ReLU(), nn.Conv2d(8, 8, (1, 5)), nn.Flatten(1)).eval()
    loud_BCT, quiet_BCT = 10 * torch.randn(7, 3, 1, 64), torch.randn(1, 3, 1, 64)
    program = torch.export.export(network, (quiet_BCT,))
    model = tool.convert(program, recipe, torch.cat([loud_BCT, quiet_BCT]), tmp_path)
    expected_BD = network(loud_BCT).detach().numpy()
    assert parity(expected_BD, tool.run(model, loud_BCT.numpy())[0]).snr_db > recipe.min_snr_db


def test_plain_cosine_calls_a_constant_right():
    """Remedy: `edgeacc.export.parity` removes the mean embedding."""
    expected_BD = 100 + torch.randn(16, 80, generator=torch.Generator().manual_seed(0))
    constant_BD = expected_BD.mean(0, keepdim=True).repeat(16, 1)
    assert F.cosine_similarity(expected_BD, constant_BD).min() > 0.999
    assert parity(expected_BD.numpy(), constant_BD.numpy()).snr_db < 1
