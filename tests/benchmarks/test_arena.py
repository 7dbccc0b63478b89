"""Planned memory: what a format tells is read from the artifact, and what none tells is said."""

import json
from importlib.util import find_spec

import pytest

from edgeacc.benchmarks.arena import planned_arena, stored_weights
from edgeacc.bundle.bundle import open_bundle
from edgeacc.compression.recipe import RECIPES
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.registry import missing_packages

pytestmark = pytest.mark.integration
WINDOW_BYTES = 3 * 3840 * 4
"""Of one window in float: three axes of a minute."""


@pytest.fixture
def made(tiny_source, tmp_path):
    """Makes an artifact: made("tflite-fp32") -> its path."""

    def make(name):
        recipe = RECIPES[name].model_copy(update={"min_snr_db": 0.0, "name": f"{name}-untrained"})
        if missing_packages(recipe.target, "convert"):
            pytest.skip(f"the extra of {recipe.target} is not installed")
        export_bundle(tiny_source, recipe, tmp_path / name)
        return open_bundle(tmp_path / name).model

    return make


def test_executorch_plans_its_input_and_more_in_the_file(made):
    arena = planned_arena("executorch", made("executorch-fp32"))
    assert WINDOW_BYTES < arena.size_bytes < 10 * WINDOW_BYTES
    assert "plan in the .pte" in arena.source


def test_the_firmwares_plan_is_the_one_of_its_manifest(made):
    model = made("firmware-w8a8")
    planned_bytes = json.loads((model / "manifest.json").read_text())["arena_bytes"]
    assert planned_arena("firmware", model).size_bytes == planned_bytes > 0


def test_of_a_tflite_file_tflm_tells_or_is_told_to_be_missing(made):
    arena = planned_arena("tflite", made("tflite-w8a8"))
    if find_spec("tflite_micro") is None:
        assert (arena.size_bytes, arena.source) == (None, "tflite-micro is not installed")
    else:
        assert WINDOW_BYTES / 4 < arena.size_bytes < 10 * WINDOW_BYTES
        assert "bytes of activations" in arena.source


def test_what_tflm_refuses_is_said(tmp_path):
    path = tmp_path / "no.tflite"
    path.write_bytes(b"no model")
    arena = planned_arena("tflite", path)
    assert arena.size_bytes is None
    assert "TFLM refuses" in arena.source or "not installed" in arena.source


@pytest.mark.parametrize("target", ["onnx", "coreml", "coreai", "eager"])
def test_formats_without_a_plan_say_so(target, tmp_path):
    assert planned_arena(target, tmp_path).model_dump() == {
        "size_bytes": None,
        "source": f"{target} has no memory plan in its file",
    }


@pytest.mark.parametrize(("name", "formats"), [("onnx-fp32", ["fp32"]), ("tflite-w8a8", ["int32", "int8"])])
def test_weights_are_told_by_the_format_that_the_file_stores(made, name, formats):
    model = made(name)
    stored = stored_weights(name.partition("-")[0], model)
    assert sorted(stored) == formats
    assert 0 < sum(stored.values()) < model.stat().st_size


def test_of_a_peers_weights_nothing_is_told(tmp_path):
    assert stored_weights("pytorch-eager", tmp_path) == {}
