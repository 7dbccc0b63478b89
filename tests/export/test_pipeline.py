"""Checkpoint to bundle to verification, by way of ONNX, the quickest target; and each way in which it must end."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.sums import write_sums
from edgeacc.cohort.config import CohortConfig
from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, NotPossibleHere, ParityFailed
from edgeacc.export import registry
from edgeacc.export.onnx import OnnxExporter
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.registry import TARGETS, missing_packages
from edgeacc.export.source import read_source
from edgeacc.export.verify import verify_bundle
from edgeacc.models.card import Card
from edgeacc.models.checkpoint import save
from edgeacc.models.encoder import Encoder
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.from_cohort import from_cohort

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("onnx", "convert")), reason="the extra `onnx` is not installed"),
]
RECIPE = RECIPES["onnx-fp32"]
TOO_STRICT = RECIPE.model_copy(update={"name": "onnx-fp32-strict", "min_snr_db": 199.0})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "s"
    from_cohort(CohortConfig(participants=8, windows_per_participant=4), path, shares=(6, 1, 1))
    return path


@pytest.fixture(scope="module")
def source(checkpoint, store):
    return read_source(checkpoint, store, calibration_windows=8)


@pytest.fixture(scope="module")
def exported(source, tmp_path_factory):
    """The bundle's folder, and what the export said."""
    out = tmp_path_factory.mktemp("bundles") / "onnx"
    stages = []
    result = export_bundle(source, RECIPE, out, progress=lambda *told: stages.append(told))
    return out, result, stages


@pytest.fixture
def bundle(exported, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(exported[0], tmp_path / "bundle")


def test_result_says_what_is_in_the_bundle(exported, encoder):
    out, result, _ = exported
    manifest = open_bundle(out).manifest
    assert result.verification == manifest.verification
    assert result.model_bytes == (out / manifest.model).stat().st_size == manifest.model_bytes
    assert manifest.input.shape == (1, 3, DEFAULT.samples)
    assert manifest.output.shape == (1, encoder.embedding_width)
    assert manifest.source.name == "small-student"
    assert manifest.verification.snr_db > RECIPE.min_snr_db
    assert manifest.verification.hr_mae_bpm is not None
    assert abs(result.task_cost_bpm) < 0.01
    assert {"torch", "onnx", "onnxruntime"} <= manifest.tool_versions.keys()
    assert manifest.tool_licences.keys() == manifest.tool_versions.keys()
    assert manifest.tool_licences["onnx"] == "Apache-2.0"
    assert "Made with onnx: Apache-2.0." in (out / "card.md").read_text()


def test_stages_are_told_and_timed(exported):
    _, result, stages = exported
    assert result.stage_s.keys() == {"read", "windows", "convert", "run", "write"}
    assert [done for done, _, _ in stages] == sorted(done for done, _, _ in stages)
    assert stages[-1][:2] == (3, 3)
    assert any("convert" in note for _, _, note in stages)


def test_golden_embeddings_are_the_networks(exported, encoder):
    golden = open_bundle(exported[0]).golden()
    with torch.no_grad():
        z_BD = encoder(torch.from_numpy(golden.acc_BCT)).numpy()
    assert np.abs(z_BD - golden.z_BD).max() < 1e-4


def test_verify_runs_from_raw_acceleration(exported):
    report = verify_bundle(exported[0])
    assert report.passed
    assert report.windows == 64
    assert report.level == "executed"
    assert report.snr_db == pytest.approx(exported[1].verification.snr_db, abs=10)
    assert report.prepared_difference < 1e-4


def change_golden(bundle, change):
    path = bundle / "golden.safetensors"
    golden = open_bundle(bundle).golden()
    type(golden)(**{**vars(golden), **change(golden)}).write(path)
    write_sums(bundle)


def test_verify_fails_an_artifact_that_computes_something_else(bundle):
    """As if the artifact were another network's: the expected embeddings are not what it gives."""
    change_golden(bundle, lambda golden: {"z_BD": golden.z_BD[::-1].copy()})
    report = verify_bundle(bundle)
    assert not report.passed
    assert "below the recipe's floor of 60 dB" in report.failures[0]


def test_verify_refuses_an_artifact_of_other_windows_or_another_width(bundle):
    """Whoever put another model in its place has also renewed the hashes."""
    import onnx

    path = bundle / "model" / "model.onnx"
    model, whole = onnx.load(path), path.read_bytes()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 1920
    onnx.save(model, path)
    write_sums(bundle)
    with pytest.raises(BadInput, match=r"model\.onnx"):
        verify_bundle(bundle)
    path.write_bytes(whole)
    write_sums(bundle)
    golden = open_bundle(bundle).golden()
    replace(golden, z_BD=golden.z_BD[:, 1:].copy()).write(bundle / "golden.safetensors")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["output"]["shape"][-1] -= 1
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    (bundle / "probe.safetensors").unlink()
    write_sums(bundle)
    with pytest.raises(BadInput, match="the artifact gives"):
        verify_bundle(bundle)


def test_verify_fails_signal_code_that_prepares_otherwise(bundle):
    change_golden(bundle, lambda golden: {"acc_BCT": golden.acc_BCT * 1.01})
    assert "windows prepared here differ" in verify_bundle(bundle).failures[0]


def test_verify_refuses_a_changed_byte(bundle):
    model = bundle / "model" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    with pytest.raises(BadInput, match=r"model/model.onnx: changed"):
        verify_bundle(bundle)


def test_verify_without_the_runtime_names_the_extra(bundle, monkeypatch):
    lacking = TARGETS["onnx"].model_copy(update={"runtime_packages": ("no-such-runtime",)})
    monkeypatch.setitem(registry.TARGETS, "onnx", lacking)
    with pytest.raises(NotPossibleHere) as caught:
        verify_bundle(bundle)
    assert "edgeacc[onnx]" in caught.value.next_command


def test_below_the_floor_no_bundle_is_made_and_the_artifact_kept_aside(source, tmp_path):
    out = tmp_path / "b"
    with pytest.raises(ParityFailed) as caught:
        export_bundle(source, TOO_STRICT, out)
    assert caught.value.exit_code == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.rejected"]
    kept = tmp_path / "b.rejected"
    assert (kept / "model" / "model.onnx").stat().st_size > 0
    assert not open_bundle(kept).manifest.verification.passed
    with pytest.raises(ParityFailed):
        export_bundle(source, TOO_STRICT, out)  # and again, over what was kept
    assert not verify_bundle(kept).passed
    export_bundle(source, RECIPE, out)
    assert list(tmp_path.iterdir()) == [out]


def test_an_artifact_that_gives_no_numbers_is_kept_aside_too(source, tmp_path, monkeypatch):
    """A NaN reaches no file: nothing in the manifest or the card is anything but a number or missing."""
    monkeypatch.setattr(OnnxExporter, "run", lambda self, model, acc_BCT: (np.full((len(acc_BCT), 80), np.nan, "f4"),))
    with pytest.raises(ParityFailed, match=r"-200\.0 dB"):
        export_bundle(source, RECIPE, tmp_path / "b")
    checked = open_bundle(tmp_path / "b.rejected").manifest.verification
    assert (checked.snr_db, checked.hr_mae_bpm) == (-200, None)


def test_a_rejected_export_leaves_the_older_bundle(source, bundle):
    with pytest.raises(ParityFailed):
        export_bundle(source, TOO_STRICT, bundle, force=True)
    assert verify_bundle(bundle).passed


def test_an_existing_output_needs_force(source, bundle):
    with pytest.raises(BadInput, match="exists already"):
        export_bundle(source, RECIPE, bundle)
    assert export_bundle(source, RECIPE, bundle, force=True).verification.windows == 64


def test_nothing_is_left_of_an_export_that_could_not_convert(source, tmp_path, monkeypatch):
    lacking = TARGETS["onnx"].model_copy(update={"packages": ("no-such-converter",)})
    monkeypatch.setitem(registry.TARGETS, "onnx", lacking)
    with pytest.raises(NotPossibleHere):
        export_bundle(source, RECIPE, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_ppg_encoder_is_not_exported(encoder, tmp_path, store):
    config = encoder.config.model_copy(update={"in_channels": 4})
    card = Card(kind="teacher", objective="masked-input", encoder=config, contract=DEFAULT)
    save(tmp_path / "teacher", card, Encoder(config))
    with pytest.raises(BadInput, match="teacher is a teacher, which reads the PPG and is not exported"):
        read_source(tmp_path / "teacher", store, 0)


def test_a_store_of_another_contract_is_refused(checkpoint, store, tmp_path):
    other = shutil.copytree(store, tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["contract"]["acc_band_hz"] = [5.0, 18.0]
    (other / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadInput, match="contract"):
        read_source(checkpoint, other, 0)


def test_two_exports_differ_in_no_byte(exported, source, tmp_path):
    again = tmp_path / "again"
    export_bundle(source, RECIPE, again)
    assert (again / "SHA256SUMS").read_text() == (exported[0] / "SHA256SUMS").read_text()


def test_vectors_are_plain_safetensors(exported):
    assert load_file(exported[0] / "golden.safetensors").keys() == {"acc_g_BCT", "acc_BCT", "z_BD", "hr_bpm_B"}
