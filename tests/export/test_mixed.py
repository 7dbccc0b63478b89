"""Formats by layer: what layers there are, and that a target keeps to them."""

import pytest
import torch

from edgeacc.benchmarks.search.sensitivity import mixed
from edgeacc.errors import BadInput
from edgeacc.export.exporter import eager_session, run_session
from edgeacc.export.mixed import SUMMARY, layers_of
from edgeacc.export.parity import parity
from edgeacc.export.registry import exporter, missing_packages
from edgeacc.models.deploy import exported_program
from edgeacc.models.encoder import settle
from edgeacc.models.sizes import build
from edgeacc.signals.contract import DEFAULT


def windows(count):
    return torch.randn(count, 3, DEFAULT.samples, generator=torch.Generator().manual_seed(1))


def program_of(size):
    torch.manual_seed(0)
    return exported_program(settle(build(size, 3), [windows(8)]), DEFAULT)


@pytest.mark.parametrize(
    ("size", "first", "last"),
    [("conv-xxs", "tokenizer.0", "tokenizer.8"), ("transformer-xxxs", "tokenizer.0", "blocks.1")],
)
def test_a_network_is_cut_into_layers_and_a_summary(size, first, last):
    network = program_of(size)
    layers = layers_of(network)
    names = list(layers)
    assert (names[0], names[-2:]) == (first, [last, SUMMARY])
    nodes = [node.name for each in layers.values() for node in each]
    assert len(set(nodes)) == len(nodes)


@pytest.mark.integration
@pytest.mark.parametrize("target", ["tflite", "executorch", "coreml"])
def test_a_layer_has_the_format_that_the_recipe_says(target, tmp_path):
    if missing_packages(target, "convert"):
        pytest.skip(f"the extra `{target}` is not installed")
    network, tool = program_of("conv-xxs"), exporter(target, "convert")
    layers = tool.layers(network)
    assert layers[0] == "tokenizer.0"
    low = {"coreml": "pal4"}.get(target, "fp32")
    looked_BCT, calibration_BCT = windows(8), windows(16)
    expected_BD = run_session(eager_session(network), looked_BCT.numpy())[0]
    snr_db, size = [], []
    for word, some in (("few", layers[:1]), ("all", layers)):
        (tmp_path / word).mkdir()
        recipe = mixed(target, word, dict.fromkeys(some, low))
        model = tool.convert(network, recipe, calibration_BCT, tmp_path / word)
        snr_db.append(parity(expected_BD, tool.run(model, looked_BCT.numpy())[0]).snr_db)
        files = [model] if model.is_file() else [file for file in model.rglob("*") if file.is_file()]
        size.append(sum(file.stat().st_size for file in files))
    if target == "coreml":
        assert snr_db[0] > snr_db[1] + 3
        assert size[0] > size[1] * 1.3
    else:
        assert snr_db[0] < 60 < 100 < snr_db[1]
        assert size[0] < size[1]


@pytest.mark.integration
@pytest.mark.parametrize(("target", "low"), [("tflite", "fp32"), ("executorch", "fp32"), ("coreml", "pal4")])
def test_a_layer_that_is_not_there_is_refused(target, low, tmp_path):
    if missing_packages(target, "convert"):
        pytest.skip(f"the extra `{target}` is not installed")
    recipe = mixed(target, "wrong", {"tokenizer.77": low})
    with pytest.raises(BadInput, match=r"no such layer here: tokenizer\.77") as caught:
        exporter(target, "convert").convert(program_of("conv-xxs"), recipe, windows(4), tmp_path)
    assert "tokenizer.0" in caught.value.valid
