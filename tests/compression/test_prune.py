import json

import pytest
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.compression.channels import macs
from edgeacc.compression.prune import PruneConfig, prune
from edgeacc.compression.recipe import read_recipe
from edgeacc.errors import BadInput
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.registry import missing_packages
from edgeacc.export.source import read_source
from edgeacc.models.checkpoint import load_encoder, load_student
from edgeacc.signals.contract import SignalContract
from edgeacc.training.state import partial_folder
from edgeacc.windows.from_cohort import from_cohort
from edgeacc.windows.store import open_store

pytestmark = pytest.mark.integration

HALF = PruneConfig(ratio=0.5, steps=3, batch=4)


@pytest.fixture
def store(tiny_store):
    return open_store(tiny_store)


@pytest.mark.parametrize("family", ["conv", "pyramid"])
def test_a_smaller_student_with_the_same_outputs(family, student_folder, store, tmp_path, windows_BCT):
    folder, out = student_folder(family), tmp_path / "p50"
    whole = load_student(folder)
    made = prune(folder, store, out, HALF)
    student, card = load_student(out)
    assert card == made.card
    assert (card.encoder.name, card.objective) == (f"small-{family}-p50", "imitate")
    assert card.continued_from.name == folder.name
    assert (card.pruning.ratio, card.pruning.macs) == (0.5, macs(card.encoder))
    assert card.pruning.macs < 0.6 * macs(whole.card.encoder) == 0.6 * card.pruning.macs_before
    with torch.no_grad():
        for before, after in zip(whole.student.align_acc(windows_BCT), student.align_acc(windows_BCT), strict=True):
            assert after.shape == before.shape
    assert all(after <= before for before, after in made.sizes.values())
    assert not partial_folder(out).exists()


def test_training_brings_it_nearer_to_the_whole_one(student_folder, store, tmp_path):
    config = PruneConfig(ratio=0.5, steps=40, batch=8)
    before_db, after_db = prune(student_folder(), store, tmp_path / "p50", config).snr_db
    assert after_db > before_db + 1


def test_a_baseline_without_heads(student_folder, store, tmp_path):
    folder = student_folder()
    card = json.loads((folder / "config.json").read_text())
    card |= {"kind": "baseline", "objective": "acc-mae", "alignment": None}
    (folder / "config.json").write_text(json.dumps(card))
    (folder / "heads.safetensors").unlink()
    prune(folder, store, tmp_path / "p50", HALF)
    assert load_encoder(tmp_path / "p50").card.kind == "baseline"


def test_an_interrupted_run_goes_on_to_the_same_weights(student_folder, store, tmp_path):
    folder, config = student_folder(), PruneConfig(ratio=0.5, steps=60, batch=4)
    prune(folder, store, tmp_path / "whole", config)
    scans = []

    def stop(done, total, note=""):
        scans.append("sensitivity" in note)
        if done == 55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune(folder, store, tmp_path / "twice", config, progress=stop)
    assert any(scans)
    scans.clear()
    prune(folder, store, tmp_path / "twice", config, progress=lambda done, total, note="": scans.append(note))
    assert not any("sensitivity" in note for note in scans)
    for name in ("encoder.safetensors", "heads.safetensors"):
        assert (tmp_path / "twice" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_refusals(student_folder, store, tmp_path):
    folder = student_folder()
    with pytest.raises(BadInput, match="empties tokenizer"):
        prune(folder, store, tmp_path / "p90", HALF.model_copy(update={"ratio": 0.9}))
    prune(folder, store, tmp_path / "p50", HALF)
    with pytest.raises(BadInput, match="p50 is pruned already"):
        prune(tmp_path / "p50", store, tmp_path / "again", HALF)
    with pytest.raises(BadInput, match="exists already"):
        prune(folder, store, tmp_path / "p50", HALF)
    with pytest.raises(BadInput, match="is what the result is made from"):
        prune(folder, store, folder, HALF, force=True)


def test_windows_of_another_contract_or_of_people_who_are_held_out(student_folder, tmp_path):
    folder = student_folder()
    narrow = SignalContract(acc_band_hz=(5.0, 18.0))
    other = from_cohort(CohortConfig(participants=3, windows_per_participant=1), tmp_path / "other", contract=narrow)
    with pytest.raises(BadInput, match="another signal contract: acc_band_hz is"):
        prune(folder, other, tmp_path / "p50", HALF)
    two = from_cohort(CohortConfig(participants=2, windows_per_participant=1), tmp_path / "two")
    with pytest.raises(BadInput, match="no window in its split 'train'"):
        prune(folder, two, tmp_path / "p50", HALF)


def test_a_pruned_student_goes_to_a_target_as_any_other(student_folder, tiny_store, store, tmp_path):
    if missing_packages("onnx", "convert"):
        pytest.skip("the extra `onnx` is not installed")
    prune(student_folder("pyramid"), store, tmp_path / "p50", HALF)
    source = read_source(tmp_path / "p50", tiny_store, 0)
    made = export_bundle(source, read_recipe("onnx-fp32-p50"), tmp_path / "bundle")
    assert (made.recipe, made.verification.snr_db > 100) == ("onnx-fp32-p50", True)
    with pytest.raises(BadInput, match="pruned by 25 %; p50 is pruned by 50 %"):
        export_bundle(source, read_recipe("onnx-fp32-p25"), tmp_path / "other")


def test_the_command_prints_the_result_as_json_and_as_tables(edgeacc, student_folder, tiny_store, tmp_path):
    words = ("compress", "prune", student_folder(), "--ratio", "0.5", "--store", tiny_store, "--steps", "2")
    told = json.loads(edgeacc(*words, "-o", tmp_path / "a", "--batch", "4", "--json").out)
    assert told["card"]["pruning"]["ratio"] == 0.5
    assert told["sizes"]["tokenizer.1"][0] == 24
    ran = edgeacc(*words, "-o", tmp_path / "b", "--batch", "4")
    assert ran.code == 0
    assert "small-conv-p50" in ran.out
    assert "edgeacc export" in ran.out.splitlines()[-1]
