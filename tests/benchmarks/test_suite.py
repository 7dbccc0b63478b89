"""A whole run: bundles that pass beside their peers, those that do not as rows, and what is refused."""

import pytest

from edgeacc.benchmarks.machine import cores
from edgeacc.benchmarks.results import BenchResult, Settings
from edgeacc.benchmarks.suite import NO_CHECKPOINT, run_bench
from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, NotPossibleHere, ParityFailed
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.source import read_source
from edgeacc.files import read_model, write_json

pytestmark = pytest.mark.integration
ALL_THREADS = ["onnx-fp32, all threads"] if cores() > 1 else []
TINY = Settings(cold_starts=1, burn_in_calls=2, rounds=3, turn_burn_in_calls=1, calls_per_turn=4)


@pytest.fixture(scope="module")
def outcome(onnx_bundle, tiny_checkpoint):
    return run_bench([onnx_bundle], tiny_checkpoint, TINY)


def test_times_the_artifact_and_eager_on_the_same_weights(outcome):
    artifact, *threaded, eager = outcome.result.rows
    assert (artifact.name, eager.name) == ("onnx-fp32", "pytorch-eager")
    assert [row.name for row in threaded] == ALL_THREADS
    assert {row.state for row in outcome.result.rows} == {"timed"}
    for row in outcome.result.rows:
        assert row.snr_db > 60
        assert row.size_bytes > 1_000
        assert row.warm.calls == TINY.rounds * TINY.calls_per_turn
        assert row.warm.p50_ms <= row.warm.p90_ms <= row.warm.p99_ms
        assert row.above_baseline_bytes > 0
        assert "no memory plan" in row.arena.source
    assert not outcome.errors


def test_ratios_are_to_eager_in_the_same_run(outcome):
    artifact, *threaded, eager = outcome.result.rows
    assert eager.vs_eager == 1.0
    assert eager.times_floor == eager.warm.cpu_ms / eager.floor_ms > 0.5
    assert artifact.vs_eager == eager.warm.cpu_ms / artifact.warm.cpu_ms
    for row in threaded:  # whose processor times add up: the clock's ratio, and no floor, which is of one thread
        assert row.threads == cores()
        assert row.vs_eager == eager.warm.p50_ms / row.warm.p50_ms
        assert row.floor_ms is None


def test_the_layers_of_what_onnxruntime_runs_are_told_once(outcome):
    artifact, *others = outcome.result.rows
    assert {"Conv", "Relu"} & {layer.operator for layer in artifact.layers}
    assert all(layer.ms >= 0 for layer in artifact.layers)
    assert sum(layer.ms for layer in artifact.layers) > 0
    assert not any(row.layers for row in others)


def test_says_where_and_when_it_ran(outcome):
    machine = outcome.result.machine
    assert {"torch", "onnxruntime", "edgeacc"} <= machine.versions.keys()
    assert outcome.result.date_utc.endswith("+00:00")


def test_a_result_survives_its_file(outcome, tmp_path):
    write_json(tmp_path / "result.json", outcome.result)
    assert read_model(tmp_path / "result.json", BenchResult) == outcome.result


def test_a_bundle_that_fails_is_a_row_but_is_not_timed(onnx_bundle, tampered_bundle, failing_bundle, tmp_path):
    outcome = run_bench([tampered_bundle, failing_bundle, tmp_path / "nowhere", onnx_bundle], None, TINY)
    failed = [row for row in outcome.result.rows if row.state == "rejected"]
    good, *threaded = (row for row in outcome.result.rows if row.state != "rejected")
    assert len(failed) == 3
    assert [row.name for row in threaded] == [f"{good.name}, all threads"] * len(ALL_THREADS)
    assert all(row.reason and row.warm is None and row.cold is None for row in failed)
    assert not any("\n" in row.reason for row in failed)
    assert {type(error) for error in outcome.errors} == {BadInput, ParityFailed}
    assert good.warm is not None
    assert good.vs_eager is None
    assert NO_CHECKPOINT in outcome.result.warnings


def test_a_refused_bundle_does_not_take_the_row_of_one_that_is_called_like_it(onnx_bundle, tampered_bundle):
    namesake = tampered_bundle.rename(tampered_bundle.with_name("onnx-fp32"))
    outcome = run_bench([onnx_bundle, namesake], None, TINY)
    told = {row.name: row.state for row in outcome.result.rows if row.threads == 1}
    assert told == {"onnx-fp32": "timed", str(namesake): "rejected"}


def test_refuses_bundles_of_other_weights(onnx_bundle, other_checkpoint):
    with pytest.raises(BadInput, match="other weights"):
        run_bench([onnx_bundle], other_checkpoint, TINY)


def test_refuses_what_is_no_checkpoint(onnx_bundle, tmp_path):
    with pytest.raises(BadInput, match="not a checkpoint"):
        run_bench([onnx_bundle], tmp_path, TINY)


def test_a_runtime_that_cannot_be_imported_is_told_in_its_row(onnx_bundle, tmp_path, monkeypatch):
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('no such library')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # only the worker, a new process, sees it
    outcome = run_bench([onnx_bundle], None, TINY)
    (row,) = outcome.result.rows
    assert row.state == "not possible here"
    assert "no such library" in row.reason
    assert isinstance(outcome.errors[0], NotPossibleHere)


@pytest.mark.slow
def test_the_usual_ways_stand_beside_on_the_same_weights(onnx_bundle, tiny_checkpoint):
    """Every conversion of the plain network is right, but for static int8 of a network that was never trained."""
    result = run_bench([onnx_bundle], tiny_checkpoint, TINY, all_peers=True).result
    told = {row.name: row for row in result.rows if row.kind == "peer"}
    files = {"onnxruntime-fp32", "onnxruntime-int8-dynamic", "onnxruntime-int8-static"}
    files |= {"plain-litert-torch", "plain-executorch"}
    batched = {"pytorch-eager, batch 64", "pytorch-eager, batch 64, all threads", "onnxruntime-fp32, batch 64"}
    left_out = {warning.partition(":")[0] for warning in result.warnings}
    assert set(told) | (left_out & (files | batched)) == files | batched | {"pytorch-eager", "torch-compile"}
    assert {row.state for row in told.values()} == {"timed"}
    assert all(row.snr_db > 60 for name, row in told.items() if "int8" not in name)
    assert {name: row.batch for name, row in told.items() if row.batch > 1} == dict.fromkeys(batched - left_out, 64)
    assert result.best("peer") in told.values()
    assert 0 < result.parts.prepare_ms < 1000


def test_preparation_is_told_though_the_first_artifact_has_it_inside(
    onnx_bundle, tiny_checkpoint, tiny_store, tmp_path
):
    export_bundle(read_source(tiny_checkpoint, tiny_store, 0, raw=True), RECIPES["onnx-fp32"], tmp_path / "raw")
    result = run_bench([tmp_path / "raw", onnx_bundle], None, TINY).result
    assert [row.name for row in result.rows if row.threads == 1] == ["onnx-fp32-raw", "onnx-fp32"]
    assert all(row.state == "timed" for row in result.rows)
    assert result.parts.prepare_ms > 0
