"""The command line as a whole: help, wrong input, exit codes."""

import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from edgeacc import __version__
from edgeacc.compression import recipe
from edgeacc.errors import NotPossibleHere, ParityFailed

EDGEACC = (sys.executable, "-m", "edgeacc.cli.main")


def test_without_arguments_it_prints_its_help(edgeacc):
    ran = edgeacc()
    assert ran == edgeacc("--help")
    assert ran.code == 0
    assert "Exit codes" in ran.out


def test_every_verb_explains_itself(edgeacc):
    from edgeacc.cli.main import VERBS

    helps = {verb: edgeacc(verb, "--help") for verb in VERBS}
    assert {ran.code for ran in helps.values()} == {0}
    assert [verb for verb, ran in helps.items() if "Usage: edgeacc" not in ran.out] == []


def test_a_short_word_for_help_and_the_version(edgeacc):
    from edgeacc.cli.main import VERBS

    assert edgeacc("-h") == edgeacc("--help")
    assert [verb for verb in VERBS if edgeacc(verb, "-h") != edgeacc(verb, "--help")] == []
    assert edgeacc("train", "student", "-h").out.startswith("Usage: edgeacc train student")
    assert edgeacc("--version") == (0, f"edgeacc {__version__}\n", "")


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_defect_and_no_file_takes_its_place(tmp_path, closed):
    """Left closed, the file to be written would be the standard output, and hold what is printed."""
    copy = tmp_path / "mine.toml"
    command = f"exec {shlex.join([*EDGEACC, 'cp', 'onnx-fp32', str(copy)])} {closed}"
    ran = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert copy.read_text() == recipe.recipe_text("onnx-fp32")


def test_the_help_keeps_the_order_of_work(edgeacc):
    listed = [line.split()[0] for line in edgeacc().out.partition("Commands:")[2].splitlines() if line.strip()]
    assert listed[:2] == ["doctor", "ls"]


@pytest.mark.parametrize(
    ("arguments", "problem", "valid"),
    [
        (["fly"], "unknown verb 'fly'", "doctor"),
        (["ls", "planes"], "unknown verb 'planes'", "formats, recipes, sizes, students, targets"),
        (["--fly"], "No such option: --fly", "edgeacc [OPTIONS]"),
        (["cat"], "Missing argument 'name'", "edgeacc cat"),
    ],
)
def test_wrong_words_are_answered_with_what_exists(edgeacc, arguments, problem, valid):
    ran = edgeacc(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    first, second, third = ran.err.splitlines()
    assert first.startswith("edgeacc: ")
    assert problem in first
    assert second.startswith("valid: ")
    assert valid in second
    assert third.startswith("next: edgeacc ")


def test_all_wrong_and_missing_options_are_told_at_once(edgeacc):
    ran = edgeacc("train", "teacher", "windows", "--steps", "0", "--batch", "few", "--objective", "magic")
    assert (ran.code, ran.out) == (2, "")
    first, *problems, last = ran.err.splitlines()
    assert first == "edgeacc: edgeacc train teacher: 4 mistakes"
    for word in ("'-o' / '--output'", "'--steps'", "'--batch'", "'--objective': 'magic' is not one of 'masked-input'"):
        assert any(word in problem for problem in problems)
    assert last == "next: edgeacc train teacher --help"


def test_an_option_without_its_value_is_named(edgeacc):
    ran = edgeacc("doctor", "--target")
    assert ran.code == 2
    assert "Option '--target' requires an argument." in ran.err
    assert ran.err.endswith("next: edgeacc doctor --help\n")


def raising(error):
    def verb(name):
        raise error

    return verb


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (NotPossibleHere("no such machine", next_command="buy one"), 1, "edgeacc: no such machine\nnext: buy one\n"),
        (ParityFailed("12 dB", valid="15 dB"), 3, "edgeacc: 12 dB\nvalid: 15 dB\n"),
        (
            KeyboardInterrupt(),
            130,
            "\nedgeacc: stopped; nothing is half-written\n",
        ),
    ],
)
def test_failures_within_a_verb_give_their_exit_code(edgeacc, monkeypatch, error, code, said):
    monkeypatch.setattr(recipe, "recipe_text", raising(error))
    assert edgeacc("cat", "onnx-fp32") == (code, "", said)


def test_a_package_that_cannot_be_imported_is_the_machines_fault(edgeacc, monkeypatch):
    missing = ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow")
    monkeypatch.setattr(recipe, "recipe_text", raising(missing))
    ran = edgeacc("cat", "onnx-fp32")
    assert ran.code == 1
    assert "the package pyarrow cannot be imported" in ran.err
    assert "next: pip install " in ran.err


def test_a_module_of_our_own_that_is_missing_is_a_defect(edgeacc, monkeypatch):
    missing = ModuleNotFoundError("No module named 'edgeacc.nothing'", name="edgeacc.nothing")
    monkeypatch.setattr(recipe, "recipe_text", raising(missing))
    with pytest.raises(ModuleNotFoundError):
        edgeacc("cat", "onnx-fp32")


def test_a_defect_is_not_hidden(edgeacc, monkeypatch):
    monkeypatch.setattr(recipe, "recipe_text", raising(ZeroDivisionError("defect")))
    with pytest.raises(ZeroDivisionError):
        edgeacc("cat", "onnx-fp32")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_one_line_and_exit_code_1():
    with open("/dev/full", "w") as full:
        ran = subprocess.run([*EDGEACC, "ls", "recipes"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stderr) == (1, "edgeacc: no space left on the device: the output\n")


@pytest.mark.integration
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("old", [False, True])
def test_an_end_from_outside_leaves_the_old_or_nothing(tmp_path, how, old):
    store = tmp_path / "store"
    if old:
        store.mkdir()
    command = [*EDGEACC, "cohort", "make", "-o", store, "--force"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        while not (tmp_path / ".store.writing").exists():
            assert child.poll() is None
            time.sleep(0.02)
        child.send_signal(how)
        said = child.stderr.read()
    assert child.returncode == 130
    assert said == "\nedgeacc: stopped; nothing is half-written\n"
    assert list(tmp_path.iterdir()) == ([store] if old else [])


def test_a_reader_that_leaves_is_no_failure_to_report():
    with subprocess.Popen([*EDGEACC, "ls", "recipes"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        assert child.stderr.read() == b""


def test_json_stays_alone_on_standard_output_and_errors_elsewhere(edgeacc):
    ran = edgeacc("doctor", "--target", "plane", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "unknown target 'plane'" in ran.err
