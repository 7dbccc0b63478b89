"""The report of a demo and its page, from small results."""

import re

import pytest
import torch

from edgeacc.benchmarks.report.page import render
from edgeacc.benchmarks.report.report import Demo, RealReport, Report, StepRow, nature, target_rows, verified_row
from edgeacc.benchmarks.report.report_page import report_page
from edgeacc.benchmarks.report.summary import retrieval_row, signed, summary
from edgeacc.benchmarks.results import FULL, BenchResult, Machine, Row, Warm
from edgeacc.evaluation.bootstrap import Improvement, Interval
from edgeacc.evaluation.result import (
    EvaluationResult,
    ImprovementRow,
    LimitResult,
    ProbeRow,
    RetrievalRow,
    StoreFacts,
)
from edgeacc.export.verify import VerifyReport
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.window_set import WindowSet

pytestmark = pytest.mark.integration


def facts(source="cohort", name="calibrated", window_s=60.0):
    return StoreFacts(source=source, name=name, content_digest="0", window_s=window_s, windows=2000, participants=40)


def interval(value):
    return Interval(value=value, low=value * 0.9, high=value * 1.1)


def found(method, candidates, top1, group="headline", variant="", direction="acc->ppg", pool=1000):
    return RetrievalRow(
        group=group, method=method, variant=variant, direction=direction, pool=pool, candidates=candidates,
        queries=300, top1=interval(top1), top5=1.0, mean_rank=1.0, chance_top1=1 / candidates,
    )  # fmt: skip


def error(method, mae, probe="ridge", fraction=1.0, target="hr_bpm"):
    return ProbeRow(
        method=method, probe=probe, fraction=fraction, target=target, mae=interval(mae), pearson_r=None,
        windows=10, fitted_windows=10, fitted_participants=3,
    )  # fmt: skip


RETRIEVAL = [
    found("student", 100, 0.99, pool=100),
    found("student", 1000, 0.95),
    found("student", 1000, 0.11, direction="ppg->acc"),
    found("student", 2000, 0.90, pool=None),
    found("student", 1000, 0.02, "control", "independent beats"),
    found("limit (template)", 1000, 0.993),
]


def evaluation(source="cohort", name="calibrated", probes=True):
    gain = Improvement(difference=interval(1.0), over_method=interval(0.5), over_base=interval(0.31))
    rows = [error("student", 3.0), error("student", 2.5, "mlp"), error("acc-mae", 9.0), error("acc-mae", 5.25, "mlp")]
    rows += [error("student", 7.0, fraction=0.01), error("global mean", 9.5, "none")]
    return EvaluationResult(
        store=facts(source, name), student="conv-s", teacher="pyramid-s", baselines={"acc-mae": "conv-s"},
        fitted_on="device", scored_on={"hr_bpm": "truth"}, retrieval=RETRIEVAL, probes=rows if probes else [],
        improvements=[ImprovementRow(base="acc-mae", probe="mlp", fraction=1.0, target="hr_bpm", improvement=gain)],
        notes=["a note"], seed=0, seconds=1.0,
    )  # fmt: skip


def verified(recipe, level, snr_db, floor_db, cost_bpm):
    return VerifyReport(
        bundle="b", target=recipe.split("-")[0], recipe=recipe, level=level, model_bytes=2048, windows=64,
        snr_db=snr_db, min_snr_db=floor_db, worst_cosine=1.0, hr_mae_bpm=3.0, task_cost_bpm=cost_bpm,
        prepared_difference=0.0, heads=(), failures=[],
    )  # fmt: skip


VERIFIED = [
    verified_row(verified("tflite-w8a8", "executed", 24.0, 15.0, 0.0214), "verify.json"),
    verified_row(verified("coreml-fp16", "evaluated", 54.0, 50.0, 0), "verify.json"),
]


@pytest.fixture
def bench():
    machine = Machine.model_construct(cpu="A CPU", cores=2, governor=None, load_average=0.1, commit=None)
    warm = Warm.model_construct(p50_ms=0.75, p90_ms=0.8, p99_ms=1.5, cpu_ms=0.7)
    rows = (
        Row(name="tflite-w8a8", kind="artifact", target="tflite", path="b", state="timed", warm=warm),
        Row(name="coreml-fp16", kind="artifact", target="coreml", path="b", state="needs an Apple device"),
        Row(name="pytorch-eager", kind="peer", target=None, path="b", state="timed", warm=warm),
    )
    return BenchResult.model_construct(
        date_utc="2026-01-01", settings=FULL, machine=machine, rows=rows, warnings=("the machine was busy",)
    )


@pytest.fixture
def report(bench):
    limits = [
        LimitResult(
            store=facts("recordings", "empatica-e4", window_s), within_participant=True, rows=RETRIEVAL[-1:],
            delay_s=delay_s, notes=["of the limit"], seed=0, seconds=1.0,
        )
        for window_s, delay_s in ((15.0, (-0.25, 1.25, 1.75)), (30.0, (0.75, 1.375, 1.75)))
    ]  # fmt: skip
    real = RealReport(
        name="wrist",
        acc_step_mg=15.625,
        limits=limits,
        evaluation=evaluation("recordings", "empatica-e4"),
    )
    demo = Demo(
        size="full", missing={"coreai-fp32": "not installed: coreai-core"}, wall_s=540.0, peak_memory_bytes=2**31,
        steps=[StepRow(name="student", command="edgeacc train student", seconds=100.0)],
    )  # fmt: skip
    return Report.model_construct(
        targets=target_rows(VERIFIED, bench), evaluation=evaluation(), bench=bench, real=[real], demo=demo
    )


@pytest.fixture
def example():
    generator = torch.Generator().manual_seed(0)
    return WindowSet(
        acc_BCT=torch.randn(1, 3, DEFAULT.samples, generator=generator).half(),
        ppg_BCT=torch.randn(1, 4, DEFAULT.samples, generator=generator).half(),
        beats_BK=torch.arange(0.5, 60, 1.0)[None],
        participant_B=torch.zeros(1, dtype=torch.int64),
        window_id_B=torch.zeros(1, dtype=torch.int64),
        labels={},
        contract=DEFAULT,
    )


def test_the_headline_is_the_largest_pool_up_to_the_one_asked_for_and_the_accelerometer_asks():
    assert retrieval_row(RETRIEVAL, "student", pool=1000).top1.value == 0.95
    assert retrieval_row(RETRIEVAL, "student").top1.value == 0.90
    assert retrieval_row(RETRIEVAL, "student", pool=50) is None
    assert retrieval_row(RETRIEVAL, "limit", pool=1000).top1.value == 0.993


def test_the_summary_tells_retrieval_with_its_control_and_limit_and_the_better_probe(report):
    retrieval, heart_rate, targets, speed = summary(report)
    assert "preset calibrated" in retrieval
    for told in ("first of 1,000", "95.0 % (85.5-104.5)", "2.0 %", "99.3 %", "0.1 %"):
        assert told in retrieval
    assert "(mlp probe, all labels): student 2.50, acc-mae 5.25, global mean 9.50" in heart_rate
    assert "closest: coreml-fp16, 54.0 dB against 50" in targets
    assert "none of them adds more than 0.022 bpm to the error in heart rate (most: tflite-w8a8)" in targets
    assert "one thread of A CPU: tflite-w8a8, 0.75 ms for one window (median, 24.0 dB)" in speed


def test_where_nothing_costs_accuracy_that_is_said(report):
    rows = [
        row.model_copy(update={"task_cost_bpm": cost}) for row, cost in zip(report.targets, (-0.01, 0), strict=True)
    ]
    assert "none of them costs accuracy" in summary(report.model_copy(update={"targets": rows}))[2]
    rows[0] = rows[0].model_copy(update={"task_cost_bpm": 0.0001})
    assert "more than 0.001 bpm" in summary(report.model_copy(update={"targets": rows}))[2]


def test_only_what_was_timed_has_a_latency(bench):
    rows = {row.recipe: row for row in target_rows(VERIFIED, bench)}
    assert rows["tflite-w8a8"].p50_ms == 0.75
    assert rows["coreml-fp16"].p50_ms is None


def test_recordings_are_told_by_what_was_measured_of_them(report):
    (coarse_and_apart,) = report.real
    assert nature(coarse_and_apart) == (
        "Coarse accelerometer (15.6-mg steps; a heartbeat is about 5 mg); streams 0.75 to 1.75 s apart, see 'delay "
        "searched'."
    )
    aligned = [limit.model_copy(update={"delay_s": (0.0, 0.125, 0.25)}) for limit in coarse_and_apart.limits]
    fine = coarse_and_apart.model_copy(update={"acc_step_mg": 1.0, "limits": aligned})
    assert nature(fine) == "Accelerometer (1-mg steps; a heartbeat is about 5 mg)."
    assert nature(fine.model_copy(update={"acc_step_mg": None, "limits": []})) == ""


def test_the_page_tells_all_of_it(report, example):
    html = render(report_page(report, example))
    for told in (
        "Simulated cohort, preset calibrated",
        "9.0 min, at most 2.0 GiB",
        "tflite-w8a8",
        "31 % (28-34)",
        "Coarse accelerometer (15.6-mg steps",
        "The machine was busy.",
        "coreml-fp16: not executed by Apple",
        "coreai-fp32: not installed",
        "edgeacc train student",
        "15 s",
        "of the limit",
        "Real recordings: wrist, heart rate",
        "100% (3 people)",
    ):
        assert told in html
    assert "other code" not in html
    assert html.count("<svg") == 6


def test_every_number_of_a_demo_tells_where_it_comes_from(report, example):
    html = render(report_page(report, example))
    assert re.findall(r"<td>[-+<]?\d[^<]*</td>", html) == []
    assert [title for title in re.findall(r"<title>([^<]*)</title>", html)[1:] if "edgeacc " not in title] == []
    for said in (
        "student, mlp, 100% of labels: 2.50 (2.25–2.75) bpm; edgeacc evaluate on calibrated (cohort, digest 0), seed 0",
        "student: 99 % of 100, 95 % of 1,000, 90 % of 2,000 candidates; edgeacc evaluate",
        '<p class="lead" title="edgeacc evaluate on calibrated',
        '<td title="time (s): edgeacc train student">100</td>',
    ):
        assert said in html


def test_the_page_tells_which_steps_other_code_made(report, example):
    demo = report.demo.model_copy(update={"of_other_code": ["teacher", "student"]})
    html = render(report_page(report.model_copy(update={"demo": demo}), example))
    assert "Made by other code than this one" in html
    assert "teacher, student." in html


def test_recordings_without_probes_and_without_training_have_no_probe_figures(report, example):
    alone = report.real[0].model_copy(update={"evaluation": evaluation("recordings", "polar-sense", probes=False)})
    html = render(report_page(report.model_copy(update={"real": [alone]}), example))
    assert html.count("<svg") == 5


@pytest.mark.parametrize(("cost", "said"), [(0.0, "0.000"), (-0.0004, "0.000"), (0.0214, "+0.021"), (-1.0, "-1.000")])
def test_a_cost_has_its_sign_where_it_has_a_size(cost, said):
    assert signed(cost) == said
