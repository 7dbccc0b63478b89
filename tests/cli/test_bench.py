"""`edgeacc bench`: two tables, a result file, and what stops it."""

import json
import shutil

import pytest
import torch

from edgeacc.benchmarks.results import QUICK, BenchResult, Machine, Parts, Row, Warm
from edgeacc.cli.bench_tables import bundle_tables
from edgeacc.compression.recipe import RECIPES
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.registry import missing_packages
from edgeacc.files import read_model


@pytest.fixture(scope="module")
def coreml_bundle(tiny_source, tmp_path_factory):
    """For the evaluator, which is not timed."""
    if missing_packages("coreml", "convert"):
        pytest.skip("the extra `coreml` is not installed")
    path = tmp_path_factory.mktemp("bench") / "coreml"
    untrained = RECIPES["coreml-fp16"].model_copy(update={"min_snr_db": 20.0, "name": "coreml-fp16-untrained"})
    export_bundle(tiny_source, untrained, path)
    return path


@pytest.mark.integration
def test_prints_two_tables_and_keeps_the_result(edgeacc, onnx_bundle, coreml_bundle, tiny_checkpoint, tmp_path):
    out = tmp_path / "result.json"
    ran = edgeacc("bench", onnx_bundle, coreml_bundle, "--checkpoint", tiny_checkpoint, "--quick", "-o", out)
    result = read_model(out, BenchResult)

    assert ran.code == 0
    onnx, coreml, eager = (row for row in result.rows if row.threads == 1)
    assert (onnx.state, coreml.state, eager.state) == ("timed", "needs an Apple device", "timed")
    assert coreml.warm is None
    assert coreml.cold is None
    assert coreml.snr_db > 20
    for column in ("size_bytes", "p50_ms", "p99_ms", "vs_eager", "above_baseline_bytes", "arena_bytes", "needs an"):
        assert column in ran.out


def test_preparation_is_told_over_the_best_artifacts_time_by_the_same_clock():
    machine = Machine(
        cpu="a processor", cores=2, governor=None, memory_bytes=2**34, system="Linux", python="3.11", versions={},
        commit=None, load_average=0.0, other_work=0.0,
    )  # fmt: skip
    warm = Warm(p50_ms=0.5, p90_ms=1, p99_ms=1, calls=1, round_p50_ms=(1,), cpu_ms=0.4, cpu_per_wall=0.8)
    row = Row(name="a", kind="artifact", target="onnx", path="a", state="timed", snr_db=100.0, warm=warm)
    parts = Parts(prepare_ms=0.6, probe_ms=None)
    result = BenchResult(date_utc="2026-01-01", settings=QUICK, machine=machine, rows=(row,), parts=parts)
    told = bundle_tables(result, ["latency"])[-1]
    assert [str(cell) for cell in told.columns[2].cells] == ["raw g to a window, by Python (120% of its p50_ms)"]


@pytest.mark.integration
def test_refuses_what_is_no_bundle(edgeacc, tmp_path):
    ran = edgeacc("bench", tmp_path / "nowhere", "--quick", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert f"bundle {tmp_path / 'nowhere'} does not exist" in ran.err


@pytest.mark.integration
def test_says_so_where_there_is_nothing_to_time(edgeacc, coreml_bundle, tmp_path):
    out = tmp_path / "result.json"
    ran = edgeacc("bench", coreml_bundle, "--quick", "-o", out)
    assert (ran.code, ran.out, out.exists()) == (1, "", False)
    assert "edgeacc: nothing was timed: coreml-fp16-untrained needs an Apple device\n" in ran.err
    assert f"next: edgeacc verify {coreml_bundle}\n" in ran.err


def test_refuses_an_output_that_exists_before_any_work(edgeacc, tmp_path):
    out = tmp_path / "result.json"
    out.write_text("{}")
    ran = edgeacc("bench", tmp_path / "bundle", "-o", out)
    assert (ran.code, out.read_text()) == (2, "{}")
    assert "exists already" in ran.err


def test_no_path_is_refused_with_what_is_valid(edgeacc):
    ran = edgeacc("bench")
    assert ran.code == 2
    assert "no path given" in ran.err
    assert "bundles" in ran.err


def test_suites_are_told_apart_and_all_mistakes_at_once(edgeacc):
    ran = edgeacc("bench", "--suite", "latency,lightness,gravity")
    assert ran.code == 2
    assert "no suite 'lightness', 'gravity'" in ran.err
    assert "latency, load, memory, peers, import" in ran.err
    ran = edgeacc("bench", "--suite", "peers,train", "--device", "cuda", "--json")
    assert ran.code == 2
    for said in ("--device cuda has a part", "no path given", "--suite peers needs --checkpoint", "take one result"):
        assert said in ran.err


@pytest.mark.integration
def test_bundles_of_one_target_alone(edgeacc, onnx_bundle, coreml_bundle, tmp_path):
    asked = ("bench", onnx_bundle, coreml_bundle, "--quick")
    ran = edgeacc(*asked, "--target", "onnx", "--suite", "memory", "--json")
    assert ran.code == 0
    assert {row["target"] for row in json.loads(ran.out)["rows"]} == {"onnx"}
    assert edgeacc(*asked, "--target", "lead").code == 2
    ran = edgeacc(*asked, "--target", "tflite")
    assert (ran.code, "none of the bundles is for tflite" in ran.err) == (2, True)


def test_the_kernels_take_no_paths(edgeacc, tmp_path):
    ran = edgeacc("bench", tmp_path, "--suite", "kernels")
    assert ran.code == 2
    assert "neither paths" in ran.err


def test_the_kernels_need_a_cross_compiler(edgeacc, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = edgeacc("bench", "--suite", "kernels")
    assert ran.code == 1
    assert "next: apt-get install gcc-arm-none-eabi" in ran.err


def test_the_reference_needs_a_checkpoint_and_a_gpu(edgeacc, tiny_checkpoint):
    ran = edgeacc("bench", "--suite", "reference")
    assert ran.code == 2
    assert "valid: edgeacc bench --suite reference --checkpoint" in ran.err
    if not torch.cuda.is_available():
        ran = edgeacc("bench", "--suite", "reference", "--checkpoint", tiny_checkpoint)
        assert ran.code == 1
        assert "no CUDA device" in ran.err


def test_mlperf_takes_no_checkpoint(edgeacc, tmp_path):
    ran = edgeacc("bench", "--suite", "mlperf", "--checkpoint", tmp_path)
    assert ran.code == 2
    assert "--checkpoint has no part" in ran.err


def test_mlperf_refuses_a_model_that_is_none_of_its_networks(edgeacc, tmp_path):
    ran = edgeacc("bench", tmp_path / "other.tflite", "--suite", "mlperf")
    assert ran.code == 2
    assert "none of the networks" in ran.err


@pytest.mark.integration
def test_mlperf_prints_both_comparisons(edgeacc, tmp_path):
    for program in ("qemu-system-arm", "cc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    pytest.importorskip("litert_torch")
    from edgeacc.benchmarks.mlperf_models import int8_flatbuffer

    small = int8_flatbuffer("kws")
    for name in ("ad", "kws", "vww", "ic"):
        (tmp_path / f"{name}.tflite").write_bytes(small)
    out = tmp_path / "result.json"
    ran = edgeacc("bench", *sorted(tmp_path.glob("*.tflite")), "--suite", "mlperf", "-o", out)
    assert ran.code == 0
    assert ran.out.count("stm32l4r5") == 8
    rows = json.loads(out.read_text())["rows"]
    assert len(rows) == 12
    assert all(row["cycles_per_mac"][0] <= row["cycles_per_mac"][1] <= row["cycles_per_mac"][2] for row in rows)
