"""The search on a tiny network: real conversions, real runtimes, a folder that it goes on in."""

import json
import shutil
from contextlib import redirect_stdout
from io import StringIO

import pytest

from edgeacc.cli.main import main
from edgeacc.export.registry import missing_packages

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_packages("tflite", "convert")), reason="the extra `tflite` is not installed"),
]


BUDGET = ("--budget", "flash<1MiB", "--device", "stm32u575")


@pytest.fixture(scope="module")
def first(tiny_checkpoint, tiny_store, tmp_path_factory):
    """A search, done once for each process of the tests: its words, and what it printed."""
    folder = tmp_path_factory.mktemp("search") / "tiny"
    words = ("compress", "search", tiny_checkpoint, "--target", "tflite", "--store", tiny_store, "-o", folder)
    with redirect_stdout(StringIO()) as told:
        assert main([str(word) for word in (*words, *BUDGET, "--json")]) == 0
    return words, told.getvalue()


@pytest.fixture
def words(first):
    return first[0]


@pytest.fixture
def folder(words):
    return words[-1]


def test_every_recipe_and_some_mixtures_are_measured_and_a_budget_is_met(first, folder):
    said = json.loads(first[1])
    result = json.loads((folder / "search.json").read_text())
    assert said["result"] == result
    assert said["chosen"]["name"] == "my-student-tflite-w8a8"
    assert said["chosen"]["flash_bytes"] > 0
    assert said["chosen"]["device_ms"] > 0
    recipes = {each["recipe"] for each in (*result["measured"], *result["refused"])}
    assert {"tflite-fp32", "tflite-w8", "tflite-w8-dynamic", "tflite-w8a8", "tflite-w8a16"} < recipes
    mixed = [each for each in result["measured"] if each["layers"]]
    assert mixed
    snr_db = {each["recipe"]: each["snr_db"] for each in result["measured"]}
    assert all(snr_db["tflite-w8a8"] - 1 < each["snr_db"] < snr_db["tflite-fp32"] for each in mixed)
    assert all(each["latency_ms"] > 0 for each in result["measured"])
    assert (folder / "search.png").read_bytes().startswith(b"\x89PNG")
    assert "my-student-tflite-w8a8" in (folder / "search.md").read_text()


def test_the_same_command_goes_on_and_says_what_cannot_be_met(edgeacc, words, folder):
    lost, changed = (next((folder / "bundles").glob(f"*-tflite-{name}")) for name in ("w8", "fp32"))
    before = {path: path.stat().st_mtime_ns for path in (folder / "bundles").glob("*/manifest.json")}
    shutil.rmtree(lost)
    (changed / "card.md").write_text("another")
    ran = edgeacc(*words, "--budget", "size<10B, d_hr<100bpm")
    assert ran.code == 1
    assert "cannot be met: size<10B: the least is" in ran.err
    assert "Nearest: my-student-tflite-" in ran.err
    after = {path: path.stat().st_mtime_ns for path in (folder / "bundles").glob("*/manifest.json")}
    assert {path for path in before if before[path] != after[path]} == {
        lost / "manifest.json",
        changed / "manifest.json",
    }


def test_the_page_is_made_of_the_results_alone(edgeacc, folder, tmp_path):
    for force in ((), ("--force",)):
        ran = edgeacc("compress", "table", folder / "search.json", "-o", tmp_path / "page.md", *force)
        assert ran.code == 0, ran.err
    assert (tmp_path / "page.md").read_text().splitlines()[0] == "# What compression costs, by size"
    assert edgeacc("compress", "table", folder / "search.json", "-o", tmp_path / "page.md").code == 2
    twice = edgeacc("compress", "table", folder / "search.json", folder / "search.json", "-o", tmp_path / "b.md")
    assert "a second search of tflite" in twice.err


def test_what_cannot_be_searched_is_said_before_anything_is_converted(
    edgeacc, folder, make_checkpoint, tiny_checkpoint, tiny_store, tmp_path
):
    twin = make_checkpoint(tmp_path / "my-student", seed=1)
    some = ("compress", "search", tiny_checkpoint, "--store", tiny_store)
    for more, said in (
        (("--target", "tflite", "-o", tmp_path / "a", "--budget", "ram<3KiB"), "ram<3KiB: of which device?"),
        (("--target", "tflite", "-o", tmp_path / "a", "--budget", "3KiB"), "'3KiB' is no limit"),
        (("--target", "onnx", "-o", folder), "holds a search of tflite"),
        (("--target", "tflite", "-o", tiny_store), "is there, and no search's"),
        (("--target", "nothing", "-o", tmp_path / "a"), "unknown target 'nothing'"),
        (("--target", "tflite", "-o", tmp_path / "a", twin), "two checkpoints are called my-student"),
        (("--target", "tflite", "-o", tmp_path / "a", "conv-xxs"), "of different widths: my-student 4, conv-xxs 48"),
    ):
        ran = edgeacc(*some, *more)
        assert (ran.code, said in ran.err) == (2, True), ran.err
    assert not (tmp_path / "a").exists()
