"""`edgeacc bench`: two tables, a result file, and what stops it."""

import json

import pytest
import torch

from edgeacc.benchmarks.results import BenchResult
from edgeacc.cohort.config import CohortConfig
from edgeacc.compression.recipe import RECIPES
from edgeacc.export.pipeline import export_bundle, read_source
from edgeacc.export.registry import missing_packages
from edgeacc.files import read_model
from edgeacc.models.checkpoint import Card, save
from edgeacc.models.config import EncoderConfig, StageConfig
from edgeacc.models.encoder import Encoder, settle
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.from_cohort import from_cohort

SMALL = EncoderConfig(
    name="small",
    family="conv",
    frame_samples=32,
    frame_stride=16,
    frame_filters=4,
    stages=(StageConfig(width=4, stride=2),),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint `c` and its bundles `onnx` and, for the evaluator, `coreml`."""
    missing = [target for target in ("onnx", "coreml") if missing_packages(target, "convert")]
    if missing:
        pytest.skip(f"extras that are not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("bench")
    torch.manual_seed(0)
    encoder = settle(Encoder(SMALL), [torch.randn(16, 3, DEFAULT.samples)])
    save(folder / "c", Card(kind="student", objective="distill", encoder=SMALL, contract=DEFAULT), encoder)
    from_cohort(CohortConfig(participants=4, windows_per_participant=4), folder / "s", shares=(2, 1, 1))
    source = read_source(folder / "c", folder / "s", 0)
    export_bundle(source, RECIPES["onnx-fp32"], folder / "onnx")
    untrained = RECIPES["coreml-fp16"].model_copy(update={"min_snr_db": 20.0, "name": "coreml-fp16-untrained"})
    export_bundle(source, untrained, folder / "coreml")
    return folder


@pytest.mark.integration
def test_prints_two_tables_and_keeps_the_result(edgeacc, folder, tmp_path):
    out = tmp_path / "result.json"
    ran = edgeacc("bench", folder / "onnx", folder / "coreml", "--checkpoint", folder / "c", "--quick", "-o", out)
    result = read_model(out, BenchResult)

    assert ran.code == 0
    onnx, coreml, eager = result.rows
    assert (onnx.state, coreml.state, eager.state) == ("timed", "needs an Apple device", "timed")
    assert coreml.warm is None
    assert coreml.cold is None
    assert coreml.snr_db > 20
    for column in ("size_bytes", "p50_ms", "p99_ms", "vs_eager", "above_baseline_bytes", "needs an Apple"):
        assert column in ran.out


@pytest.mark.integration
def test_refuses_a_tampered_bundle_after_printing_what_it_can(edgeacc, folder, tmp_path):
    ran = edgeacc("bench", tmp_path / "nowhere", "--quick", "--json")
    assert ran.code == 2
    assert json.loads(ran.out)["rows"][0]["state"] == "rejected"
    assert "nowhere" in ran.err


def test_refuses_an_output_that_exists_before_any_work(edgeacc, tmp_path):
    out = tmp_path / "result.json"
    out.write_text("{}")
    ran = edgeacc("bench", tmp_path / "bundle", "-o", out)
    assert (ran.code, out.read_text()) == (2, "{}")
    assert "exists already" in ran.err
