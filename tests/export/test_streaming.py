"""The streaming flavour: exported, run piece by piece in the target's own runtime, equal to the window at once."""

import numpy as np
import pytest

from edgeacc.bundle.bundle import open_bundle
from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.kits.kit import make_kit
from edgeacc.export.parity import parity
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.precision import weight_bytes
from edgeacc.export.registry import exporter, missing_packages
from edgeacc.export.source import read_source
from edgeacc.export.streaming import require_streaming
from edgeacc.export.verify import verify_bundle

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def source(checkpoint):
    return read_source(checkpoint, None, 0, heads=True, in_pieces=True)


@pytest.fixture(scope="module", params=["coreml-fp16", "executorch-fp32", "tflite-fp32"])
def bundle(request, source, tmp_path_factory):
    recipe = RECIPES[request.param]
    if missing_packages(recipe.target, "convert"):
        pytest.skip(f"the packages of {recipe.target} are not installed")
    loose = {"minimum_os": ("watchOS11", "iOS18"), "min_snr_db": 15.0}  # 16 bits of an untrained network
    recipe = recipe.model_copy(update=loose if recipe.target == "coreml" else {})
    out = tmp_path_factory.mktemp("streaming") / recipe.name
    export_bundle(source, recipe, out)
    return out


def test_a_bundle_verifies_with_its_heads_and_says_what_a_piece_costs(bundle):
    report = verify_bundle(bundle)
    assert report.passed
    assert [head.name for head in report.heads] == ["hr_bpm", "sdnn_ms", "rmssd_ms"]
    assert "a NaN spoils its window, and the next one too" in (bundle / "card.md").read_text()
    spec = open_bundle(bundle).manifest.streaming
    assert (spec.samples, spec.pieces) == (64, 62)
    assert spec.macs_per_piece * spec.pieces + spec.macs_to_finish < 1.2 * spec.macs_per_window
    assert spec.macs_per_piece < 0.02 * spec.macs_per_window


def test_equal_to_the_window_at_once_and_every_window_begins_anew(bundle, acc_BCT, z_BD):
    opened = open_bundle(bundle)
    session = exporter(opened.manifest.target).load(opened.model)
    given = [session(acc_BCT[number : number + 1].numpy())[0] for number in (0, 1, 0)]
    np.testing.assert_array_equal(given[0], given[2])
    if opened.recipe.weights == "fp32":
        assert np.abs(np.concatenate(given[:2]) - z_BD[:2]).max() < 1e-4
    assert parity(z_BD[:2], np.concatenate(given[:2])).snr_db > 40


def test_its_weights_are_told_once(bundle, source):
    opened = open_bundle(bundle)
    stored = weight_bytes(exporter(opened.manifest.target).operations(opened.model))
    values = sum(value.numel() for value in source.network.parameters())
    assert list(stored) == [opened.recipe.weights]
    assert stored[opened.recipe.weights] / values == pytest.approx(2 if opened.recipe.weights == "fp16" else 4, rel=0.2)


def test_a_kit_gives_whole_windows(bundle, tmp_path):
    with pytest.raises(BadInput, match="takes a window in pieces"):
        make_kit(bundle, "wearos", tmp_path / "kit")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("onnx-fp32", "an ONNX graph keeps nothing"),
        ("firmware-w8a8", "its networks are int8"),
        ("coreai-fp32", "the state of a Core AI asset is not written here"),
        ("tflite-w8a8", "ranges that were not measured on pieces"),
        ("coreml-pal4", "ranges that were not measured on pieces"),
    ],
)
def test_the_others_are_refused_with_the_reason(name, why):
    with pytest.raises(NotPossibleHere, match=f"{name} has no streaming flavour: .*{why}"):
        require_streaming(RECIPES[name])


def test_older_systems_have_no_states(source, tmp_path):
    if missing_packages("coreml", "convert"):
        pytest.skip("the packages of coreml are not installed")
    with pytest.raises(BadInput, match="watchOS10, iOS17 have no states"):
        export_bundle(source, RECIPES["coreml-fp16"], tmp_path / "b")
    assert not (tmp_path / "b").exists()
