"""Raw acceleration in g: prepared inside the artifact as the contract prepares it, in every float target."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.bundle.bundle import open_bundle
from edgeacc.compression.recipe import RECIPES as ALL_RECIPES
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.kits.kit import make_kit
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.raw import RECIPES, Preparation, from_raw, require_raw
from edgeacc.export.registry import missing_packages
from edgeacc.export.source import read_source
from edgeacc.export.verify import verify_bundle
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.signals.filters import band_pass_taps
from edgeacc.signals.prepare import prepare_acc

TAPS = band_pass_taps(DEFAULT.rate_hz, DEFAULT.acc_band_hz)


def raw_window(seed, samples, drift_g=0.0):
    """(1, 3, T) in g: gravity, a turn of the wrist, a heartbeat of about 1 mg, noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(samples) / DEFAULT.rate_hz
    gravity_3 = rng.normal(size=3)
    turn = drift_g * np.sin(2 * np.pi * t / 20 + rng.uniform(0, 6))
    beat = 0.001 * np.sin(2 * np.pi * 7 * t) * (np.sin(2 * np.pi * 1.1 * t) > 0.9)
    acc_g = (gravity_3 / np.linalg.norm(gravity_3))[:, None] + turn + beat + 2e-4 * rng.normal(size=(3, samples))
    return acc_g[None].astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(len(TAPS), 800), st.floats(0, 0.1))
def test_as_the_contract_prepares(seed, samples, drift_g):
    acc_g_1CT = raw_window(seed, samples, drift_g)
    with torch.no_grad():
        prepared_1CT = Preparation(TAPS, 3)(torch.from_numpy(acc_g_1CT)).numpy()
    largest = max(1e-4, 3e-3 * drift_g)  # 32 bits hold the movement, of which the heartbeat is a hundredth
    assert np.abs(prepared_1CT - prepare_acc(acc_g_1CT, DEFAULT)).max() < largest


def test_an_axis_that_stands_still_gives_zeros():
    with torch.no_grad():
        assert not Preparation(TAPS, 3)(torch.full((1, 3, 400), 0.73)).any()


@pytest.mark.parametrize(
    ("contract", "why"),
    [
        (SignalContract(steps=("band_pass", "z_score")), "steps are band_pass, z_score"),
        (SignalContract(window_s=1.5), "96 samples is shorter than the filter"),
    ],
)
def test_a_contract_that_it_does_not_hold(program, contract, why):
    with pytest.raises(BadInput, match=why):
        from_raw(program, contract)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("tflite-w8a8", "tflite-fp32"), ("coreml-w8", "coreml-fp16"), ("firmware-w8a8", "tflite-fp32")],
)
def test_fewer_bits_are_refused_with_the_nearest(name, nearest):
    with pytest.raises(NotPossibleHere, match=f"{name} does not take raw acceleration") as refused:
        require_raw(ALL_RECIPES[name])
    assert nearest in refused.value.next_command


@pytest.fixture(scope="module")
def source(checkpoint):
    return read_source(checkpoint, None, 0, heads=True, raw=True)


@pytest.mark.integration
@pytest.mark.parametrize("name", RECIPES)
def test_every_float_target_prepares_itself(name, source, tmp_path):
    recipe = ALL_RECIPES[name]
    if missing_packages(recipe.target, "convert"):
        pytest.skip(f"the packages of {recipe.target} are not installed")
    if recipe.target == "coreml":
        recipe = recipe.model_copy(update={"min_snr_db": 15.0})  # 16 bits of an untrained network
    bundle = tmp_path / name
    export_bundle(source, recipe, bundle)
    opened = open_bundle(bundle)
    assert opened.manifest.compatibility.needs.operators
    assert (opened.manifest.input.unit, opened.manifest.takes_raw) == ("g", True)
    assert "Steps before the artifact: fill_gaps" in (bundle / "card.md").read_text()
    report = verify_bundle(bundle)
    assert report.passed
    assert report.snr_db > (40 if recipe.target == "coreml" else 100)
    assert [head.name for head in report.heads] == ["hr_bpm", "sdnn_ms", "rmssd_ms"]
    with pytest.raises(BadInput, match="prepares its windows itself"):
        make_kit(bundle, "wearos", tmp_path / "kit")
