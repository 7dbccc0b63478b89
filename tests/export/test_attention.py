"""Networks with attention in static int8: products of weights in int8, the sum through all blocks in float."""

import pytest
import torch
from torch import nn

from edgeacc.compression.recipe import RECIPES
from edgeacc.export.parity import parity
from edgeacc.export.pt2e import static_int8
from edgeacc.export.registry import exporter, missing_packages
from edgeacc.models.config import EncoderConfig, StageConfig
from edgeacc.models.deploy import exported_program
from edgeacc.models.encoder import Encoder, settle
from edgeacc.models.graph import operation_of
from edgeacc.signals.contract import DEFAULT

pytestmark = pytest.mark.integration
ATTENDING = EncoderConfig(
    name="attending",
    family="pyramid",
    frame_samples=32,
    frame_stride=16,
    frame_filters=8,
    stages=(StageConfig(width=16, stride=4),),
    layers=2,
    heads=2,
    mlp_ratio=2,
)
LARGE = 50.0
"""In two channels of the sum, and in nothing that reads it: one int8 scale for all leaves little of the others."""


@pytest.fixture(scope="module")
def attending(calibration_BCT):
    torch.manual_seed(1)
    network = Encoder(ATTENDING)
    network.positions_PD[:, :2] += LARGE * torch.tensor([1, -1])
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.LayerNorm):
                layer.weight[:2] = 0
                layer.weight[2:] = LARGE * (2 / ATTENDING.width) ** 0.5  # the standard deviation of such tokens
    return settle(network, [calibration_BCT])


def snr_db(network, given_BD, acc_BCT):
    with torch.no_grad():
        return parity(network(acc_BCT).numpy(), given_BD).snr_db


@pytest.mark.skipif(bool(missing_packages("executorch", "convert")), reason="the extra `executorch` is missing")
def test_the_graph_of_executorch_core_ml_and_core_ai(attending, calibration_BCT, acc_BCT):
    """One graph for the three, so that it is looked at before it is lowered."""
    program = exported_program(attending, DEFAULT)
    rounded = static_int8(program, RECIPES["executorch-w8a8"], calibration_BCT)
    for node in rounded.graph.nodes:
        if operation_of(node) in ("conv2d", "linear"):
            x, weight = node.all_input_nodes[:2]
            assert (operation_of(x), operation_of(weight)) == ("dequantize_per_tensor", "dequantize_per_channel")
        if operation_of(node) in ("add", "mul"):
            assert not any("quantize" in operation_of(user) for user in node.users)
    with torch.no_grad():
        given_BD = torch.cat([rounded.module()(window) for window in acc_BCT.split(1)]).numpy()
    assert RECIPES["executorch-w8a8"].min_snr_db < snr_db(attending, given_BD, acc_BCT) < 60


@pytest.mark.skipif(bool(missing_packages("tflite", "convert")), reason="the extra `tflite` is not installed")
def test_a_tflite_file(attending, calibration_BCT, acc_BCT, tmp_path):
    tool, recipe = exporter("tflite", "convert"), RECIPES["tflite-w8a8"]
    model = tool.convert(exported_program(attending, DEFAULT), recipe, calibration_BCT, tmp_path)
    computes = {}
    for each in tool.operations(model):
        computes.setdefault(each.operator, set()).add(each.computes)
    in_int8 = {operator for operator, formats in computes.items() if formats != {"fp32"}}
    assert in_int8 == {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    assert {"ADD", "MUL", "SOFTMAX"} <= computes.keys()
    assert recipe.min_snr_db < snr_db(attending, tool.run(model, acc_BCT.numpy())[0], acc_BCT) < 60
