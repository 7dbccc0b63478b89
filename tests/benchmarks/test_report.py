"""A report of what is there: rows from several results, what is missing told, bad input refused."""

import csv
import io
import json
import re

import pytest

from edgeacc.benchmarks.report.markdown import as_markdown
from edgeacc.benchmarks.report.page import render
from edgeacc.benchmarks.report.report_page import not_measured, report_page
from edgeacc.benchmarks.report.results import gather
from edgeacc.benchmarks.report.summary import summary
from edgeacc.benchmarks.report.targets import as_csv, targets_in_short
from edgeacc.benchmarks.results import (
    QUICK,
    Arena,
    BenchResult,
    ColdStart,
    LayerTime,
    Machine,
    Parts,
    Reference,
    Row,
    Warm,
)
from edgeacc.errors import BadInput
from edgeacc.export.verify import VerifyReport
from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.counts import EngineRun, InstructionCounts, LayerRun, to_json
from edgeacc.firmware_sim.simulate import Row as DeviceRow
from edgeacc.firmware_sim.simulate import Simulation
from edgeacc.firmware_sim.wear_day import Side, WearDay


def bench(**changes):
    machine = Machine(
        cpu="A CPU", cores=2, governor=None, memory_bytes=2**34, system="Linux", python="3.11", versions={},
        commit="0123456789abcdef", load_average=0.1, other_work=0.0,
    )  # fmt: skip
    warm = Warm(
        p50_ms=0.5, p90_ms=0.6, p99_ms=0.9, calls=80, round_p50_ms=(0.5,) * 8, cpu_ms=0.4, cpu_per_wall=0.9
    )  # fmt: skip
    cold = ColdStart(load_ms=3, first_ms=1, baseline_rss_bytes=2**20, peak_rss_bytes=3 * 2**20)
    rows = (
        Row(
            name="tflite-w8a8", kind="artifact", target="tflite", path="b", state="timed", level="executed",
            size_bytes=2048, snr_db=24.0, cold=cold, warm=warm, vs_eager=8.0,
            arena=Arena(size_bytes=1536, source="TFLM's allocator"),
            weights={"int8": 1024, "int32": 256},
        ),
        Row(name="onnx-fp32", kind="artifact", target="onnx", path="b", state="rejected", reason="3.0 dB, too little"),
        Row(name="pytorch-eager", kind="peer", target=None, path="b", state="timed", cold=cold, warm=warm,
            arena=Arena(size_bytes=None, source="eager has no memory plan"),
        ),
    )  # fmt: skip
    return BenchResult(date_utc="2026-01-01", settings=QUICK, machine=machine, rows=rows).model_copy(update=changes)


def verified(recipe="tflite-w8a8", failures=()):
    return VerifyReport(
        bundle="b", target=recipe.split("-")[0], recipe=recipe, level="executed", model_bytes=2048, windows=64,
        snr_db=25.0, min_snr_db=15, worst_cosine=1.0, hr_mae_bpm=3.0, task_cost_bpm=0.01, heads=(),
        prepared_difference=0.0, failures=list(failures),
    )  # fmt: skip


def simulation():
    band = Band(1.0, 2.0, 4.0)
    side = Side(
        sensor="s", wake_ups=band, energy_mj={}, total_mj=band, mean_power_uw=band, battery_days=band, unknown=[]
    )
    day = WearDay(
        trace="cohort", hours=24, battery="b", activity_min={}, mean_movement_mg=None, windows=1440, windows_run=700,
        windows_gated=740, windows_late=None, accelerometer=side, ppg=side, power_uw=[10.0, 20.0] * 720,
    )  # fmt: skip
    rows = [
        DeviceRow(
            device=name, title=name, core="cortex-m4", engine="qemu 7", flash_bytes=2048, flash_of_bytes=None,
            ram_bytes=2048, ram_of_bytes=None, instructions=1, cycles=band, cycles_per_mac=band, latency_ms=latency_ms,
            energy_uj=band, battery_days=band, day=day, unknown=[] if latency_ms else ["latency: no core"],
        )
        for name, latency_ms in (("watch", band), ("other", None))
    ]  # fmt: skip
    return Simulation(model="tflite-w8a8", macs=1, contract_digest=None, trace=None, measured=None, rows=rows)


def reference():
    return Reference(
        date_utc="2026-01-01", commit=None, device="A GPU", driver="1", clock_mhz=None, torch="2", checkpoint="s",
        weights_sha256="0", precision="bf16", snr_db=40.0, p50_ms=0.05, p99_ms=0.06, best_batch=1024, windows_per_s=1e6,
    )  # fmt: skip


@pytest.fixture
def put(tmp_path):
    """Writes a result: put("bench.json", bench()) -> its path."""

    def write(name, result):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(result if isinstance(result, str) else json.dumps(result) if isinstance(result, dict) else "")
        if hasattr(result, "model_dump_json"):
            path.write_text(result.model_dump_json())
        return path

    return write


@pytest.fixture
def whole(put):
    """A folder with everything."""
    put("bench.json", bench())
    put("verify.json", {"bundles": [verified().model_dump()], "refused": []})
    put("reference.json", reference())
    layers = (LayerRun(0, "CONV_2D", "a", 10, InstructionCounts(alu=30)),)
    put("run-m4.json", to_json(EngineRun("m4", "qemu", "7", (), layers, InstructionCounts(alu=30))))
    return put("manifest.json", simulation()).parent


def test_a_row_holds_what_every_result_tells_of_an_artifact(whole):
    good, bad = gather([whole]).targets
    assert (good.recipe, good.snr_db, good.p50_ms, good.memory_bytes) == ("tflite-w8a8", 25.0, 0.5, 2 * 2**20)
    assert (good.device, good.energy_uj, good.vs_reference) == ("watch", Band(1, 2, 4), 10.0)
    assert bad.rejected == "3.0 dB, too little"
    assert bad.p50_ms is None


def test_the_page_shows_all_of_it_with_unit_and_provenance(whole):
    html = render(report_page(gather([whole])))
    assert html.count("<svg") == 3  # latency, power, layers
    for said in (
        'title="p50 (ms): edgeacc bench, 2026-01-01, A CPU (2 cores, governor unknown, load 0.10), commit 0123456789ab',
        'title="times GPU: of 0.05 ms on A GPU, bf16, batch 1, 2026-01-01"',
        'title="planned arena (KiB): TFLM&#39;s allocator">1.5<',
        'title="planned arena (KiB): eager has no memory plan">not told<',
        'title="planned arena (KiB): no `edgeacc bench` result tells it">–<',
        "golden windows",
        "onnx-fp32 is rejected, and not timed: 3.0 dB, too little",
        "typical of 2 (1–4) ms, 2 (1–4) uJ, 2 (1–4) days",
        "latency: no core",
        "0 CONV_2D: 30 instructions, 100.0%",
        "8.0 times as fast as PyTorch eager",
        "tflite-w8a8 on watch, simulated, typical: 2 ms, 2 uJ a window, 2 days of battery.",
    ):
        assert said in html


def untold(html):
    """What shows a number without telling where it comes from: cells, figures and their marks, the summary."""
    shown = re.findall(r"<td>[-+<]?\d[^<]*</td>|<figure>|<p class=\"lead\">", html)
    shown += re.findall(r"<li>[^<]*\d", html[: html.index("<section>")])
    return shown + [title for title in re.findall(r"<title>([^<]*)</title>", html)[1:] if "; " not in title]


def test_every_number_tells_where_it_comes_from(whole):
    html = render(report_page(gather([whole])))
    assert untold(html) == []
    assert re.search(r'<li title="edgeacc bench, 2026-01-01[^"]*">Fastest on one thread', html)
    assert "tflite-w8a8: median 0.500 ms, 99th percentile 0.900 ms; edgeacc bench, 2026-01-01, A CPU" in html


@pytest.mark.parametrize(
    ("name", "result", "told"),
    [
        ("bench.json", bench(), "Energy and battery: no result"),
        ("verify.json", {"bundles": [verified().model_dump()], "refused": []}, "Latency and memory: no result"),
        ("manifest.json", simulation(), "What the embedding tells of the heart: no result"),
        ("bench.json", bench(), "The GPU: no result"),
    ],
)
def test_what_was_not_measured_is_told_with_its_reason(put, name, result, told):
    report = gather([put(name, result)])
    assert any(line.startswith(told) for line in not_measured(report))
    assert told in render(report_page(report))


def test_layers_of_a_hundredth_and_more_are_drawn_and_the_others_together(put):
    layers = [LayerTime(name=name, operator="Conv", ms=ms) for name, ms in (("a", 0.5), ("b", 0.4951))]
    layers += [LayerTime(name="small", operator="Add", ms=0.0049 / 2)] * 2
    row = bench().rows[0].model_copy(update={"name": "onnx-fp32", "target": "onnx", "layers": tuple(layers)})
    html = render(report_page(gather([put("bench.json", bench(rows=(row,)))])))
    for said in ("a Conv: 0.5000 ms, 50.0%", "2 others, each under 1%: 0.0049 ms, 0.5%", "1.00 ms together"):
        assert said in html
    assert "Time of each layer here" not in html
    assert "of the runtimes only that of onnx tells" in render(report_page(gather([put("bench.json", bench())])))


def test_preparation_inference_and_probe_are_told_apart_all_by_the_clock(put):
    right = bench().rows[0].model_copy(update={"snr_db": 40.0})
    result = bench(rows=(right,), parts=Parts(prepare_ms=0.6, probe_ms=0.005))
    told = as_markdown(gather([put("bench.json", result)]))
    for row in ("by Python | 0.600 | 1.200 |", "takes the least | 0.500 | 1.000 |", "by Python | 0.005 | 0.010 |"):
        assert row in told


def test_artifacts_on_several_threads_are_no_targets_of_their_own(put):
    twice = bench().rows[0].model_copy(update={"name": "tflite-w8a8, all threads", "threads": 2})
    report = gather([put("bench.json", bench(rows=(*bench().rows, twice)))])
    assert [row.recipe for row in report.targets] == ["tflite-w8a8", "onnx-fp32"]
    assert "tflite-w8a8, all threads" in as_markdown(report)


def test_one_artifact_is_one(put):
    assert summary(gather([put("bench.json", bench())]))[0].startswith("1 artifact for 1 target, each checked")


def test_a_commit_with_changes_says_so(put):
    changed = bench().machine.model_copy(update={"commit": "0123456789abcdef+changes"})
    assert "commit 0123456789ab+changes, " in as_markdown(gather([put("bench.json", bench(machine=changed))]))


def test_without_a_gpu_its_column_says_so(put):
    html = render(report_page(gather([put("bench.json", bench())])))
    assert "times GPU (none recorded)" in html


def test_of_a_recipe_below_its_floor_nothing_is_claimed(put):
    failed = {"bundles": [verified(failures=["5.0 dB, below the recipe's floor of 15 dB"]).model_dump()], "refused": []}
    report = gather([put("verify.json", failed), put("bench.json", bench())])
    assert report.targets[0].p50_ms is None
    assert not any("Fastest" in said for said in summary(report))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not valid JSON"),
        ("[1]", "no result that a report shows"),
        ('{"kind": "limit"}', "no result that a report shows"),
        ('{"machine": {}, "settings": {}}', "mistakes"),
    ],
)
def test_a_corrupt_or_strange_file_is_one_clear_error(put, content, said):
    with pytest.raises(BadInput, match=said) as refusal:
        gather([put("bench.json", content)])
    assert "bench.json" in refusal.value.problem


def test_paths_that_hold_nothing_are_refused(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        gather([tmp_path / "nowhere"])
    with pytest.raises(BadInput, match="holds no result"):
        gather([tmp_path])


def test_two_runs_of_bench_are_for_compare(put):
    with pytest.raises(BadInput, match="results of one kind") as refusal:
        gather([put("a/bench.json", bench()), put("b/bench.json", bench())])
    assert "compare" in refusal.value.next_command


def test_csv_has_a_line_per_artifact_and_three_columns_per_band(whole):
    rows = list(csv.DictReader(io.StringIO(as_csv(gather([whole]).targets))))
    assert [row["recipe"] for row in rows] == ["tflite-w8a8", "onnx-fp32"]
    assert (rows[0]["energy_uj_low"], rows[0]["energy_uj_typical"], rows[0]["energy_uj_high"]) == ("1.0", "2.0", "4.0")
    assert rows[1]["p50_ms"] == ""
    assert [row["arena_bytes"] for row in rows] == ["1536", ""]


def test_markdown_holds_the_sentences_every_target_and_every_contender(put):
    plain = bench().rows[2].model_copy(update={"name": "plain-tflite", "snr_db": 99.0})
    good = bench().rows[0].model_copy(update={"snr_db": 40.0})
    faster = plain.model_copy(update={"warm": plain.warm.model_copy(update={"cpu_ms": 0.5})})
    put("bench.json", bench(rows=(good, faster, bench().rows[2])))
    folder = put("verify.json", {"bundles": [verified().model_dump()], "refused": []}).parent
    told = as_markdown(gather([folder]))
    assert "- tflite-w8a8 takes 0.80 of the processor time of plain-tflite, the best of the usual ways.\n" in told
    assert "\n| tflite-w8a8 | tflite | 2 | 25.0 | 15 | " in told
    assert "\n| plain-tflite | timed | 99.0 | 3.0 |" in told
    assert "\n| tflite-w8a8 | 2 | 1.0 int8, 0.2 int32 | 1.5 | 1.0 | 3.0 | 2.0 |\n" in told
    assert "simulated" not in told


def test_a_terminal_gets_the_columns_in_which_something_is_known(put):
    verify_only = gather([put("verify.json", {"bundles": [verified().model_dump()], "refused": []})])
    assert "p50 (ms)" not in targets_in_short(verify_only).columns
    assert "SNR (dB)" in targets_in_short(verify_only).columns


@pytest.mark.integration
def test_a_bundle_tells_what_was_checked_when_it_was_made_and_a_changed_one_is_rejected(onnx_bundle, tampered_bundle):
    good, bad = gather([onnx_bundle, tampered_bundle]).targets
    assert good.snr_db > 60
    assert good.checked_by.startswith("edgeacc export")
    assert "card.md" in bad.rejected
