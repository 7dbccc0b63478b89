from pathlib import Path

import pytest

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export import registry
from edgeacc.export.exporter import Exporter, take_notes, write_notes
from edgeacc.export.registry import (
    TARGETS,
    exporter,
    missing_packages,
    missing_recipes,
    possible_recipes,
    target_info,
    tool_versions,
)


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_names_its_exporter_its_recipe_and_its_level(target):
    info = TARGETS[target]
    assert RECIPES[info.default_recipe].target == target
    assert not info.runtime_packages or set(info.runtime_packages) & set(info.packages)
    if missing_packages(target, "run"):
        pytest.skip(f"the extra {info.extra} is not installed")
    made: Exporter = exporter(target)
    assert (made.target, made.level) == (info.name, info.level)


def test_unknown_target_lists_what_exists():
    with pytest.raises(BadInput) as caught:
        target_info("tfLite")
    assert "coreai, coreml, executorch, firmware, onnx, tflite" in caught.value.valid


@pytest.mark.parametrize("purpose", ["convert", "run"])
def test_a_missing_package_names_the_extra(monkeypatch, purpose):
    """The registry asks the installed packages; one that nobody has is put into the onnx target's list."""
    lists = {"convert": {"packages": ("no-such-converter",)}, "run": {"runtime_packages": ("no-such-runtime",)}}
    monkeypatch.setitem(registry.TARGETS, "onnx", TARGETS["onnx"].model_copy(update=lists[purpose]))
    with pytest.raises(NotPossibleHere) as caught:
        exporter("onnx", purpose)
    assert f"cannot {purpose} onnx here: not installed: no-such-" in caught.value.problem
    assert caught.value.next_command == "pip install 'edgeacc[onnx]'"
    assert caught.value.exit_code == 1


def test_tool_versions_are_those_installed(monkeypatch):
    monkeypatch.setitem(
        registry.TARGETS, "onnx", TARGETS["onnx"].model_copy(update={"packages": ("numpy", "no-such-converter")})
    )
    versions = tool_versions("onnx")
    assert {"torch", "numpy"} <= versions.keys()
    assert "no-such-converter" not in versions


def test_notes_are_left_and_taken_once(tmp_path):
    assert take_notes(tmp_path) == {}
    write_notes(tmp_path, kept="min-max", snr_db={"min-max": 20.5})
    assert take_notes(tmp_path) == {"kept": "min-max", "snr_db": {"min-max": 20.5}}
    assert list(tmp_path.iterdir()) == []


def without_packages(monkeypatch, *targets):
    """The registry asks the installed packages; one that nobody has is put into the lists of these targets."""
    for target in targets:
        monkeypatch.setitem(TARGETS, target, TARGETS[target].model_copy(update={"packages": ("x",)}))


def test_recipes_of_targets_that_are_not_installed_are_left_out_and_told(monkeypatch):
    before = set(possible_recipes())
    without_packages(monkeypatch, "coreml")
    assert set(possible_recipes()) == {name for name in before if RECIPES[name].target != "coreml"}
    assert missing_recipes()["coreml-w8"] == "not installed: x (pip install 'edgeacc[coreml]')"


def test_without_any_target_the_extra_that_brings_all_is_named(monkeypatch):
    without_packages(monkeypatch, *TARGETS)
    with pytest.raises(NotPossibleHere) as refusal:
        possible_recipes()
    assert refusal.value.next_command == "pip install 'edgeacc[all]'"


@pytest.mark.parametrize("target", TARGETS)
def test_targets_with_threads_of_their_own_can_be_loaded_on_them(target):
    if missing_packages(target, "run"):
        pytest.skip(f"the runtime of {target} is not installed")
    tool = exporter(target)
    assert target_info(target).threads == (type(tool).load_on_threads is not Exporter.load_on_threads)
    if not target_info(target).threads:
        with pytest.raises(NotPossibleHere, match="one thread"):
            tool.load_on_threads(Path("model"), 2)
