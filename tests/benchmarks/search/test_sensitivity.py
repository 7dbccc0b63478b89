"""From what each layer adds alone to mixed recipes."""

import pytest

from edgeacc.benchmarks.search.sensitivity import MIXTURES, Alone, Scan, formats, mixed, mixtures
from edgeacc.compression.recipe import parse_recipe

EXACT = 100_000


def scanned(layers):
    """layer -> {format: (noise, bytes that it saves)}."""
    return Scan(
        of="0",
        exact=Alone(noise=0.0, size_bytes=EXACT),
        alone={
            layer: {low: Alone(noise=noise, size_bytes=EXACT - saved) for low, (noise, saved) in lower.items()}
            for layer, lower in layers.items()
        },
    )


COREML = scanned(
    {
        "tokenizer.0": {"int8": (1e-5, 4_000), "pal6": (1e-3, 5_000), "pal4": (1e-1, 6_000)},
        "tokenizer.2": {"int8": (1e-5, 20_000), "pal6": (1e-4, 25_000), "pal4": (1e-3, 30_000)},
        "tokenizer.4": {"int8": (1e-5, 25_000), "pal6": (1e-4, 31_000), "pal4": (1e-2, 37_000)},
    }
)


def test_formats_go_from_the_most_exact_on():
    assert formats("coreml") == ("fp16", "int8", "pal6", "pal4")
    assert formats("tflite") == ("fp32", "int8")
    assert formats("firmware") == ()


def test_mixtures_go_from_small_to_exact_each_with_less_noise():
    found = mixtures("coreml", COREML)
    assert 1 < len(found) <= MIXTURES
    sizes, noise = [each.size_bytes for each in found], [each.noise for each in found]
    assert sizes == sorted(sizes)
    assert noise == sorted(noise, reverse=True)
    for each in found:
        assert len(set(each.layers.values())) > 1
        saved = {
            layer: EXACT - COREML.alone[layer][low].size_bytes for layer, low in each.layers.items() if low != "fp16"
        }
        assert each.size_bytes == EXACT - sum(saved.values())


def test_the_layer_that_costs_most_noise_for_its_bytes_is_made_exact_first():
    assert mixtures("coreml", COREML)[0].layers["tokenizer.0"] != "pal4"


def test_a_layer_that_is_smaller_in_the_exact_format_stays_in_it():
    found = mixtures("tflite", scanned({"tokenizer.0": {"int8": (1e-3, 50_000)}, "summary": {"int8": (1e-3, -3_000)}}))
    assert [each.layers for each in found] == [{"tokenizer.0": "int8", "summary": "fp32"}]


@pytest.mark.parametrize(("target", "low"), [("coreml", "pal4"), ("tflite", "fp32"), ("executorch", "fp32")])
def test_a_mixture_is_a_recipe_that_can_be_kept_in_a_file(target, low):
    layers = {"tokenizer.0": low, "summary": formats(target)[0 if target == "coreml" else -1]}
    recipe = mixed(target, "90k", layers)
    assert recipe.layers == {"tokenizer.0": low}
    assert parse_recipe(recipe.to_toml(), "written") == recipe
