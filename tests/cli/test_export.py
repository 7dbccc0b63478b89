"""`edgeacc export`: what it prints, where it writes, and how it refuses."""

import json
import shutil
import subprocess
import sys

import pytest

from edgeacc.compression.recipe import RECIPES
from edgeacc.export.registry import TARGETS, in_all, missing_packages

needs_onnx = pytest.mark.skipif(bool(missing_packages("onnx", "convert")), reason="the extra `onnx` is not installed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--target", "tensorrt"],
            ("unknown target 'tensorrt'", "coreai, coreml, executorch, firmware, onnx, tflite, all"),
        ),
        (["--target", "onnx", "--recipe", "onnx-fp8"], ("unknown recipe 'onnx-fp8'", "onnx-fp32")),
        (
            ["--target", "onnx", "--recipe", "tflite-w8a8"],
            ("recipe tflite-w8a8 is for target tflite, not onnx", "valid: onnx-fp32"),
        ),
        (["--target", "all", "--recipe", "onnx-fp32"], ("--target all takes no --recipe", "tflite-w8a8")),
        (["--target", "onnx", "--recipe", "none.toml"], ("none.toml does not exist",)),
        (
            ["--target", "coreml", "--minimum-os", "watchOS9"],
            ("unknown minimum OS 'watchOS9'", "iOS17, iOS18, watchOS10, watchOS11"),
        ),
        (["--target", "onnx", "--minimum-os", "iOS18"], ("target onnx has none to choose", "valid: --target coreml")),
        (["--target", "onnx", "--tflm"], ("--tflm: a runtime of .tflite files, not of target onnx",)),
        (["--target", "onnx", "--multifunction", "--heads"], ("--multifunction is for", "--target coreml --heads")),
        (["--target", "coreml", "--multifunction"], ("--multifunction is for", "--target coreml --heads")),
        (["--target", "all", "--raw"], ("--raw takes one target, not all",)),
        (
            ["--target", "tflite", "--recipe", "tflite-fp32", "--streaming", "--raw"],
            ("--streaming with --raw: a window is prepared as a whole",),
        ),
        (["--target", "all", "--streaming"], ("--streaming takes one target, not all",)),
        (
            ["--target", "tflite", "--recipe", "tflite-fp32", "--streaming", "--tflm"],
            ("--streaming with --tflm: those run whole windows",),
        ),
        ([], ("--target",)),
    ],
)
def test_a_wrong_target_or_recipe(edgeacc, tiny_checkpoint, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    ran = edgeacc("export", tiny_checkpoint, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert all(part in ran.err for part in said)
    assert list(tmp_path.iterdir()) == []


def test_all_mistakes_of_a_recipe_file(edgeacc, tiny_checkpoint, tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(
        'name = "onnx-fp32"\ntarget = "onxx"\nweights = "fp64"\nactivations = "fp32"\nmin_snr_db = "high"\n'
    )
    ran = edgeacc("export", tiny_checkpoint, "--target", "onnx", "--recipe", mine, "-o", tmp_path / "b")
    assert ran.code == 2
    assert all(f"- {field}: " in ran.err for field in ("target", "weights", "min_snr_db", "calibration_windows"))


def test_no_checkpoint(edgeacc, tmp_path):
    ran = edgeacc("export", tmp_path / "none", "--target", "onnx", "-o", tmp_path / "b")
    assert ran.code == 2
    assert "none is not a checkpoint" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_output_exists(edgeacc, tiny_checkpoint, tmp_path):
    """Refused before any work; with `all` for each bundle inside."""
    (tmp_path / "b").mkdir()
    ran = edgeacc("export", tiny_checkpoint, "--target", "onnx", "-o", tmp_path / "b")
    assert ran.code == 2
    assert "exists already" in ran.err
    assert "--force" in ran.err
    (tmp_path / "all" / "tflite-w8a8").mkdir(parents=True)
    ran = edgeacc("export", tiny_checkpoint, "--target", "all", "-o", tmp_path / "all")
    assert ran.code == 2
    assert "tflite-w8a8 exists already" in ran.err


@needs_onnx
@pytest.mark.integration
def test_table_next_command_and_default_output(edgeacc, tiny_checkpoint, tiny_store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = edgeacc("export", tiny_checkpoint, "--target", "onnx", "--store", tiny_store)
    assert ran.code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["my-student-onnx-fp32"]
    assert "executed" in ran.out
    assert ran.out.rstrip().endswith("next: edgeacc verify my-student-onnx-fp32")
    assert "export: 5 of 5" in ran.err


@needs_onnx
@pytest.mark.integration
def test_heads_and_a_signature(edgeacc, tiny_checkpoint, tmp_path):
    pytest.importorskip("cryptography", reason="the extra `sign` is not installed")
    key, public, out = tmp_path / "key.pem", tmp_path / "public.pem", tmp_path / "b"
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True)
    refused = edgeacc("export", tiny_checkpoint, "--target", "onnx", "--sign", public, "-o", out)
    assert (refused.code, out.exists()) == (2, False)
    assert "is no private key" in refused.err
    ran = edgeacc("export", tiny_checkpoint, "--target", "onnx", "--heads", "--sign", key, "-o", out)
    assert ran.code == 0
    assert "sdnn_ms" in ran.out
    looked = edgeacc("verify", out, "--public-key", public)
    assert looked.code == 0
    assert "rmssd_ms" in looked.out
    (out / "SHA256SUMS.sig").write_bytes(bytes(64))
    refused = edgeacc("verify", out, "--public-key", public)
    assert (refused.code, refused.out) == (2, "")
    assert "not signed by that key" in refused.err


@needs_onnx
@pytest.mark.integration
def test_json_is_all_that_standard_output_holds(edgeacc, tiny_checkpoint, tiny_store, tmp_path):
    ran = edgeacc("export", tiny_checkpoint, "--target", "onnx", "--store", tiny_store, "-o", tmp_path / "b", "--json")
    (bundle,) = json.loads(ran.out)["bundles"]
    assert bundle["recipe"] == "onnx-fp32"
    assert bundle["verification"]["snr_db"] > RECIPES["onnx-fp32"].min_snr_db
    assert (tmp_path / "b" / "SHA256SUMS").is_file()


@needs_onnx
@pytest.mark.integration
def test_below_the_floor_of_ones_own_recipe(edgeacc, tiny_checkpoint, tiny_store, tmp_path):
    """Every verb says of what was kept aside that it was rejected; a later success removes it."""
    mine, out = tmp_path / "mine.toml", tmp_path / "my bundle"
    recipe = RECIPES["onnx-fp32"].model_copy(update={"name": "onnx-fp32-mine", "min_snr_db": 199.0})
    words = ("export", tiny_checkpoint, "--target", "onnx", "--recipe", mine, "--store", tiny_store, "-o", out)
    mine.write_text(recipe.to_toml())
    ran, aside = edgeacc(*words), tmp_path / "my bundle.rejected"
    assert (ran.code, ran.out) == (3, "")
    assert "at least 199 dB" in ran.err
    assert f"next: edgeacc verify '{aside}'" in ran.err
    assert sorted(tmp_path.iterdir()) == [mine, aside]
    looked = edgeacc("verify", aside)
    assert looked.code == 3
    assert "failed" in looked.out
    assert "below the recipe's floor of 199 dB" in looked.err
    told = edgeacc("validate", aside, "--json")
    assert told.code == 2
    assert "is a rejected bundle of onnx-fp32-mine" in json.loads(told.out)["files"][0]["problem"]
    assert "Rejected: below the floor" in (aside / "card.md").read_text()
    mine.write_text(recipe.model_copy(update={"min_snr_db": 60.0}).to_toml())
    assert edgeacc(*words).code == 0
    assert sorted(tmp_path.iterdir()) == [mine, out]


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.skipif(any(missing_packages(target, "convert") for target in TARGETS), reason="an extra is not installed")
def test_all_targets_in_a_process_of_its_own(tiny_checkpoint, tiny_store, tmp_path):
    """Nothing that a converter prints, from Python or C++, reaches the user.

    An untrained network may fall below a compressed recipe's floor: then it is said, and the others are made.
    """
    words = ("export", tiny_checkpoint, "--target", "all", "--store", tiny_store, "-o", tmp_path / "all", "--json")
    ran = subprocess.run([sys.executable, "-m", "edgeacc.cli.main", *map(str, words)], capture_output=True, text=True)
    result = json.loads(ran.stdout)
    made = {bundle["recipe"] for bundle in result["bundles"]}
    failed = {failure["recipe"] for failure in result["failed"]}
    assert made | failed == set(in_all())
    assert {"onnx-fp32", "tflite-fp32", "executorch-fp32", "coreai-fp32"} <= made
    assert {path.name for path in (tmp_path / "all").iterdir() if path.suffix != ".rejected"} == made
    assert ran.returncode == (3 if failed else 0)
    starts = ("export: ", "edgeacc: ", "  - ", "valid: ", "next: ")
    assert [line for line in ran.stderr.splitlines() if not line.startswith(starts)] == []
