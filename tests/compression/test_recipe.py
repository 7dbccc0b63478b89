import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.compression.recipe import (
    RECIPES,
    Recipe,
    parse_recipe,
    read_recipe,
    recipe_text,
)
from edgeacc.compression.schemes import MIXED, TABLE, possible
from edgeacc.errors import BadInput
from edgeacc.export.registry import TARGETS

FLOORS_DB = {
    "fp32": 60,
    "fp16": 50,
    "w8": 30,
    "w8-dynamic": 25,
    "w8a16": 25,
    "w8a8": 15,
    "pal6": 20,
    "pal4": 10,
    "w4": 10,
}


def fields(name):
    return RECIPES[name].model_dump(mode="json")


def toml(content):
    return "\n".join(f"{key} = {value!r}" for key, value in content.items()).replace("True", "true")


@st.composite
def recipes(draw):
    target = draw(st.sampled_from(sorted(TABLE)))
    scheme = draw(st.sampled_from(possible(target)))
    weights, activations = TABLE[target][scheme]
    return Recipe(
        target=target,
        weights=weights,
        activations=activations,
        name=f"{target}-{scheme}" + draw(st.sampled_from(["", "-mine", "-a_word"])),
        min_snr_db=draw(st.floats(0, 200)),
        calibration_windows=draw(st.integers(1, 65_536)) if activations in ("int8", "int16") else 0,
        minimum_os=tuple(draw(st.lists(st.sampled_from(["watchOS11", "iOS18"]), max_size=2))),
        layers=draw(layers_of(target)) if scheme == "mixed" else {},
    )


def layers_of(target):
    return st.dictionaries(
        st.from_regex(r"[a-z0-9_.]{1,64}", fullmatch=True), st.sampled_from(MIXED[target]), min_size=1, max_size=3
    )


def test_every_scheme_of_every_target_is_shipped_with_its_floor():
    shipped = {f"{target}-{scheme}" for target in TABLE for scheme in possible(target) if scheme != "mixed"}
    assert set(RECIPES) == shipped
    assert {name: FLOORS_DB[recipe.scheme] for name, recipe in RECIPES.items()} == {
        name: recipe.min_snr_db for name, recipe in RECIPES.items()
    }


def test_targets_here_are_those_of_the_registry():
    assert set(TABLE) == set(TARGETS)
    assert all(RECIPES[info.default_recipe].target == name for name, info in TARGETS.items())


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_text_says_what_it_needs_and_how_to_run_it(name):
    text = recipe_text(name)
    assert parse_recipe(text, name) == RECIPES[name]
    assert f"edgeacc[{TARGETS[RECIPES[name].target].extra}]" in text
    assert f"edgeacc export CHECKPOINT --target {RECIPES[name].target} --recipe {name}\n" in text


@given(recipes())
def test_a_recipe_survives_being_written(recipe):
    assert parse_recipe(recipe.to_toml(), "written") == recipe


WRONG = {
    "target": ["corml", 3],
    "weights": ["int9", 8],
    "activations": ["fp8", True],
    "name": ["", "Tflite_W8A8", 5],
    "min_snr_db": [-1, "15", 1e9],
    "calibration_windows": [-1, 1.5, "many", 10**9],
    "minimum_os": [["watchOS"], [11], "iOS18"],
}


@given(st.sets(st.sampled_from(sorted(WRONG)), min_size=1), st.booleans(), st.data())
def test_all_mistakes_are_told_at_once(wrong, with_extra_key, data):
    content = fields("tflite-w8a8")
    for key in sorted(wrong):
        content[key] = data.draw(st.sampled_from(WRONG[key]))
    if with_extra_key:
        content["weihgts"] = "int8"
    with pytest.raises(BadInput) as caught:
        parse_recipe(toml(content), "mine.toml")
    assert caught.value.problem.startswith("mine.toml: ")
    told = set(re.findall(r"^  - (\w+)", caught.value.problem, flags=re.MULTILINE))
    assert wrong <= told
    assert ("weihgts" in told) == with_extra_key


@given(st.text())
def test_any_text_is_a_recipe_or_one_of_two_errors(text):
    with pytest.raises((BadInput, tomllib.TOMLDecodeError)):
        parse_recipe(text, "noise")


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("tflite-w8a8", {"calibration_windows": 0}, "int8 activations need calibration windows"),
        ("onnx-fp32", {"calibration_windows": 5}, "fp32 activations need no calibration"),
        ("tflite-w8-dynamic", {"calibration_windows": 5}, "int8-dynamic activations need no calibration"),
        ("tflite-w8a16", {"calibration_windows": 0}, "int16 activations need calibration windows"),
        (
            "onnx-fp32",
            {"weights": "int8"},
            "onnx-fp32 is weights fp32 with activations fp32 on onnx; the recipe has int8",
        ),
        ("coreml-w8", {"name": "coreml-fp16"}, "must say what the recipe does: coreml-fp16 is weights fp16"),
        ("coreml-w8", {"name": "tflite-w8"}, "on tflite; the recipe has int8 with fp16 on coreml"),
        (
            "tflite-w8",
            {"name": "tflite-w8-dynamic"},
            "activations int8-dynamic on tflite; the recipe has int8 with fp32",
        ),
        ("tflite-w8", {"name": "tflite-pal4"}, "tflite-pal4 is not possible: its runtime has no operator"),
    ],
)
def test_parts_that_do_not_belong_together(name, changes, said):
    with pytest.raises(BadInput, match=re.escape(said)):
        parse_recipe(toml(fields(name) | changes), "mine.toml")


def test_by_name_or_file(tmp_path):
    assert read_recipe("onnx-fp32") is RECIPES["onnx-fp32"]
    pruned = read_recipe("tflite-w8a8-p50")
    assert (pruned.pruned, pruned.scheme, pruned.target) == (50, "w8a8", "tflite")
    assert parse_recipe(pruned.to_toml(), "written") == pruned
    mine = tmp_path / "mine.toml"
    mine.write_text(recipe_text("tflite-w8a8").replace('name = "tflite-w8a8"', 'name = "tflite-w8a8-mine"'))
    assert read_recipe(str(mine)).name == "tflite-w8a8-mine"


def test_unknown_names_and_files(tmp_path):
    with pytest.raises(BadInput, match="unknown recipe 'tflite-w8a8-of-mine'"):
        read_recipe("tflite-w8a8-of-mine")
    for ask in (read_recipe, recipe_text):
        with pytest.raises(BadInput, match="tflite-w4 is not possible") as caught:
            ask("tflite-w4")
        assert caught.value.valid.startswith("tflite-w8 is the nearest")
    with pytest.raises(BadInput, match="does not exist"):
        read_recipe(str(tmp_path / "none.toml"))
    (tmp_path / "broken.toml").write_text("name = ")
    with pytest.raises(BadInput, match="is not valid TOML"):
        read_recipe(str(tmp_path / "broken.toml"))
    with pytest.raises(BadInput, match="unknown recipe"):
        recipe_text("tflite-w9")


def test_a_mixed_recipe_is_of_one_network_and_not_shipped():
    with pytest.raises(BadInput, match="the formats of layers are of one network") as caught:
        read_recipe("tflite-mixed")
    assert "compress search" in caught.value.valid
    assert "compress search" in caught.value.next_command


@pytest.mark.parametrize(
    ("name", "layers", "said"),
    [
        ("tflite-mixed-90k", {}, "a mixed recipe, and no other, says the format"),
        ("tflite-w8a8", {"summary": "fp32"}, "a mixed recipe, and no other, says the format"),
        (
            "tflite-mixed",
            {"summary": "pal4", "tokenizer.0": "fp32"},
            "summary = 'pal4': a layer of tflite can have fp32",
        ),
    ],
)
def test_the_formats_of_layers_are_checked(tmp_path, name, layers, said):
    content = fields("tflite-w8a8") | {"name": name}
    path = tmp_path / "mine.toml"
    table = "\n".join(f'"{layer}" = "{weights}"' for layer, weights in layers.items())
    path.write_text(toml({key: value for key, value in content.items() if key != "layers"}) + f"\n[layers]\n{table}\n")
    with pytest.raises(BadInput, match=re.escape(said)):
        read_recipe(str(path))
