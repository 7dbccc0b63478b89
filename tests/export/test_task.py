"""What an artifact costs in beats per minute on held-out people."""

import json
import re

import pytest

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.source import read_source
from edgeacc.export.task import task_report
from edgeacc.windows.store import open_store

pytestmark = pytest.mark.integration


@pytest.fixture
def store(tiny_store):
    return open_store(tiny_store)


def test_a_float_artifact_costs_nothing(onnx_bundle, tiny_checkpoint, store):
    report = task_report(onnx_bundle, tiny_checkpoint, store, 100)
    assert (report.recipe, report.windows, report.participants) == ("onnx-fp32", store.count("test"), 1)
    assert report.snr_db > 60
    assert {(cost.target, cost.probe) for cost in report.costs} == {
        (target, probe) for target in ("hr_bpm", "sdnn_ms", "rmssd_ms") for probe in ("ridge", "mlp")
    }
    for cost in report.costs:
        assert cost.whole.value > 0
        assert abs(cost.cost.value) < 1e-3 * cost.whole.value
        assert cost.part.value == pytest.approx(cost.cost.value / cost.whole.value)


def test_rounded_weights_cost_something(tiny_source, tiny_checkpoint, store, tmp_path):
    export_bundle(tiny_source, RECIPES["onnx-w8-dynamic"], tmp_path / "rounded")
    report = task_report(tmp_path / "rounded", tiny_checkpoint, store, 100)
    assert 20 < report.snr_db < 60
    assert all(abs(cost.cost.value) > 1e-4 for cost in report.costs)


def test_a_bundle_of_another_checkpoint_is_refused(onnx_bundle, make_checkpoint, store, tmp_path):
    other = make_checkpoint(tmp_path / "other", seed=1)
    with pytest.raises(BadInput, match=r"was not made from .*other"):
        task_report(onnx_bundle, other, store, 100)


def test_the_command_prints_a_table_and_writes_json(edgeacc, onnx_bundle, tiny_checkpoint, tiny_store, tmp_path):
    words = ("compress", "report", onnx_bundle, "--checkpoint", tiny_checkpoint, "--store", tiny_store)
    ran = edgeacc(*words, "-o", tmp_path / "report.json")
    assert ran.code == 0
    assert "4 windows of 1 held-out people" in ran.out
    (report,) = json.loads((tmp_path / "report.json").read_text())["reports"]
    assert report["recipe"] == "onnx-fp32"
    assert report["layers"][0]["name"].startswith("tokenizer.0 (")
    assert all(layer["snr_db"] > 60 for layer in report["layers"])
    assert "tokenizer.0 (" in ran.out
    assert {(each["operator"], each["computes"]) for each in report["operations"]} >= {("Conv", "fp32")}
    assert re.search(r"onnx-fp32 +fp32 +\d+ +.*Conv \d", ran.out)
    assert re.search(r"onnx-fp32 +60 +-", ran.out)
    assert edgeacc(*words, "-o", tmp_path / "report.json").code == 2


def test_a_bundle_of_raw_g_is_refused_since_a_store_holds_prepared_windows(
    tiny_checkpoint, tiny_store, store, tmp_path
):
    export_bundle(read_source(tiny_checkpoint, tiny_store, 0, raw=True), RECIPES["onnx-fp32"], tmp_path / "raw")
    with pytest.raises(BadInput, match="takes raw g"):
        task_report(tmp_path / "raw", tiny_checkpoint, store, 100)
