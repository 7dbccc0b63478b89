"""`edgeacc study`."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

GOOD = """
name = "mine"
seeds = [0]
batch = 4
cohorts = [{ name = "quiet", preset = "quiet", participants = 24, windows_per_participant = 2 }]
teachers = [{ name = "masked", encoder = "conv-ppg", steps = 1 }]
students = [{ name = "xs", encoder = "conv-xs", steps = 1 }]
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write


def test_tells_an_unknown_encoder_objective_option_and_store_at_once(edgeacc, written, tmp_path):
    rows = 'baselines = [{ name = "b", encoder = "conv-xs", steps = 1, options = { objective = "wish" } }]\n'
    rows += 'ablations = [{ name = "a", encoder = "conv-huge", steps = 1, options = { colour = "red" } }]\n'
    rows += 'stores = [{ name = "real", path = "nowhere" }]\n'
    ran = edgeacc("study", "run", written(GOOD + rows), "-o", tmp_path / "out")
    assert ran.code == 2
    for wrong in ("conv-huge", "wish", "colour", "nowhere"):
        assert wrong in ran.err
    assert not (tmp_path / "out").exists()


def test_refuses_the_folder_of_another_study(edgeacc, written, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("precious")
    ran = edgeacc("study", "run", written(GOOD), "-o", out)
    assert (ran.code, "no study's" in ran.err) == (2, True)


def test_a_table_needs_cells(edgeacc, tmp_path):
    ran = edgeacc("study", "table", tmp_path, "-o", tmp_path / "page.md")
    assert ran.code == 2
    assert "no cells" in ran.err


@pytest.mark.slow
def test_smoke_is_killed_goes_on_and_gives_its_page(edgeacc, written, tmp_path):
    out = tmp_path / "out"
    words = [sys.executable, "-m", "edgeacc.cli.main", "study", "run", "smoke", "-o", str(out)]
    first = subprocess.Popen(words, stderr=subprocess.DEVNULL, process_group=0)
    wait_for(out / "windows" / "quiet" / "manifest.json")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    while (ran := subprocess.run(words, capture_output=True, text=True)).returncode == 2:
        assert "works in" in ran.stderr  # a step that the killed one left behind
        time.sleep(1)
    assert ran.returncode == 0, ran.stderr
    cells = [json.loads(path.read_text()) for path in (out / "cells").rglob("*.json")]
    assert len(cells) == 10
    assert all(cell["data_digest"] and cell["code"] for cell in cells)
    page = tmp_path / "page.md"
    assert edgeacc("study", "table", out, "-o", page).code == 0
    assert {path.name for path in tmp_path.glob("*.png")} == {"page-labels.png", "page-pools.png", "page-sizes.png"}
    for told in ("independent beats", "shuffled pairs", "limit (template)", "the paper's way", "global mean"):
        assert told in page.read_text()
    other = edgeacc("study", "run", written(GOOD), "-o", out)
    assert (other.code, "holds study 'smoke'" in other.err) == (2, True)


def wait_for(path):
    until = time.monotonic() + 120
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.2)
