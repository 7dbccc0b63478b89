"""Embedding, heart rate and its variability as named outputs: by every target, each output judged by itself."""

import json
import shutil

import numpy as np
import pytest
import torch

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.fit_probe import fit_probe
from edgeacc.bundle.sums import write_sums
from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, ParityFailed
from edgeacc.export.exporter import output_names
from edgeacc.export.heads import with_heads
from edgeacc.export.parity import parity
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.registry import exporter, missing_packages
from edgeacc.export.source import read_source
from edgeacc.export.verify import verify_bundle

pytestmark = pytest.mark.integration
HEADS = ["hr_bpm", "sdnn_ms", "rmssd_ms"]
EVERY_KIND = (
    "coreai-fp32", "coreai-w8a8", "coreml-fp16", "coreml-w8", "executorch-fp32", "executorch-w8a8",
    "firmware-w8a8", "onnx-fp32", "onnx-w8-dynamic", "tflite-fp32", "tflite-w8a8",
)  # fmt: skip


@pytest.fixture(scope="module")
def probes(encoder, calibration_BCT):
    """Labels that the embedding tells, of the size of true ones."""
    with torch.no_grad():
        z_BD = encoder(calibration_BCT)
    score_BK = z_BD @ torch.randn(z_BD.shape[1], 3, generator=torch.Generator().manual_seed(4))
    label_BK = torch.tensor([70.0, 50.0, 40.0]) + torch.tensor([12.0, 20.0, 15.0]) * score_BK / score_BK.std(0)
    who_B = torch.arange(len(z_BD)) % 8
    return {name: fit_probe(z_BD, label_B, who_B) for name, label_B in zip(HEADS, label_BK.T, strict=True)}


def test_heads_are_the_probes(program, probes, encoder, acc_BCT):
    network = with_heads(program, probes)
    assert output_names(network) == ["embedding", *HEADS]
    with torch.no_grad():
        z_BD = encoder(acc_BCT).numpy()
        given = [network.module()(window) for window in acc_BCT.split(1)]
    assert np.abs(torch.cat([each["embedding"] for each in given]).numpy() - z_BD).max() < 1e-4
    for name, probe in probes.items():
        assert np.abs(torch.cat([each[name] for each in given])[:, 0].numpy() - probe.predict(z_BD)).max() < 1e-3


@pytest.mark.parametrize("name", EVERY_KIND)
def test_every_target_gives_embedding_and_heads_in_order(
    name, program, probes, calibration_BCT, acc_BCT, z_BD, tmp_path
):
    recipe = RECIPES[name]
    if missing_packages(recipe.target, "convert"):
        pytest.skip(f"the packages of {recipe.target} are not installed")
    tool = exporter(recipe.target, "convert")
    used_BCT = calibration_BCT[: recipe.calibration_windows]
    model = tool.convert(with_heads(program, probes), recipe, used_BCT, tmp_path)
    embedding_BD, *heads = tool.run(model, acc_BCT.numpy())
    assert parity(z_BD, embedding_BD).snr_db > recipe.min_snr_db
    assert len(heads) == len(probes)
    for head_B1, (label, probe) in zip(heads, probes.items(), strict=True):
        reached_db = parity(probe.predict(z_BD)[:, None], head_B1).snr_db
        assert reached_db > recipe.min_snr_db - 6, label  # an untrained network tells no label without large weights


@pytest.mark.skipif(bool(missing_packages("executorch", "convert")), reason="the extra `executorch` is missing")
def test_heads_of_an_int8_program_stay_in_float(program, probes, calibration_BCT, acc_BCT, tmp_path):
    """Rounded to int8, a head would be less exact than the embedding that it reads."""
    tool = exporter("executorch", "convert")
    model = tool.convert(with_heads(program, probes), RECIPES["executorch-w8a8"], calibration_BCT, tmp_path)
    embedding_BD, *heads = tool.run(model, acc_BCT.numpy())
    for head_B1, probe in zip(heads, probes.values(), strict=True):
        np.testing.assert_allclose(head_B1[:, 0], probe.predict(embedding_BD), rtol=1e-4, atol=1e-2)


needs_onnx = pytest.mark.skipif(bool(missing_packages("onnx", "convert")), reason="the extra `onnx` is not installed")


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    source = read_source(checkpoint, None, 0, heads=True)
    out = tmp_path_factory.mktemp("bundles") / "onnx"
    return source, out, export_bundle(source, RECIPES["onnx-fp32"], out)


@needs_onnx
def test_a_bundle_says_names_units_and_fidelity_of_its_heads(exported):
    _, out, result = exported
    manifest = open_bundle(out).manifest
    assert [(head.name, head.unit, head.shape) for head in manifest.heads] == [
        ("hr_bpm", "bpm", (1, 1)),
        ("sdnn_ms", "ms", (1, 1)),
        ("rmssd_ms", "ms", (1, 1)),
    ]
    assert [head.name for head in result.verification.heads] == HEADS
    assert all(head.snr_db > 60 and head.worst_error < 0.1 for head in result.verification.heads)
    report = verify_bundle(out)
    assert report.passed
    assert [head.name for head in report.heads] == HEADS
    card = (out / "card.md").read_text()
    assert "Output `rmssd_ms` (1, 1), ms" in card
    assert "Head `hr_bpm`" in card


@needs_onnx
def test_a_head_alone_fails_the_gate(exported, tmp_path):
    """The embedding is right, one head is not: as if its weights were another's."""
    bundle = shutil.copytree(exported[1], tmp_path / "bundle")
    golden = open_bundle(bundle).golden()
    golden.heads_BK[:, 1] = golden.heads_BK[::-1, 1].copy()
    golden.write(bundle / "golden.safetensors")
    write_sums(bundle)
    report = verify_bundle(bundle)
    assert [failure.split(":")[0] for failure in report.failures] == ["sdnn_ms"]
    assert report.snr_db > 60


@needs_onnx
def test_below_its_floor_a_head_is_named(exported, tmp_path):
    source, _, result = exported
    checked = {"embedding": result.verification.snr_db, **{h.name: h.snr_db for h in result.verification.heads}}
    between_db = (sorted(checked.values())[0] + sorted(checked.values())[1]) / 2
    strict = RECIPES["onnx-fp32"].model_copy(update={"name": "onnx-fp32-strict", "min_snr_db": between_db})
    with pytest.raises(ParityFailed, match=f"{min(checked, key=checked.get)}: ".removeprefix("embedding: ")):
        export_bundle(source, strict, tmp_path / "b")


@needs_onnx
def test_an_artifact_with_fewer_heads_than_its_manifest_says(exported, tmp_path):
    bundle = shutil.copytree(exported[1], tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["heads"].append({"name": "age_y", "shape": [1, 1], "unit": "y"})
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    golden = open_bundle_golden(bundle)
    golden.write(bundle / "golden.safetensors")
    write_sums(bundle)
    with pytest.raises(BadInput, match="gives 3 outputs beside the embedding, not 4"):
        verify_bundle(bundle)


def open_bundle_golden(bundle):
    from dataclasses import replace

    from edgeacc.bundle.golden import read_golden

    golden = read_golden(bundle / "golden.safetensors", 64, 3840, 80, 3)
    return replace(golden, heads_BK=np.concatenate([golden.heads_BK, golden.heads_BK[:, :1]], axis=1))


def test_heads_need_labels(checkpoint, tmp_path):
    from edgeacc.cohort.config import CohortConfig
    from edgeacc.windows.from_cohort import from_cohort

    from_cohort(CohortConfig(participants=4, windows_per_participant=2), tmp_path / "s", shares=(2, 1, 1))
    with pytest.raises(BadInput, match="too few labels to fit heads on"):
        read_source(checkpoint, tmp_path / "s", 0, heads=True)
