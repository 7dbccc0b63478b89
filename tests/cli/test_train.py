"""Training from the command line, on a small cohort and with few steps."""

import json
import os
import shlex
import subprocess
import sys

import pytest
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.models.card import load_card
from edgeacc.windows.from_cohort import from_cohort


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("train") / "windows"
    from_cohort(CohortConfig(participants=6, windows_per_participant=4), path)
    return path


SHORT = ("--steps", 2, "--batch", 4, "--seed", 1)


@pytest.mark.integration
def test_teacher_student_and_baseline(edgeacc, store, tmp_path):
    teacher, student = tmp_path / "teacher", tmp_path / "student"
    ran = edgeacc("train", "teacher", store, "-o", teacher, *SHORT)
    assert ran.code == 0, ran.err
    assert f"next: edgeacc train student {store} --teacher {teacher}" in ran.out
    ran = edgeacc("train", "student", store, "--teacher", teacher, "-o", student, "--form", "bound", *SHORT, "--json")
    assert ran.code == 0, ran.err
    card = json.loads(ran.out)["card"]
    assert (card["kind"], card["alignment"]["form"], card["training"]["seed"]) == ("student", "bound", 1)
    assert card["training"]["interval_target"] is True
    curves = ("--tensorboard", tmp_path / "curves")
    ran = edgeacc("train", "baseline", store, "-o", tmp_path / "mae", "--objective", "acc-mae", *curves, *SHORT)
    assert ran.code == 0, ran.err
    assert f"--baseline {tmp_path / 'mae'}" in ran.out
    assert len(list((tmp_path / "curves").glob("events.out.tfevents.*"))) == 1


def test_a_student_is_no_teacher(edgeacc, store, tiny_checkpoint, tmp_path):
    ran = edgeacc("train", "student", store, "--teacher", tiny_checkpoint, "-o", tmp_path / "student")
    assert ran.code == 2
    assert "my-student is a student, which reads the accelerometer; it cannot be the teacher" in ran.err
    assert "next: edgeacc train teacher STORE -o DIR" in ran.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
def test_the_next_command_can_be_copied_whatever_the_folders_are_called(edgeacc, store, tmp_path):
    ran = edgeacc("train", "teacher", store, "-o", tmp_path / "my teacher", *SHORT)
    assert shlex.split(ran.out.splitlines()[-1]) == [
        *("next:", "edgeacc", "train", "student", str(store)),
        *("--teacher", str(tmp_path / "my teacher"), "-o", "DIR"),
    ]


@pytest.mark.integration
def test_the_teacher_goes_on_from_a_checkpoint(edgeacc, store, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert edgeacc("train", "teacher", store, "-o", first, *SHORT).code == 0
    ran = edgeacc("train", "teacher", store, "-o", second, "--from", first, *SHORT, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["card"]["continued_from"]["name"] == "first"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("teacher", "STORE", "-o", "OUT", "--encoder", "pyramid-xxl"), ("unknown size 'pyramid-xxl'", "pyramid-s")),
        (("teacher", "STORE", "-o", "OUT", "--objective", "guessing"), ("guessing", "masked-input")),
        (("teacher", "STORE", "-o", "OUT", "--objective", "token-dropping"), ("its tokens overlap", "transformer-")),
        (("teacher", "nowhere", "-o", "OUT"), ("store nowhere does not exist", "edgeacc cohort make")),
        (("student", "STORE", "-o", "OUT"), ("--teacher", "edgeacc train student --help")),
        (("student", "STORE", "-o", "OUT", "--teacher", "nowhere"), ("nowhere is not a checkpoint", "train teacher")),
        (("student", "STORE", "-o", "OUT", "--teacher", "T", "--form", "loose"), ("loose", "time-resolved")),
        (("baseline", "STORE", "-o", "OUT", "--objective", "luck"), ("luck", "acc-contrastive")),
        (
            ("baseline", "STORE", "-o", "OUT", "--objective", "acc-mae", "--steps", 0),
            ("'--steps'", "greater than or equal to 1"),
        ),
    ],
)
def test_mistakes_are_told_in_a_line_with_exit_code_2(edgeacc, store, tmp_path, arguments, said):
    places = {"STORE": store, "OUT": tmp_path / "out"}
    ran = edgeacc("train", *(places.get(argument, argument) for argument in arguments))
    assert ran.code == 2
    assert all(part in ran.err for part in said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
def test_a_contrastive_teacher_and_students_of_every_objective(edgeacc, store, tmp_path):
    teacher = tmp_path / "teacher"
    options = ("--objective", "contrastive", "--positives", "participant")
    ran = edgeacc("train", "teacher", store, "-o", teacher, *options, *SHORT, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["card"]["training"]["positives"] == "participant"
    for objective, form in (("distill-l2", "regression"), ("distill-tokens", "dense")):
        out = tmp_path / objective
        ran = edgeacc(
            "train", "student", store, "--teacher", teacher, "-o", out, "--objective", objective, *SHORT, "--json"
        )
        assert ran.code == 0, ran.err
        assert json.loads(ran.out)["card"]["alignment"]["form"] == form
    out = tmp_path / "cut-out"
    one = ("--augmentation", "cut-out")
    ran = edgeacc("train", "student", store, "--teacher", teacher, "-o", out, *one, *SHORT, "--json")
    changed = json.loads(ran.out)["card"]["training"]["augmentation"]
    assert {name: chance for name, chance in changed.items() if chance} == {"cut_out": 0.4}
    paper = ("--form", "pooled", "--no-interval-target", "--augmentation", "paper", "--augment-ppg")
    more = ("--temperature", 0.04, "--queue", 8, "--accumulate", 2, "--recompute")
    ran = edgeacc("train", "student", store, "--teacher", teacher, "-o", tmp_path / "paper", *paper, *more, *SHORT)
    assert ran.code == 0, ran.err


def test_both_encoders_together(edgeacc, store, tmp_path):
    out = tmp_path / "joint"
    ran = edgeacc("train", "joint", store, "-o", out, *SHORT)
    assert ran.code == 0, ran.err
    assert f"--student {out} --teacher {out}/teacher" in ran.out
    card = json.loads((out / "config.json").read_text())
    teacher = json.loads((out / "teacher" / "config.json").read_text())
    assert teacher["weights_sha256"]["encoder.safetensors"] == card["teacher"]["encoder_sha256"]
    assert (teacher["kind"], teacher["encoder"]["name"]) == ("teacher", "conv-ppg")


def test_options_that_do_not_go_together_are_all_told(edgeacc, store, tiny_checkpoint, tmp_path):
    options = ("--augmentation", "paper", "--queue", 3, "--teacher", tiny_checkpoint)
    ran = edgeacc("train", "student", store, "-o", tmp_path / "student", *options, *SHORT)
    assert ran.code == 2
    assert "these options: 2 mistakes\n" in ran.err
    assert "a time warp moves the beats away from the interval target" in ran.err
    assert "a queue of 3 is smaller than the batch of 4" in ran.err


@pytest.mark.integration
def test_training_on_an_endless_stream_is_the_same_after_a_restart(edgeacc, store, tmp_path):
    weights = []
    for name in "ab":
        ran = edgeacc("train", "teacher", store, "-o", tmp_path / name, "--endless", "quiet", *SHORT, "--json")
        assert ran.code == 0, ran.err
        assert json.loads(ran.out)["card"]["training"]["endless"]["preset"] == "quiet"
        weights.append((tmp_path / name / "encoder.safetensors").read_bytes())
    assert weights[0] == weights[1]
    ran = edgeacc("train", "teacher", store, "-o", tmp_path / "plain", *SHORT)
    assert (tmp_path / "plain" / "encoder.safetensors").read_bytes() != weights[0]
    options = ("--endless", "quiet", "--objective", "contrastive", "--positives", "participant")
    ran = edgeacc("train", "teacher", store, "-o", tmp_path / "c", *options, *SHORT)
    assert ran.code == 2
    assert "positives of a participant need all windows at once, not an endless stream" in ran.err


@pytest.mark.slow
def test_two_processes_of_torchrun_train_one_network(edgeacc, store, tmp_path):
    precision = ("--precision", "fp32")  # in bf16 the order of sums is seen
    words = ("train", "baseline", store, "--objective", "acc-mae", "--encoder", "conv-xxs", *precision, *SHORT)
    assert edgeacc(*words, "-o", tmp_path / "alone").code == 0
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2)
    command = [str(word) for word in (*torchrun, "-m", "edgeacc.cli.main", *words, "-o", tmp_path / "together")]
    ran = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("A trained baseline") == ran.stderr.count("2 of 2") == 1
    alone, together = (load_card(tmp_path / name).outcome for name in ("alone", "together"))
    assert together == pytest.approx(alone, rel=1e-4)
    odd = subprocess.run([*command[:-1], str(tmp_path / "odd"), "--batch", "5"], capture_output=True, text=True)
    assert (odd.returncode, "does not divide among 2 processes" in odd.stderr) == (1, True)
    assert not (tmp_path / "odd").exists()
