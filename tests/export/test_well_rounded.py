"""Weights in few bits, rounded on calibration windows before a converter rounds them."""

import pytest
import torch

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput
from edgeacc.export.exporter import eager_session, run_session
from edgeacc.export.parity import parity
from edgeacc.export.registry import exporter, missing_packages
from edgeacc.export.well_rounded import SMALLEST, well_rounded
from edgeacc.models.deploy import exported_program
from edgeacc.models.encoder import settle
from edgeacc.models.sizes import build
from edgeacc.signals.contract import DEFAULT


@pytest.fixture(scope="module", params=["conv-xxs", "transformer-xxxs"])
def network(request, calibration_BCT):
    torch.manual_seed(0)
    return exported_program(settle(build(request.param, 3), [calibration_BCT]), DEFAULT)


@pytest.fixture
def windows(calibration_BCT):
    return calibration_BCT


@pytest.fixture
def snr_db(acc_BCT):
    def compared(network, got):
        embeddings = (run_session(session, acc_BCT.numpy())[0] for session in (eager_session(network), got))
        return parity(*embeddings).snr_db

    return compared


@pytest.mark.parametrize("name", ["coreml-w4", "coreai-pal4"])
def test_every_large_weight_is_on_the_formats_grid_and_the_program_is_left_alone(network, windows, name):
    before = {key: value.clone() for key, value in network.state_dict.items()}
    found = well_rounded(network, RECIPES[name], windows)
    assert all(torch.equal(value, network.state_dict[key]) for key, value in before.items())
    assert found.state_dict.keys() == before.keys()
    changed = {key for key, value in found.state_dict.items() if not torch.equal(value, before[key])}
    assert changed
    for key in changed:
        assert before[key].ndim > 1
        assert before[key].numel() >= SMALLEST
        if name == "coreai-pal4":
            assert len(found.state_dict[key].unique()) <= 16


@pytest.mark.parametrize("name", ["coreml-fp16", "coreml-w8", "tflite-w8a8"])
def test_other_formats_and_no_windows_change_nothing(network, windows, name):
    assert well_rounded(network, RECIPES[name], windows) is network
    assert well_rounded(network, RECIPES["coreml-pal4"], windows[:0]) is network


def test_a_mixture_rounds_the_layers_that_it_names(network, windows):
    mixed = RECIPES["coreml-fp16"].model_copy(update={"name": "coreml-mixed-mine", "layers": {"tokenizer.0": "pal4"}})
    found = well_rounded(network, mixed, windows)
    changed = [key for key, value in found.state_dict.items() if not torch.equal(value, network.state_dict[key])]
    assert changed == ["tokenizer.0.weight"]
    with pytest.raises(BadInput, match=r"no such layer here: tokenizer\.99"):
        well_rounded(network, mixed.model_copy(update={"layers": {"tokenizer.99": "pal4"}}), windows)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["coreml-w4", "coreml-pal4", "coreai-w4", "coreai-pal4"])
def test_the_converter_finds_nothing_left_to_round(network, windows, snr_db, name, tmp_path):
    recipe = RECIPES[name]
    if missing_packages(recipe.target, "convert"):
        pytest.skip(f"the extra `{recipe.target}` is not installed")
    tool = exporter(recipe.target, "convert")
    rounded = well_rounded(network, recipe, windows)
    (tmp_path / "well").mkdir()
    (tmp_path / "alone").mkdir()
    well = tool.load(tool.convert(rounded, recipe, windows[:0], tmp_path / "well"))
    alone = tool.load(tool.convert(network, recipe, windows[:0], tmp_path / "alone"))
    assert snr_db(rounded, well) > 35  # computed in 16 bits; Core AI puts positions in tables too
    assert snr_db(network, well) > snr_db(network, alone) + 3
