import json
import math
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from edgeacc.bundle.bundle import complete, open_bundle
from edgeacc.bundle.sums import write_sums
from edgeacc.errors import BadInput
from edgeacc.signals.contract import DEFAULT

WIDTH = 5


def change_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_was_written_is_read(folder, contents):
    bundle = open_bundle(folder)
    assert (bundle.manifest, bundle.recipe, bundle.contract) == (contents.manifest, contents.recipe, DEFAULT)
    assert bundle.model.read_bytes() == b"model"
    assert bundle.calibration() == contents.calibration
    for name, array in vars(contents.golden).items():
        assert np.array_equal(getattr(bundle.golden(), name), array)
    for name, array in vars(contents.probe).items():
        assert np.array_equal(getattr(bundle.probe(), name), array)


def test_sums_are_those_of_sha256sum(folder):
    ran = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=True)
    assert "model/model.onnx: OK" in ran.stdout


def test_a_bundle_without_probe(tmp_path, contents):
    (tmp_path / "b" / "model").mkdir(parents=True)
    (tmp_path / "b" / "model" / "model.onnx").write_bytes(b"model")
    complete(tmp_path / "b", replace(contents, probe=None))
    assert open_bundle(tmp_path / "b").probe() is None


def test_task_cost_is_what_the_conversion_added(contents):
    assert contents.manifest.verification.task_cost_bpm == 0.25


def test_card_tells_what_it_is_and_is_not(folder):
    card = (folder / "card.md").read_text()
    assert card.startswith("# conv-s as onnx-fp32\n")
    for said in ("Not a medical device", "99.0 dB (floor 60 dB)", "2.50 bpm", "edgeacc verify .", "does not say"):
        assert said in card


@pytest.mark.parametrize(
    ("file", "changes", "said"),
    [
        ("manifest.json", {"schema_version": 5}, "schema version 5"),
        ("manifest.json", {"model": "../model.onnx"}, "should match pattern"),
        ("manifest.json", {"model": "model/.."}, "should match pattern"),
        ("manifest.json", {"output": {"name": "z", "shape": [], "unit": "1"}}, r"output\.shape"),
        ("manifest.json", {"model": "model/other.onnx"}, "model/other.onnx, which is not there"),
        ("manifest.json", {"recipe": "onnx-fp16"}, "recipe.toml is onnx-fp32, manifest.json says onnx-fp16"),
        ("manifest.json", {"target": "tflite"}, "recipe.toml is for onnx, manifest.json says tflite"),
        ("manifest.json", {"pickle": "x"}, "no such field"),
        ("contract.json", {"rate_hz": 32.0}, "contract.json is "),
        ("contract.json", {"rate_hz": math.inf}, r"rate_hz: .*finite"),
    ],
)
def test_parts_that_do_not_belong_together(folder, file, changes, said):
    """Even where whoever changed a file has also renewed the hashes."""
    change_json(folder / file, **changes)
    write_sums(folder)
    with pytest.raises(BadInput, match=said):
        open_bundle(folder)


@pytest.mark.parametrize("name", ["golden", "probe"])
def test_vectors_of_another_shape_or_no_vectors(folder, contents, name):
    narrow = {
        "golden": replace(contents.golden, z_BD=np.ones((3, 4), np.float32)),
        "probe": replace(contents.probe, weight_D=np.ones(4, np.float32)),
    }[name]
    path = folder / f"{name}.safetensors"
    for spoil in (narrow.write, lambda path: path.write_bytes(b"\x80\x04pickle")):
        spoil(path)
        write_sums(folder)
        with pytest.raises(BadInput, match=path.name):
            getattr(open_bundle(folder), name)()


STRANGE = {
    "no number": torch.tensor(1.0),
    "16 bits": torch.ones(WIDTH, dtype=torch.bfloat16),
    "8 bits": torch.ones(WIDTH, dtype=torch.float8_e4m3fn),
    "whole numbers": torch.ones(WIDTH, dtype=torch.int64),
    "NaN": torch.full((WIDTH,), torch.nan),
}


@pytest.mark.parametrize("name", ["golden", "probe"])
@pytest.mark.parametrize("what", STRANGE)
def test_vectors_of_another_kind(folder, name, what):
    """Read as they are, they would end verification with a stack trace, or let any artifact pass."""
    path, array = folder / f"{name}.safetensors", "mean" if name == "probe" else "hr_bpm_B"
    changed = STRANGE[what][: len(load_file(path)[array])] if STRANGE[what].ndim else STRANGE[what]
    save_file(load_file(path) | {array: changed}, path)
    write_sums(folder)
    with pytest.raises(BadInput, match=path.name):
        getattr(open_bundle(folder), name)()


def test_golden_windows_are_as_many_as_the_manifest_says(folder, contents):
    none = {name: array[:0] for name, array in vars(contents.golden).items() if array is not None}
    type(contents.golden)(**none).write(folder / "golden.safetensors")
    write_sums(folder)
    with pytest.raises(BadInput, match=r"golden\.safetensors holds"):
        open_bundle(folder).golden()
