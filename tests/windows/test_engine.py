"""The store that a cluster makes is the one that is made here, also when a worker dies in mid-run."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytest.importorskip("ray")
pytestmark = [pytest.mark.integration, pytest.mark.slow]

MAPPING = """
acc_columns = ["x", "y", "z"]
acc_unit = "g"
ppg_columns = ["p"]
ppg_upstroke = "positive"
rate_hz = 64
"""


@pytest.fixture
def people(tmp_path, write_table):
    for number in range(12):
        write_table(tmp_path / "set" / f"S{number:02}" / "monday.csv", seed=number)
    (tmp_path / "mapping.toml").write_text(MAPPING)
    return tmp_path


def importing(folder, out, engine):
    command = ["import", folder / "set", "-o", folder / out, "--mapping", folder / "mapping.toml", "--window-s", "10"]
    arguments = [str(each) for each in (*command, "--engine", engine)]
    return subprocess.Popen(
        [sys.executable, "-m", "edgeacc.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"},
    )


def ended(process):
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return out


def contents(store):
    return {file.name: file.read_bytes() for file in sorted(store.iterdir())}


def kill_a_worker_at_work(of, within_s=120.0):
    """SIGKILL the first Ray worker that is seen at a task of ours; its process id."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s and of.poll() is None:
        for process in psutil.Process(of.pid).children(recursive=True):
            try:
                if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::Map"):
                    process.send_signal(signal.SIGKILL)
                    return process.pid
            except psutil.Error:
                continue
        time.sleep(0.02)
    return None


def test_a_worker_that_dies_costs_nothing(people):
    ended(importing(people, "here", "local"))
    (people / "there.salt").write_bytes((people / "here.salt").read_bytes())
    process = importing(people, "there", "ray")
    killed = kill_a_worker_at_work(process)
    ended(process)
    assert killed is not None
    assert contents(people / "there") == contents(people / "here")


def test_mistakes_of_all_files_are_told_together(people):
    for number in (3, 7):
        (people / "set" / f"S{number:02}" / "monday.csv").write_text("x,y,z,p\n1,2,3\n")
    process = importing(people, "there", "ray")
    _, err = process.communicate(timeout=240)
    assert process.returncode == 2
    assert "S03" in err
    assert "S07" in err
    assert not (people / "there").exists()


def test_a_cluster_that_does_not_answer_is_told_at_once(people):
    process = subprocess.run(
        [
            *(sys.executable, "-m", "edgeacc.cli.main", "import", people / "set", "-o", people / "there"),
            *("--mapping", people / "mapping.toml", "--window-s", "10", "--engine", "ray"),
        ],
        env=os.environ | {"RAY_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 1
    assert "127.0.0.1:1" in process.stderr
    assert not (people / "there").exists()
