"""`edgeacc verify`: one table for all bundles, and the gravest exit code."""

import json
import shutil

import pytest

from edgeacc.export import registry
from edgeacc.export.registry import TARGETS


def test_no_bundle(edgeacc, tmp_path):
    ran = edgeacc("verify", tmp_path / "none")
    assert (ran.code, ran.out) == (2, "")
    assert "none does not exist" in ran.err


@pytest.mark.integration
def test_a_good_bundle(edgeacc, onnx_bundle):
    ran = edgeacc("verify", onnx_bundle)
    assert ran.code == 0
    assert "passed" in ran.out
    assert "What a runtime must read" in ran.out


@pytest.mark.integration
def test_json(edgeacc, onnx_bundle):
    (report,) = json.loads(edgeacc("verify", onnx_bundle, "--json").out)["bundles"]
    assert report["failures"] == []
    assert report["windows"] == 64
    assert report["needs"]["format"]["opset ai.onnx"] == "18"


@pytest.mark.integration
def test_a_changed_file_is_exit_2_and_the_others_are_checked(edgeacc, onnx_bundle, tampered_bundle, failing_bundle):
    ran = edgeacc("verify", onnx_bundle, tampered_bundle, failing_bundle, "--json")
    result = json.loads(ran.out)
    assert ran.code == 2
    assert [bool(report["failures"]) for report in result["bundles"]] == [False, True]
    assert "card.md: changed" in result["refused"][0]
    assert "2 did not succeed" in ran.err


@pytest.mark.integration
def test_parity_failure_is_exit_3(edgeacc, onnx_bundle, failing_bundle):
    ran = edgeacc("verify", onnx_bundle, failing_bundle)
    assert ran.code == 3
    assert "below the recipe's floor of 199 dB" in ran.err


@pytest.mark.integration
def test_missing_runtime_is_exit_1(edgeacc, onnx_bundle, monkeypatch):
    lacking = TARGETS["onnx"].model_copy(update={"runtime_packages": ("no-such-runtime",)})
    monkeypatch.setitem(registry.TARGETS, "onnx", lacking)
    ran = edgeacc("verify", onnx_bundle)
    assert ran.code == 1
    assert "pip install 'edgeacc[onnx]'" in ran.err


@pytest.mark.integration
def test_a_folder_of_bundles_is_told_from_a_bundle(edgeacc, onnx_bundle, tmp_path):
    folder = tmp_path / "my bundles"
    shutil.copytree(onnx_bundle, folder / "onnx-fp32")
    for verb in ("verify", "bench"):
        ran = edgeacc(verb, folder)
        assert (ran.code, ran.out) == (2, "")
        assert "my bundles is not a bundle but a folder of 1 bundle" in ran.err
        assert f"valid: the bundles in it: '{folder}'/*" in ran.err


@pytest.mark.integration
def test_what_desktops_leave_in_a_folder_is_no_tampering(edgeacc, onnx_bundle, tmp_path):
    path = shutil.copytree(onnx_bundle, tmp_path / "seen")
    for place in (path, path / "model"):
        for name in (".DS_Store", "Thumbs.db", "._model.onnx"):
            (place / name).write_text("where the icons lie")
    assert edgeacc("verify", path).code == 0
    (path / "model" / ".DS_Store.onnx").write_text("x")
    ran = edgeacc("verify", path)
    assert ran.code == 2
    assert "1 mistake" in ran.err
    assert "model/.DS_Store.onnx: not listed" in ran.err
