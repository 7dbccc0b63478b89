"""`edgeacc compare` as a continuous integration would use it."""

import json
import subprocess
import sys

import pytest

from edgeacc.benchmarks.results import QUICK, BenchResult, Machine, Row, Warm


@pytest.fixture
def results(tmp_path):
    """Makes a result file whose artifact took so many milliseconds."""
    machine = Machine(
        cpu="a processor", cores=2, governor=None, memory_bytes=2**34, system="Linux", python="3.11", versions={},
        commit=None, load_average=0.0, other_work=0.0,
    )  # fmt: skip

    def make(name, latency_ms, row="tflite-w8a8"):
        warm = Warm(
            p50_ms=latency_ms, p90_ms=latency_ms, p99_ms=latency_ms, calls=80, round_p50_ms=(latency_ms,) * 8,
            cpu_ms=latency_ms, cpu_per_wall=1,
        )  # fmt: skip
        made = Row(
            name=row, kind="artifact", target="tflite", path="x", state="timed", size_bytes=1000 * 1024, warm=warm
        )
        path = tmp_path / name
        path.write_text(
            BenchResult(date_utc="2026-01-01", settings=QUICK, machine=machine, rows=(made,)).model_dump_json()
        )
        return path

    return make


def test_changes_are_printed_and_only_a_regression_fails(edgeacc, results):
    old, new = results("old.json", 1.0), results("new.json", 1.2)
    ran = edgeacc("compare", old, new)
    assert ran.code == 0
    assert "+20.0%" in ran.out
    assert edgeacc("compare", old, new, "--fail-above", "25%").code == 0
    failed = edgeacc("compare", old, new, "--fail-above", "10%")
    assert failed.code == 4
    assert "worse than" in failed.err
    assert "tflite-w8a8: p50_ms +20.0%" in failed.err
    assert "+20.0%" in failed.out


def test_as_json(edgeacc, results):
    ran = edgeacc("compare", results("old.json", 1.0), results("new.json", 0.5), "--json", "--fail-above", "0")
    assert ran.code == 0
    latency = json.loads(ran.out)["changes"][0]
    assert (latency["quantity"], latency["change"], latency["low"], latency["high"]) == ("p50_ms", -0.5, -0.5, -0.5)


def test_mistakes_are_told(edgeacc, results, tmp_path):
    old, other = results("old.json", 1.0), results("other.json", 1.0, row="onnx-fp32")
    (tmp_path / "cut.json").write_text(old.read_text()[:100])
    for arguments, said in (
        ((old, tmp_path / "none.json"), "none.json does not exist"),
        ((old, tmp_path / "cut.json"), "cut.json"),
        ((old, other), "nothing in common"),
        ((old, old, "--fail-above", "ten"), "--fail-above 'ten' is no percentage"),
        ((old, old, "--fail-above", "-5%"), "is no percentage"),
    ):
        ran = edgeacc("compare", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err


@pytest.mark.integration
def test_nothing_heavy_is_imported(results):
    old = results("old.json", 1.0)
    code = (
        "import sys; from edgeacc.cli.main import main; main(['compare', *sys.argv[1:]]); print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code, old, old], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "False"
