"""One verb that recognises what it is given, and tells everything that is wrong with it."""

import json

import pytest

from edgeacc.cohort.config import CohortConfig
from edgeacc.models import checkpoint
from edgeacc.models.alignment import Student
from edgeacc.models.config import AlignmentConfig
from edgeacc.models.sizes import SIZES, build
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.from_cohort import from_cohort


@pytest.fixture
def recipe(edgeacc, tmp_path):
    edgeacc("cp", "tflite-w8a8", tmp_path / "mine.toml")
    return tmp_path / "mine.toml"


@pytest.fixture
def baseline(tmp_path):
    encoder = build("conv-xs", 3)
    card = checkpoint.Card(kind="baseline", objective="acc-mae", encoder=encoder.config, contract=DEFAULT)
    checkpoint.save(tmp_path / "baseline", card, encoder)
    return tmp_path / "baseline"


@pytest.fixture
def student(tmp_path):
    encoder = build("conv-xs", 3)
    heads = AlignmentConfig.between("pooled", encoder.config, SIZES["pyramid-s"])
    card = checkpoint.Card(
        kind="student", objective="distill", encoder=encoder.config, contract=DEFAULT, alignment=heads
    )
    checkpoint.save(tmp_path / "student", card, encoder, student=Student(encoder, heads))
    return tmp_path / "student"


@pytest.fixture
def store(tmp_path):
    config = CohortConfig(participants=3, windows_per_participant=2)
    return from_cohort(config, tmp_path / "store", shares=(1, 1, 1)).path


def checked(ran):
    return {entry["path"]: (entry["kind"], entry["problem"]) for entry in json.loads(ran.out)["files"]}


def test_good_things_are_recognised(edgeacc, recipe, baseline, student, store):
    paths = {recipe: "recipe", baseline: "checkpoint", student: "checkpoint", store: "store"}
    ran = edgeacc("validate", *paths, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert checked(ran) == {str(path): (kind, "") for path, kind in paths.items()}
    assert edgeacc("validate", recipe).out.split()[-3:] == [str(recipe), "recipe", "ok"]


def test_a_recipe_with_several_mistakes_is_told_all_of_them(edgeacc, recipe):
    recipe.write_text(recipe.read_text().replace("min_snr_db = 15.0", "min_snr_db = -1.0") + "\nspeed = 3\n")
    ran = edgeacc("validate", recipe)
    assert ran.code == 2
    assert "2 mistakes" in ran.err
    assert "min_snr_db" in ran.err
    assert "speed" in ran.err


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b"just words"])
def test_a_file_that_is_no_toml_is_told_what_is_valid(edgeacc, tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    ran = edgeacc("validate", tmp_path / "file")
    assert ran.code == 2
    assert "no TOML" in ran.err
    assert "the folder of a checkpoint" in ran.err


def test_a_changed_part_of_a_store_is_found(edgeacc, store):
    part = store / "test-00000.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(bytes(content))
    ran = edgeacc("validate", store)
    assert ran.code == 2
    assert f"{part} was changed" in ran.err


def test_a_truncated_checkpoint_is_found(edgeacc, student):
    weights = student / "heads.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    ran = edgeacc("validate", student, "--json")
    assert ran.code == 2
    kind, problem = checked(ran)[str(student)]
    assert kind == "checkpoint"
    assert str(weights) in problem


def test_a_bundle_without_its_files_is_no_bundle(edgeacc, tmp_path):
    (tmp_path / "SHA256SUMS").write_text("")
    ran = edgeacc("validate", tmp_path, "--json")
    assert ran.code == 2
    assert checked(ran)[str(tmp_path)][0] == "bundle"


def test_every_path_is_checked_before_anything_is_refused(edgeacc, tmp_path, recipe, baseline):
    (tmp_path / "empty").mkdir()
    ran = edgeacc("validate", tmp_path / "nothing", recipe, tmp_path / "empty", baseline, "--json")
    assert ran.code == 2
    assert [kind for kind, _ in checked(ran).values()] == ["", "recipe", "", "checkpoint"]
    assert "2 of 4 paths are wrong" in ran.err
    assert f"{tmp_path / 'nothing'} does not exist" in ran.err


def test_a_recording_is_read_through(edgeacc, tmp_path):
    folder = tmp_path / "S01"
    folder.mkdir()
    (folder / "ACC.csv").write_text("1644226061,1644226061,1644226061\n32,32,32\n0,0,64\n0,0,65\n")
    (folder / "BVP.csv").write_text("1644226061\n64\n1\n2\n")
    good = edgeacc("validate", folder, "--json")
    assert checked(good) == {str(folder): ("recording (empatica-e4)", "")}
    (folder / "BVP.csv").write_text("1644226061\n64\n1\ntwo\n")
    wrong = edgeacc("validate", folder)
    assert wrong.code == 2
    assert "BVP.csv, line 4: bvp is 'two'" in wrong.err


def test_a_folder_of_recordings_names_one_of_them(edgeacc, tmp_path):
    folder = tmp_path / "study" / "S01"
    folder.mkdir(parents=True)
    (folder / "ACC.csv").write_text("1700000000, 1700000000, 1700000000\n32, 32, 32\n" + "1,2,60\n" * 64)
    (folder / "BVP.csv").write_text("1700000000\n64\n" + "0.5\n" * 128)
    ran = edgeacc("validate", tmp_path / "study")
    assert ran.code == 2
    assert "holds 1 recording(s)" in ran.err
    assert str(folder) in ran.err


def test_mistakes_of_several_files_are_listed_below_each_file(edgeacc, recipe, tmp_path):
    recipe.write_text(recipe.read_text().replace("min_snr_db = 15.0", "min_snr_db = -1.0") + "\nspeed = 3\n")
    first, second, *lines = edgeacc("validate", recipe, tmp_path / "none").err.splitlines()
    assert first == "edgeacc: 2 of 2 paths are wrong"
    assert second == f"  - {recipe}: 2 mistakes"
    assert [line.startswith("      - ") for line in lines[:3]] == [True, True, False]
    assert f"  - {tmp_path / 'none'} does not exist" in lines
