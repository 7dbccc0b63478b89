"""The first diverging layer of a rejected artifact, by every target: a converter gets one weight wrong."""

import pytest
import torch

from edgeacc.bundle.bundle import open_bundle
from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import NotPossibleHere, ParityFailed
from edgeacc.export import pipeline
from edgeacc.export.diverging import check_layers, layers_of
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.registry import exporter, missing_packages
from edgeacc.export.source import read_source
from edgeacc.export.verify import verify_bundle

pytestmark = pytest.mark.integration
DAMAGED = "tokenizer.2"
needs_onnx = pytest.mark.skipif(bool(missing_packages("onnx", "convert")), reason="the extra `onnx` is not installed")


class Damaging:
    """A target whose converter gets one layer wrong."""

    def __init__(self, tool, weight):
        self.tool, self.weight, self.level = tool, weight.clone(), tool.level

    def convert(self, program, recipe, calibration_BCT, out):
        (damaged,) = (
            each
            for each in program.state_dict.values()
            if each.shape == self.weight.shape and torch.equal(each, self.weight)
        )
        right = damaged.clone()
        with torch.no_grad():
            damaged.copy_(right.roll(1, 0))
            try:
                return self.tool.convert(program, recipe, calibration_BCT, out)
            finally:
                damaged.copy_(right)

    def run(self, model, acc_BCT):
        return self.tool.run(model, acc_BCT)

    def needs(self, model):
        return self.tool.needs(model)


def test_layers_are_named_by_their_modules(program):
    paths = [layer.path for layer in layers_of(program)]
    assert paths[0] == "tokenizer.0 (conv2d)"
    assert len(set(paths)) == len(paths)
    assert not any("relu" in path for path in paths)  # of one result with the convolution before
    assert paths[-1] == "network (cat)"


@pytest.mark.parametrize(
    "name",
    [
        "coreai-fp32",
        "coreai-w8a8",
        "coreml-fp16",
        "executorch-fp32",
        "executorch-w8a8",
        "firmware-w8a8",
        "onnx-fp32",
        "tflite-fp32",
    ],
)
def test_the_damaged_layer_is_the_first_below_the_floor(name, program, calibration_BCT, acc_BCT, tmp_path):
    recipe = RECIPES[name]
    if missing_packages(recipe.target, "convert"):
        pytest.skip(f"the packages of {recipe.target} are not installed")
    weight = next(tensor for key, tensor in program.state_dict.items() if key == f"{DAMAGED}.weight")
    tool = Damaging(exporter(recipe.target, "convert"), weight)
    used_BCT = calibration_BCT[: recipe.calibration_windows]
    layers = check_layers(tool, program, recipe, used_BCT, acc_BCT.numpy())
    below = [layer.name for layer in layers if layer.snr_db < recipe.min_snr_db]
    assert below[0].startswith(f"{DAMAGED} (")
    assert len(layers) == len(layers_of(program))


@needs_onnx
def test_a_rejected_bundle_names_its_first_diverging_layer(checkpoint, tmp_path, monkeypatch):
    source = read_source(checkpoint, None, 0)
    weight = source.network.state_dict[f"{DAMAGED}.weight"]
    real = pipeline.exporter
    monkeypatch.setattr(pipeline, "exporter", lambda *asked: Damaging(real(*asked), weight))
    with pytest.raises(ParityFailed, match=rf"the first layer below it is {DAMAGED} \(conv2d") as caught:
        export_bundle(source, RECIPES["onnx-fp32"], tmp_path / "b")
    assert caught.value.exit_code == 3
    kept = tmp_path / "b.rejected"
    assert len(open_bundle(kept).manifest.verification.layers) == len(layers_of(source.network))
    assert f"the first layer below it is {DAMAGED}" in verify_bundle(kept).failures[-1]


def test_a_target_that_cannot_give_so_many_outputs_tells_no_layer(program, no_calibration_BCT, acc_BCT):
    class Refusing:
        level = "executed"

        def convert(self, program, recipe, calibration_BCT, out):
            raise NotPossibleHere("no more than one output")

    assert check_layers(Refusing(), program, RECIPES["onnx-fp32"], no_calibration_BCT, acc_BCT.numpy()) == ()
