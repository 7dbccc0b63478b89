"""What is wrong at first sight is told before anything heavy is imported, with what is valid and what is next."""

import shlex
import subprocess
import sys

import pytest

from edgeacc.export.registry import TARGETS

HEAVY = ("torch", "scipy", "pyarrow", "pandas", "coremltools", "onnx", "onnxruntime")
REFUSED = (
    ["export", "nowhere", "--target", "onnx"],
    ["train", "teacher", "nowhere", "-o", "x"],
    ["train", "student", "nowhere", "--teacher", "nothing", "-o", "x", "--encoder", "huge"],
    ["evaluate", "--student", "a", "--teacher", "b", "--store", "nowhere"],
    ["evaluate", "--limit", "nowhere"],
    ["compress", "prune", "nowhere", "--ratio", "0.5", "--store", "nothing", "-o", "x"],
    ["verify", "nowhere"],
    ["bench", "nowhere"],
    ["train", "teacher", "nowhere", "-o", "x", "--steps", "0"],
)
LOADED = """
import sys
from edgeacc.cli.main import main
code = main(sys.argv[2:])
print(code, *(name for name in sys.argv[1].split(",") if name in sys.modules))
"""


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), *((each, 2) for each in REFUSED)])
def test_nothing_heavy_is_imported_for_help_and_refusals(tmp_path, arguments, code):
    ran = subprocess.run(
        [sys.executable, "-c", LOADED, ",".join(HEAVY), *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.stdout.splitlines()[-1] == str(code), ran.stdout + ran.stderr


def test_all_that_is_wrong_at_first_sight_is_told_at_once(edgeacc, tmp_path):
    ran = edgeacc(
        "train", "student", tmp_path / "s", "--teacher", tmp_path / "t", "-o", tmp_path / "x", "--encoder", "huge"
    )
    assert ran.code == 2
    first, *lines = ran.err.splitlines()
    assert first == "edgeacc: 3 mistakes"
    assert [line for line in lines if line.startswith("  - ")] == [
        "  - unknown size 'huge'",
        f"  - store {tmp_path / 's'} does not exist",
        f"  - {tmp_path / 't'} is not a checkpoint: it does not exist",
    ]
    assert "    next: edgeacc ls sizes" in lines


@pytest.mark.parametrize(
    ("arguments", "valid"),
    [
        (["train", "teacher", "s", "-o", "x", "--steps", "0"], "a whole number, 1 or more"),
        (["evaluate", "--limit", "s", "--window-s", "5"], "a number from 10 to 600"),
        (["import", "r", "-o", "x", "--window-s", "5"], "a number from 10 to 600"),
        (["import", "r", "-o", "x", "--engine", "dask"], "local, ray"),
        (["train", "teacher", "s", "-o", "x", "--seed", "-1"], "a whole number from 0 to 4294967295"),
    ],
)
def test_a_value_out_of_its_range_is_answered_with_the_range(edgeacc, arguments, valid):
    ran = edgeacc(*arguments)
    assert ran.code == 2
    assert f"\nvalid: {valid}\n" in ran.err


def test_an_output_that_exists_names_the_same_command_with_force(edgeacc, tmp_path):
    output = tmp_path / "with space.json"
    output.write_text("{}")
    words = ["cohort", "make", "-o", str(output), "--participants", "3"]
    ran = edgeacc(*words)
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == f"next: {shlex.join(['edgeacc', *words, '--force'])}"


def test_a_folder_of_somebody_else_is_not_to_be_forced(edgeacc, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear")
    ran = edgeacc("cohort", "make", "-o", tmp_path / "letters")
    assert ran.code == 2
    assert "edgeacc did not make" in ran.err
    assert "--force" not in ran.err


@pytest.mark.parametrize("verb", ["verify", "bench"])
def test_a_missing_bundle_is_told_how_to_make_one(edgeacc, tmp_path, verb):
    ran = edgeacc(verb, tmp_path / "none")
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == "next: edgeacc export CHECKPOINT --target all"


def test_a_demo_is_not_made_in_the_folder_one_is_in(edgeacc, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = edgeacc("demo", "-o", ".")
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == "next: edgeacc demo -o edgeacc-demo"
    assert list(tmp_path.iterdir()) == []


def test_a_table_of_one_word_a_line_is_a_list(edgeacc, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    out = edgeacc("doctor").out
    assert max(map(len, out.partition("\nnext:")[0].splitlines())) <= 60
    targets = out.partition("Targets")[2].partition("Recordings")[0]
    assert "  reason " in targets
    assert sum(line.split()[:1] == ["export"] for line in targets.splitlines()) == len(TARGETS)
