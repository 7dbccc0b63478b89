"""`edgeacc demo`: what it refuses, and the whole of it at the smallest size."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from edgeacc.benchmarks.report.report import Report
from edgeacc.cli.demo_machine import check_machine
from edgeacc.cohort.config import CohortConfig
from edgeacc.errors import NotPossibleHere
from edgeacc.export.registry import possible_recipes
from edgeacc.windows.from_cohort import from_cohort

PLENTY = 2**40


def test_an_unknown_size_is_answered_with_those_that_exist(edgeacc, tmp_path):
    ran = edgeacc("demo", "--size", "huge", "-o", tmp_path / "out")
    assert ran.code == 2
    assert "full, smoke" in ran.err
    assert not (tmp_path / "out").exists()


def test_all_missing_recordings_are_told_at_once(edgeacc, tmp_path):
    ran = edgeacc("demo", "-o", tmp_path / "out", "--recordings", tmp_path / "a", tmp_path / "b")
    assert ran.code == 2
    assert f"{tmp_path / 'a'} does not exist" in ran.err
    assert f"{tmp_path / 'b'} does not exist" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_path_without_its_option_is_answered_with_the_option(edgeacc, tmp_path):
    ran = edgeacc("demo", "-o", tmp_path / "out", tmp_path)
    assert ran.code == 2
    assert f"next: edgeacc demo --recordings {tmp_path}" in ran.err


@pytest.mark.parametrize("behind", [(), ("--json",)])
def test_recordings_without_a_path(edgeacc, tmp_path, behind):
    ran = edgeacc("demo", "-o", tmp_path / "out", "--recordings", *behind)
    assert ran.code == 2
    assert "--recordings" in ran.err
    assert "next: edgeacc demo --help" in ran.err or "next: edgeacc ls formats" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_mapping_without_recordings(edgeacc, tmp_path):
    ran = edgeacc("demo", "-o", tmp_path / "out", "--mapping", tmp_path / "mapping.toml")
    assert ran.code == 2
    assert "valid: --recordings TABLE --mapping FILE" in ran.err
    assert not (tmp_path / "out").exists()


def test_too_little_memory_and_space_are_both_told(tmp_path):
    with pytest.raises(NotPossibleHere) as refusal:
        check_machine(tmp_path / "not" / "there", memory=lambda: 2**30, disk=lambda path: 2**20)
    assert "1.0 GiB of memory free" in refusal.value.problem
    assert "0.0 GiB of space" in refusal.value.problem
    check_machine(tmp_path, memory=lambda: PLENTY, disk=lambda path: PLENTY)


def test_a_file_in_the_way_is_one_clear_error(edgeacc, tmp_path):
    (tmp_path / "out").write_text("mine")
    ran = edgeacc("demo", "--size", "smoke", "-o", tmp_path / "out")
    assert ran.code == 2
    assert f"{tmp_path / 'out'} is not a folder" in ran.err
    assert (tmp_path / "out").read_text() == "mine"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The smallest demo, run as a user runs it; its folder and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    return folder, run_demo(folder)


def run_demo(folder, cwd=None):
    command = [sys.executable, "-m", "edgeacc.cli.main", "demo", "--size", "smoke", "--json", "-o", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.mark.integration
@pytest.mark.slow
def test_the_smallest_demo_runs_from_windows_to_verified_bundles(finished):
    _, ran = finished
    assert ran.returncode == 0, ran.stderr
    report = Report.model_validate_json(ran.stdout)
    assert {row.recipe for row in report.targets} == set(possible_recipes())
    assert all(row.snr_db >= row.min_snr_db for row in report.targets)
    assert all(row.p50_ms > 0 for row in report.targets if row.level == "executed")
    assert all(row.task_cost_bpm is not None for row in report.targets)
    assert {row.base for row in report.evaluation.improvements} == {"acc-mae", "acc-contrastive", "supervised"}
    assert report.demo.peak_memory_bytes < 6 * 2**30
    assert all(step.seconds > 0 for step in report.demo.steps)


@pytest.mark.integration
@pytest.mark.slow
def test_its_page_stands_alone_and_tells_every_target(finished):
    folder, _ = finished
    page = (folder / "index.html").read_text()
    assert "://" not in page
    assert all(recipe in page for recipe in possible_recipes())
    assert "not a medical device" in page
    assert page.count("<svg") >= 6


@pytest.mark.integration
@pytest.mark.slow
def test_it_leaves_nothing_half_written_and_a_second_run_repeats_nothing(finished):
    folder, first = finished
    assert [path for path in folder.rglob("*") if path.name.endswith((".partial", ".writing", ".rejected"))] == []
    made = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    again = run_demo(folder.name, cwd=folder.parent)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")} == made
    before, now = (json.loads(ran.stdout)["demo"] for ran in (first, again))
    assert [step["seconds"] for step in now["steps"]] == [step["seconds"] for step in before["steps"]]
    assert now["wall_s"] == before["wall_s"]
    assert all(f" {folder.name}/" in step["command"] for step in now["steps"])
    assert "done in" not in again.stderr
    assert "other code" not in again.stderr


@pytest.mark.integration
@pytest.mark.slow
def test_steps_that_other_code_made_are_told_at_the_start_and_on_the_page(finished, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / "out")
    journal = json.loads((folder / "steps.json").read_text())
    journal["steps"]["teacher"]["code"] = "0.0.1-0"
    (folder / "steps.json").write_text(json.dumps(journal))
    ran = run_demo(folder)
    assert ran.returncode == 0, ran.stderr
    assert "steps were made by other code than this one, and are kept: teacher;" in ran.stderr
    assert f"rm -r {folder}" in ran.stderr
    assert "Made by other code than this one" in (folder / "index.html").read_text()


@pytest.mark.integration
@pytest.mark.slow
def test_a_damaged_bundle_and_a_replaced_store_are_told_with_what_to_remove(finished, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / "out")
    bundle = next((folder / "bundles").iterdir())
    with (bundle / "card.md").open("a") as card:
        card.write("changed")
    ran = run_demo(folder)
    assert ran.returncode == 2
    made = [folder / "bundles.json", folder / "verify.json", folder / "bench.json"]
    assert f"next: rm -r {' '.join(map(str, made))}\n" in ran.stderr
    shutil.rmtree(folder / "windows")
    from_cohort(CohortConfig(participants=24, windows_per_participant=8, seed=1), folder / "windows")
    ran = run_demo(folder)
    assert ran.returncode == 2
    assert f"{folder / 'windows'} was changed or replaced" in ran.stderr
    assert f"next: rm -r {folder / 'windows'} {folder / 'teacher'} {folder / 'student'}" in ran.stderr
