"""The evaluate verb: options that do not belong together, the limit, a whole evaluation."""

import json
import shutil

import pytest
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.models.alignment import Student
from edgeacc.models.card import Card, TeacherReference, teacher_reference
from edgeacc.models.checkpoint import save
from edgeacc.models.config import AlignmentConfig
from edgeacc.models.encoder import settle
from edgeacc.models.sizes import build
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.windows.from_cohort import from_cohort
from edgeacc.windows.split import split_participants
from edgeacc.windows.store import create_store
from edgeacc.windows.window_set import WindowSet


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """12 people, 8 windows each."""
    path = tmp_path_factory.mktemp("store") / "windows"
    from_cohort(CohortConfig(preset="quiet", participants=12, windows_per_participant=8), path, shares=(8, 1, 3))
    return path


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Untrained: teacher, its student, a baseline, and another teacher."""
    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    for name in ("teacher", "other-teacher"):
        ppg = settle(build("pyramid-s", 4), [torch.randn(8, 4, DEFAULT.samples)])
        save(folder / name, card(ppg, kind="teacher", objective="masked-input"), ppg)
    acc = settle(build("conv-xs", 3), [torch.randn(8, 3, DEFAULT.samples)])
    save(folder / "acc-mae", card(acc, kind="baseline", objective="acc-mae"), acc)
    alignment = AlignmentConfig.between("time-resolved", acc.config, ppg.config)
    student = card(
        acc,
        kind="student",
        objective="distill",
        alignment=alignment,
        teacher=teacher_reference(folder / "teacher"),
    )
    save(folder / "student", student, acc, student=Student(acc, alignment))
    return folder


def card(encoder, **parts: str | AlignmentConfig | TeacherReference):
    return Card(encoder=encoder.config, contract=DEFAULT, **parts)


def test_all_missing_options_are_told_at_once(edgeacc):
    ran = edgeacc("evaluate", "--student", "s", "--window-s", "15")
    assert ran.code == 2
    for told in ("--teacher is missing", "--store is missing", "--window-s belongs to --limit", "--limit STORE"):
        assert told in ran.err


def test_options_that_have_no_part_in_a_limit(edgeacc):
    ran = edgeacc("evaluate", "--limit", "windows", "--student", "s", "--baseline", "b", "--quick")
    assert ran.code == 2
    assert "--student has no part in --limit" in ran.err
    assert "--baseline has no part in --limit" in ran.err
    assert "--quick has no part in --limit" in ran.err


def test_a_limit_of_no_store(edgeacc, tmp_path):
    ran = edgeacc("evaluate", "--limit", tmp_path / "nothing")
    assert ran.code == 2
    assert "does not exist" in ran.err
    assert "edgeacc cohort make" in ran.err


def test_a_limit_prints_tables_and_writes_the_same_as_json(edgeacc, store, tmp_path):
    ran = edgeacc("evaluate", "--limit", store, "-o", tmp_path / "limit.json")
    assert ran.code == 0
    assert "Training-free limit of quiet (cohort): 24 windows of 60 s, 3 participant(s)" in ran.out
    assert "limit (template), shuffled pairs" in ran.out
    assert "next: edgeacc train teacher" in ran.out
    written = json.loads((tmp_path / "limit.json").read_text())
    assert written["kind"] == "limit"
    refused = edgeacc("evaluate", "--limit", store, "-o", tmp_path / "limit.json")
    assert refused.code == 2
    assert "--force" in refused.err


def test_a_limit_of_shorter_windows_as_json_alone(edgeacc, store):
    ran = edgeacc("evaluate", "--limit", store, "--window-s", "30", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)["store"]["window_s"] == 30
    refused = edgeacc("evaluate", "--limit", store, "--window-s", "90")
    assert refused.code == 2
    assert "up to 60 s" in refused.err
    for wrong in ("0", "nan", "-5"):
        refused = edgeacc("evaluate", "--limit", store, "--window-s", wrong)
        assert refused.code == 2
        assert "--window-s" in refused.err


def invented(path, window_s, participants):
    """A store as of recordings: noise, beats, and everybody in `test` where they are fewer than three."""
    contract = SignalContract(window_s=window_s)
    who_B = torch.arange(participants).repeat_interleave(4)
    count = len(who_B)
    beats_BK = 0.7 + 0.8 * torch.arange(int(window_s / 0.8) - 1) + 0.1 * torch.rand(count, 1)
    windows = WindowSet(
        acc_BCT=torch.randn(count, 3, contract.samples).half(),
        ppg_BCT=torch.randn(count, contract.ppg_channels, contract.samples).half(),
        beats_BK=beats_BK,
        participant_B=who_B,
        window_id_B=torch.arange(count),
        labels={},
        contract=contract,
    )
    splits = split_participants(range(participants), seed=0)
    return create_store(
        path, iter([windows]), splits, contract=contract, source="recordings", name="invented", provenance={}
    ).path


@pytest.mark.integration
@pytest.mark.parametrize(
    ("window_s", "participants", "after"),
    [
        (60, 6, "edgeacc train teacher '{store}' -o DIR"),
        (60, 2, "edgeacc evaluate --student DIR --teacher DIR --store '{store}'"),
        (30, 6, "edgeacc import PATH -o STORE"),
    ],
)
def test_after_a_limit_only_what_can_be_done_is_suggested(edgeacc, tmp_path, window_s, participants, after):
    path = invented(tmp_path / "my store", window_s, participants)
    ran = edgeacc("evaluate", "--limit", path)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[-1] == f"next: {after.format(store=path)}"


def test_a_limit_of_no_whole_number_of_samples(edgeacc, store):
    ran = edgeacc("evaluate", "--limit", store, "--window-s", "10.007")
    assert ran.code == 2
    assert "a window of 10.007 s at 64 Hz is no whole number of samples" in ran.err


def test_a_student_in_the_teachers_place(edgeacc, store, checkpoints):
    student = checkpoints / "student"
    ran = edgeacc("evaluate", "--student", student, "--teacher", student, "--store", store)
    assert ran.code == 2
    assert "student is a student, which reads the accelerometer" in ran.err


@pytest.mark.integration
def test_another_teacher_is_refused(edgeacc, store, checkpoints):
    ran = edgeacc(
        *("evaluate", "--student", checkpoints / "student", "--teacher", checkpoints / "other-teacher"),
        *("--store", store),
    )
    assert ran.code == 2
    assert "is not the teacher of this student" in ran.err


def test_a_teacher_that_does_not_fit_is_refused(edgeacc, store, checkpoints, tmp_path):
    ours = ("evaluate", "--student", checkpoints / "student", "--store", store, "--teacher")
    ran = edgeacc(*ours, tmp_path / "nowhere")
    assert ran.code == 2
    assert "nowhere is not a checkpoint" in ran.err
    other = tmp_path / "other"
    shutil.copytree(checkpoints / "teacher", other)
    config = json.loads((other / "config.json").read_text())
    config["contract"]["ppg_band_hz"] = [1.0, 2.0]
    (other / "config.json").write_text(json.dumps(config))
    ran = edgeacc(*ours, other)
    assert ran.code == 2
    assert "the teacher was trained on another signal contract" in ran.err


def test_a_seed_too_large_is_refused(edgeacc, store):
    ran = edgeacc("evaluate", "--limit", store, "--seed", 2**70)
    assert ran.code == 2
    assert "'--seed'" in ran.err


def test_two_baselines_of_one_name_are_refused(edgeacc, store, checkpoints):
    twice = ("--baseline", checkpoints / "acc-mae") * 2
    ran = edgeacc(
        *("evaluate", "--student", checkpoints / "student", "--teacher", checkpoints / "teacher"),
        *("--store", store, *twice),
    )
    assert ran.code == 2
    assert "two baselines of the same name" in ran.err


@pytest.mark.integration
def test_a_whole_evaluation(edgeacc, store, checkpoints, tmp_path):
    ran = edgeacc(
        *("evaluate", "--student", checkpoints / "student", "--teacher", checkpoints / "teacher", "--store", store),
        *("--baseline", checkpoints / "acc-mae", "--labels", "truth", "-o", tmp_path / "result.json"),
    )
    assert ran.code == 0, ran.err
    for told in (
        "Retrieval on quiet",
        "fitted on truth labels",
        "student against",
        "(base-KD)/KD",
        "next: edgeacc export",
    ):
        assert told in ran.out
    written = json.loads((tmp_path / "result.json").read_text())
    assert written["baselines"] == {"acc-mae": "conv-xs, acc-mae"}
    assert written["fitted_on"] == "truth"


@pytest.mark.integration
def test_a_quick_evaluation_says_the_same_of_fewer_labels(edgeacc, store, checkpoints):
    command = ("evaluate", "--student", checkpoints / "student", "--teacher", checkpoints / "teacher", "--store", store)
    whole, quick = (json.loads(edgeacc(*command, "--json", *more).out) for more in ((), ("--quick",)))
    assert {row["fraction"] for row in quick["probes"]} == {0.1, 1.0} < {row["fraction"] for row in whole["probes"]}
    assert all(row in whole["probes"] for row in quick["probes"])
    assert quick["retrieval"] == whole["retrieval"]
    assert quick["health"] == []
