"""The target `firmware`: a bundle from a checkpoint, a C project from anybody's file."""

import json
import shutil
from pathlib import Path

import pytest

from edgeacc.export.registry import missing_packages

pytestmark = pytest.mark.integration

MODELS = Path(__file__).parent.parent.parent.parent.parent / "shared" / "data" / "models"


@pytest.fixture(autouse=True)
def converter():
    if missing := missing_packages("firmware", "convert"):
        pytest.skip(f"not installed: {missing}")
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed: apt-get install gcc")


def test_a_checkpoint_becomes_a_bundle_that_verifies(edgeacc, tiny_checkpoint, tmp_path):
    bundle = tmp_path / "bundle"
    recipe = tmp_path / "untrained.toml"
    edgeacc("cp", "firmware-w8a8", recipe)
    text = recipe.read_text().replace('"firmware-w8a8"', '"firmware-w8a8-untrained"').replace("15.0", "5.0")
    recipe.write_text(text)
    ran = edgeacc("export", tiny_checkpoint, "--target", "firmware", "--recipe", recipe, "-o", bundle)
    assert ran.code == 0, ran.err
    manifest = json.loads((bundle / "model" / "firmware" / "manifest.json").read_text())
    assert manifest["arena_bytes"] < 200_000
    assert edgeacc("verify", bundle).code == 0


@pytest.mark.parametrize("name", ["ad01_int8", "kws_ref_model"])
def test_a_published_model_becomes_a_c_project(edgeacc, name, tmp_path):
    path = MODELS / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    ran = edgeacc("export", path, "--target", "firmware", "-o", tmp_path / "project", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["checked"] == 8
    assert (tmp_path / "project" / "runtime" / "edgeacc_model.h").is_file()


def test_another_target_for_a_tflite_file_is_refused(edgeacc, tmp_path):
    ran = edgeacc("export", tmp_path / "model.tflite", "--target", "coreml")
    assert ran.code == 2
    assert "--target firmware" in ran.err


def test_a_missing_file_is_refused(edgeacc, tmp_path):
    ran = edgeacc("export", tmp_path / "model.tflite", "--target", "firmware", "-o", tmp_path / "out")
    assert ran.code == 2
    assert "model.tflite" in ran.err
    assert not (tmp_path / "out").exists()
