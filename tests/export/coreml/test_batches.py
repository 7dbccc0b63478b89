"""A package of enumerated shapes: one window as ever, or several at once, with the same embeddings."""

import numpy as np
import pytest
from torch import nn

from edgeacc.bundle.bundle import open_bundle
from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput
from edgeacc.export.coreml import CoreMLExporter
from edgeacc.export.coreml.convert import convert
from edgeacc.export.coreml.evaluator import Evaluator
from edgeacc.export.coreml.package import read_program
from edgeacc.export.parity import parity
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.registry import missing_packages
from edgeacc.export.source import read_source
from edgeacc.export.verify import verify_bundle
from edgeacc.models.deploy import export_like

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("coreml", "convert")), reason="the extra `coreml` is not installed"),
]
LOOSE = {"min_snr_db": 10.0, "calibration_windows": 16}
"""Of an untrained network."""


@pytest.fixture(scope="module")
def source(checkpoint):
    return read_source(checkpoint, None, 16, heads=True, batch=4)


@pytest.mark.parametrize("name", ["coreml-fp16", "coreml-w8", "coreml-w8a8"])
def test_several_windows_at_once_come_out_as_one_by_one(name, source, tmp_path):
    if name == "coreml-w8a8" and missing_packages("executorch", "convert"):
        pytest.skip("the quantizer, which comes with the extra `executorch`, is not installed")
    export_bundle(source, RECIPES[name].model_copy(update=LOOSE), tmp_path / "bundle")
    assert verify_bundle(tmp_path / "bundle").passed
    opened = open_bundle(tmp_path / "bundle")
    assert opened.manifest.batches == (4,)
    assert "- 4 windows at once, too: (4, 3, 3840)." in (tmp_path / "bundle" / "card.md").read_text()
    evaluate, acc_BCT = Evaluator(read_program(opened.model)), opened.golden().acc_BCT[:4]
    alone = np.concatenate([evaluate(window[None])[0] for window in acc_BCT])
    assert parity(alone, evaluate(acc_BCT)[0]).snr_db > 20
    with pytest.raises(BadInput, match=r"a window of shape \(3, 3, 3840\)") as caught:
        evaluate(acc_BCT[:3])
    assert caught.value.valid == "(1, 3, 3840) or (4, 3, 3840)"


class _MixesUp(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, acc_BCT):
        return self.network(acc_BCT + 3 * acc_BCT.mean(0, keepdim=True))


def test_windows_that_are_mixed_up_are_refused(source, tmp_path):
    mixing = export_like(source.network, _MixesUp(source.network.module()))
    convert(mixing, RECIPES["coreml-fp16"], tmp_path / "model.mlpackage")
    with pytest.raises(BadInput, match="gives other embeddings for 4 windows at once"):
        CoreMLExporter().load(tmp_path / "model.mlpackage")


def test_other_targets_take_one_window(source, tmp_path):
    with pytest.raises(BadInput, match="an artifact of onnx takes one window at a time"):
        export_bundle(source, RECIPES["onnx-fp32"], tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", [["--target", "tflite"], ["--target", "coreml", "--raw"]])
def test_the_command_refuses_what_does_not_go_together(edgeacc, other, tmp_path):
    ran = edgeacc("export", *other, "--batch", "8", "-o", tmp_path / "b")
    assert ran.code == 2
    assert "--batch 8 is for prepared windows, and for one function" in ran.err
