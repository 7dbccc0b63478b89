"""Two conversions of one program give the same bytes, so that a bundle's hash says which network it holds."""

import hashlib

import pytest

from edgeacc.compression.recipe import RECIPES
from edgeacc.export.registry import exporter, missing_packages

pytestmark = pytest.mark.integration


def digests(folder):
    """Of each file under a folder, by its path there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(
    "name",
    ["coreai-fp32", "coreai-pal6", "coreai-w8a8", "coreml-fp16", "coreml-pal6", "executorch-w8a8", "tflite-w8a8"],
)
def test_two_conversions_differ_in_no_byte(name, program, calibration_BCT, tmp_path):
    recipe = RECIPES[name]
    if missing_packages(recipe.target, "convert"):
        pytest.skip(f"the packages of {recipe.target} are not installed")
    tool, folders = exporter(recipe.target, "convert"), [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
        tool.convert(program, recipe, calibration_BCT[: recipe.calibration_windows], folder)
    assert digests(folders[0]) == digests(folders[1])
