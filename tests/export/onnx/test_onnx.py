"""The whole ONNX room: torch.onnx, the checker, onnxruntime."""

import pytest
import torch
from torch import nn

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.onnx import OnnxExporter
from edgeacc.export.onnx.exporter import OPSET
from edgeacc.export.parity import parity
from edgeacc.export.registry import missing_packages

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("onnx", "convert")), reason="the extra `onnx` is not installed"),
]
RECIPE = RECIPES["onnx-fp32"]


@pytest.fixture(scope="module")
def model(program, no_calibration_BCT, tmp_path_factory):
    return OnnxExporter().convert(program, RECIPE, no_calibration_BCT, tmp_path_factory.mktemp("onnx"))


def test_embeds_as_the_network_does(model, acc_BCT, z_BD):
    assert parity(z_BD, OnnxExporter().run(model, acc_BCT.numpy())[0]).snr_db > RECIPE.min_snr_db


def test_graph_is_of_the_pinned_operator_set_and_all_in_one_file(model):
    import onnx

    graph = onnx.load(model, load_external_data=False)
    assert {entry.domain: entry.version for entry in graph.opset_import} == {"": OPSET}
    assert [path.name for path in model.parent.iterdir()] == ["model.onnx"]
    assert [(tensor.name, len(graph.graph.input)) for tensor in graph.graph.input] == [("acc", 1)]
    assert [tensor.name for tensor in graph.graph.output] == ["embedding"]


def test_nothing_of_this_machine_is_in_the_artifact(model):
    content = model.read_bytes()
    assert b"site-packages" not in content
    assert b".py" not in content


def test_the_same_program_gives_the_same_bytes(model, program, no_calibration_BCT, tmp_path):
    again = OnnxExporter().convert(program, RECIPE, no_calibration_BCT, tmp_path)
    assert again.read_bytes() == model.read_bytes()


def test_keeps_the_message_of_a_converter_that_refuses(tmp_path, no_calibration_BCT, capfd):
    class Bessel(nn.Module):
        def forward(self, acc_BCT):
            return torch.special.bessel_j0(acc_BCT)

    program = torch.export.export(Bessel(), (torch.zeros(1, 3, 96),))
    with pytest.raises(NotPossibleHere, match=r"torch\.onnx could not convert the network.*bessel"):
        OnnxExporter().convert(program, RECIPE, no_calibration_BCT, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [b"", b"not a graph"])
def test_a_file_that_is_no_graph(tmp_path, content, capfd):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(BadInput, match="onnxruntime cannot load"):
        OnnxExporter().load(tmp_path / "model.onnx")
    assert capfd.readouterr() == ("", "")
