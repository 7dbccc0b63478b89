import json

import pytest
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.compression.imitation import ImitationConfig
from edgeacc.compression.qat import LOOK_EVERY_STEPS, train_rounded
from edgeacc.compression.recipe import read_recipe
from edgeacc.errors import BadInput
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.registry import missing_packages
from edgeacc.export.source import read_source
from edgeacc.models.checkpoint import load_encoder, load_student
from edgeacc.models.deploy import deployable
from edgeacc.training.state import partial_folder
from edgeacc.windows.from_cohort import from_cohort
from edgeacc.windows.store import open_store

pytestmark = pytest.mark.integration

SHORT = ImitationConfig(steps=3, batch=4)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Of more people than the tiny one: some are held apart."""
    path = tmp_path_factory.mktemp("qat") / "store"
    return from_cohort(CohortConfig(participants=60, windows_per_participant=4), path)


@pytest.mark.parametrize("family", ["conv", "pyramid"])
def test_the_same_network_with_other_weights_and_the_same_heads(family, student_folder, store, tmp_path, windows_BCT):
    folder, out = student_folder(family), tmp_path / "qat"
    made = train_rounded(folder, store, out, ImitationConfig(steps=LOOK_EVERY_STEPS, batch=8))
    student, card = load_student(out)
    assert card == made.card
    assert (card.encoder.name, card.objective) == (f"small-{family}-qat", "imitate-rounded")
    assert card.continued_from.name == folder.name
    assert card.rounding.snr_db >= card.rounding.snr_db_before
    whole = load_student(folder).student
    assert all(torch.equal(value, whole.heads()[name]) for name, value in student.heads().items())
    with torch.no_grad():
        assert deployable(student.encoder)(windows_BCT[:1]).shape == whole.encoder(windows_BCT[:1]).shape
    assert not partial_folder(out).exists()


def test_training_lowers_the_noise_on_people_held_apart(student_folder, store, tmp_path):
    made = train_rounded(student_folder(), store, tmp_path / "qat", ImitationConfig(steps=100, batch=8))
    assert made.card.rounding.step > 0
    assert made.card.rounding.snr_db > made.card.rounding.snr_db_before + 0.3


def test_weights_that_got_worse_are_not_kept(student_folder, store, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeacc.compression.qat._PEAK_LR", 0.3)
    folder = student_folder()
    made = train_rounded(folder, store, tmp_path / "qat", ImitationConfig(steps=LOOK_EVERY_STEPS, batch=4))
    assert (made.card.rounding.step, made.stopped) == (0, None)
    for name, value in load_encoder(folder).encoder.state_dict().items():
        assert torch.allclose(load_encoder(tmp_path / "qat").encoder.state_dict()[name], value, atol=1e-5)


def test_a_run_that_diverges_keeps_the_best_and_says_so(student_folder, store, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeacc.compression.qat._PEAK_LR", 1e30)
    made = train_rounded(student_folder(), store, tmp_path / "qat", ImitationConfig(steps=20, batch=4))
    assert "no longer a number" in made.stopped
    assert made.card.rounding.step == 0
    assert load_encoder(tmp_path / "qat").card.outcome["steps"] < 20
    assert not partial_folder(tmp_path / "qat").exists()


def test_an_interrupted_run_goes_on_to_the_same_weights(student_folder, store, tmp_path):
    folder, config = student_folder(), ImitationConfig(steps=60, batch=4)
    train_rounded(folder, store, tmp_path / "whole", config)

    def stop(done, total, note=""):
        if done == 55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_rounded(folder, store, tmp_path / "twice", config, progress=stop)
    seen = []
    train_rounded(folder, store, tmp_path / "twice", config, progress=lambda done, total, note="": seen.append(done))
    assert seen[0] == 51
    for name in ("encoder.safetensors", "heads.safetensors"):
        assert (tmp_path / "twice" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_refusals(student_folder, store, tiny_store, tmp_path):
    folder = student_folder()
    with pytest.raises(BadInput, match=r"windows of [12] training participants"):
        train_rounded(folder, open_store(tiny_store), tmp_path / "qat", SHORT)
    train_rounded(folder, store, tmp_path / "qat", SHORT)
    with pytest.raises(BadInput, match="was trained for int8 already"):
        train_rounded(tmp_path / "qat", store, tmp_path / "again", SHORT)
    with pytest.raises(BadInput, match="exists already"):
        train_rounded(folder, store, tmp_path / "qat", SHORT)


def test_it_goes_to_a_target_by_the_recipe_of_its_name(student_folder, store, tmp_path):
    if missing_packages("tflite", "convert"):
        pytest.skip("the extra `tflite` is not installed")
    folder, recipe = student_folder(), read_recipe("tflite-w8a8-qat")
    train_rounded(folder, store, tmp_path / "qat", SHORT)
    source = read_source(tmp_path / "qat", store.path, 16)
    assert export_bundle(source, recipe, tmp_path / "bundle").recipe == "tflite-w8a8-qat"
    with pytest.raises(BadInput, match="was trained to be rounded; student was not"):
        export_bundle(read_source(folder, store.path, 16), recipe, tmp_path / "other")


def test_the_command_prints_the_result_as_json_and_as_tables(edgeacc, student_folder, store, tmp_path):
    words = ("compress", "qat", student_folder(), "--store", store.path, "--steps", "2", "--batch", "4")
    told = json.loads(edgeacc(*words, "-o", tmp_path / "a", "--json").out)
    assert told["card"]["rounding"]["step"] in (0, 2)
    ran = edgeacc(*words, "-o", tmp_path / "b")
    assert ran.code == 0
    assert "SNR in int8, after" in ran.out
    assert "tflite-w8a8-qat" in ran.out.splitlines()[-1]
