"""Recipes shown and copied."""

import tomllib

import pytest

from edgeacc.compression.recipe import RECIPES, read_recipe
from edgeacc.recordings.table import TableMapping


@pytest.mark.parametrize("name", RECIPES)
def test_cat_prints_the_recipe_with_its_comments(edgeacc, name):
    ran = edgeacc("cat", name)
    assert ran.code == 0
    assert tomllib.loads(ran.out)["name"] == name
    assert ran.out.startswith("# ")


def test_the_example_of_a_mapping_is_one(edgeacc):
    ran = edgeacc("cat", "mapping")
    assert ran.code == 0
    example = TableMapping.model_validate(tomllib.loads(ran.out))
    every_line = ran.out.replace("rate_hz", "# rate_hz").replace("\n# ", "\n")
    assert set(tomllib.loads(every_line.partition("\n")[2])) == set(TableMapping.model_fields)
    assert example.rate_hz == 100


def test_cat_of_no_recipe_lists_those_there_are(edgeacc):
    ran = edgeacc("cat", "tflite-w9")
    assert ran.code == 2
    assert "unknown recipe 'tflite-w9'" in ran.err
    assert "tflite-w8a8" in ran.err


def test_cp_makes_a_copy_that_reads_back(edgeacc, tmp_path):
    copy = tmp_path / "mine.toml"
    ran = edgeacc("cp", "tflite-w8a8", copy)
    assert ran.code == 0
    assert f"edgeacc validate {copy}" in ran.out
    assert read_recipe(str(copy)) == RECIPES["tflite-w8a8"]


def test_cp_overwrites_only_when_forced(edgeacc, tmp_path):
    copy = tmp_path / "mine.toml"
    copy.write_text("mine")
    refused = edgeacc("cp", "onnx-fp32", copy)
    assert (refused.code, copy.read_text()) == (2, "mine")
    assert "--force" in refused.err
    assert edgeacc("cp", "onnx-fp32", copy, "--force").code == 0
    assert read_recipe(str(copy)).name == "onnx-fp32"


def test_cp_wants_a_name_that_says_toml(edgeacc, tmp_path):
    ran = edgeacc("cp", "onnx-fp32", tmp_path / "mine")
    assert ran.code == 2
    assert ".toml" in ran.err
    assert list(tmp_path.iterdir()) == []
