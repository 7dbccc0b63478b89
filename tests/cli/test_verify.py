"""`edgeacc verify`: one table for all bundles, and the gravest exit code."""

import json
import shutil

import pytest
import torch

from edgeacc.bundle.sums import write_sums
from edgeacc.cohort.config import CohortConfig
from edgeacc.compression.recipe import RECIPES
from edgeacc.export import registry
from edgeacc.export.pipeline import export_bundle, read_source
from edgeacc.export.registry import TARGETS, missing_packages
from edgeacc.models.checkpoint import Card, save
from edgeacc.models.config import EncoderConfig, StageConfig
from edgeacc.models.encoder import Encoder
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.from_cohort import from_cohort

SMALL = EncoderConfig(
    name="small",
    family="conv",
    frame_samples=32,
    frame_stride=16,
    frame_filters=4,
    stages=(StageConfig(width=4, stride=2),),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    if missing_packages("onnx", "convert"):
        pytest.skip("the extra `onnx` is not installed")
    folder = tmp_path_factory.mktemp("made")
    torch.manual_seed(0)
    save(folder / "c", Card(kind="student", objective="distill", encoder=SMALL, contract=DEFAULT), Encoder(SMALL))
    from_cohort(CohortConfig(participants=4, windows_per_participant=4), folder / "s", shares=(2, 1, 1))
    export_bundle(read_source(folder / "c", folder / "s", 0), RECIPES["onnx-fp32"], folder / "b")
    return folder / "b"


@pytest.fixture
def good(made, tmp_path):
    return shutil.copytree(made, tmp_path / "good")


@pytest.fixture
def tampered(made, tmp_path):
    path = shutil.copytree(made, tmp_path / "tampered")
    with (path / "card.md").open("a") as stream:
        stream.write("approved for diagnosis")
    return path


@pytest.fixture
def below(made, tmp_path):
    """A bundle with a floor that its artifact does not reach, hashes renewed."""
    path = shutil.copytree(made, tmp_path / "below")
    recipe = RECIPES["onnx-fp32"].model_copy(update={"min_snr_db": 199.0})
    (path / "recipe.toml").write_text(recipe.to_toml())
    write_sums(path)
    return path


def test_no_bundle(edgeacc, tmp_path):
    ran = edgeacc("verify", tmp_path / "none")
    assert (ran.code, ran.out) == (2, "")
    assert "none does not exist" in ran.err


@pytest.mark.integration
def test_a_good_bundle(edgeacc, good):
    ran = edgeacc("verify", good)
    assert ran.code == 0
    assert "passed" in ran.out


@pytest.mark.integration
def test_json(edgeacc, good):
    (report,) = json.loads(edgeacc("verify", good, "--json").out)["bundles"]
    assert report["failures"] == []
    assert report["windows"] == 64


@pytest.mark.integration
def test_a_changed_file_is_exit_2_and_the_others_are_still_checked(edgeacc, good, tampered, below):
    ran = edgeacc("verify", good, tampered, below, "--json")
    result = json.loads(ran.out)
    assert ran.code == 2
    assert [bool(report["failures"]) for report in result["bundles"]] == [False, True]
    assert "card.md: changed" in result["refused"][0]
    assert "2 did not succeed" in ran.err


@pytest.mark.integration
def test_parity_failure_is_exit_3(edgeacc, good, below):
    ran = edgeacc("verify", good, below)
    assert ran.code == 3
    assert "below the recipe's floor of 199 dB" in ran.err


@pytest.mark.integration
def test_missing_runtime_is_exit_1(edgeacc, good, monkeypatch):
    lacking = TARGETS["onnx"].model_copy(update={"runtime_packages": ("no-such-runtime",)})
    monkeypatch.setitem(registry.TARGETS, "onnx", lacking)
    ran = edgeacc("verify", good)
    assert ran.code == 1
    assert "pip install 'edgeacc[onnx]'" in ran.err
