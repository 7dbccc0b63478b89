"""A page and its pictures from cells whose figures are known."""

import pytest

from edgeacc.evaluation.bootstrap import Improvement, Interval
from edgeacc.evaluation.result import (
    EvaluationResult,
    HealthRow,
    ImprovementRow,
    Misses,
    MissRow,
    ProbeRow,
    RetrievalRow,
    StoreFacts,
)
from edgeacc.study.cell import Cell, Place
from edgeacc.study.plots import draw_all
from edgeacc.study.table import evaluations, page


def about(value):
    return Interval(value=value, low=value - 0.01, high=value + 0.01)


def retrieved(group, variant, pool, value):
    return RetrievalRow(
        group=group, method="student", variant=variant, direction="acc->ppg", pool=pool, candidates=pool or 640,
        queries=640, top1=about(value), top5=1.0, mean_rank=1.0, chance_top1=0.01,
    )  # fmt: skip


def probed(method, fraction, value):
    return ProbeRow(
        method=method, probe="ridge", fraction=fraction, target="hr_bpm", mae=about(value), pearson_r=0.5, windows=640,
        fitted_windows=900, fitted_participants=90,
    )  # fmt: skip


def evaluated(value):
    """Everything from one number: top-1, and 10 times it the errors."""
    gain = Improvement(difference=about(1), over_method=about(0.5), over_base=about(1 / 3))
    miss = MissRow(quantity="acc_snr_db", found=1, missed=0, difference=about(-1), over_sd=-value)
    trait = HealthRow(
        target="tall", method="student", auc=about(value), over_confounders=None, share=0.5, participants=40,
        fitted_participants=90,
    )  # fmt: skip
    return EvaluationResult(
        store=StoreFacts(source="cohort", name="quiet", content_digest="d", window_s=60, windows=640, participants=40),
        student="s", teacher="t", baselines={}, fitted_on="device", scored_on={"hr_bpm": "truth"},
        retrieval=[
            retrieved("headline", "", 100, value), retrieved("headline", "", None, value / 2),
            retrieved("pool", "", 200, value * 0.9), retrieved("sex", "female", 100, value),
            retrieved("control", "independent beats", 100, 0.02),
            retrieved("noise", "SNR lowered by 12 dB", 100, 0.1 * value),
            retrieved("noise", "SNR lowered by 6 dB", 100, 0.4 * value),
        ],
        probes=[probed("student", 0.001, 20 * value), probed("student", 1.0, 10 * value), probed("acc-mae", 1.0, 15)],
        improvements=[ImprovementRow(base="acc-mae", probe="ridge", fraction=1.0, target="hr_bpm", improvement=gain)],
        misses=Misses(candidates=640, queries=640, missed=64, rows=[miss], winners=[]), health=[trait],
        notes=[], seed=0, seconds=1,
    )  # fmt: skip


def cell(kind, seed, network="conv-s", **more):
    place = Place(kind=kind, data="quiet", seed=seed, teacher=more.pop("teacher", "masked"), network=network)
    return Cell(
        study="mine", place=place, command=[], code="0-abc", inputs={}, data_digest="d", wall_s=3, cpu_s=2, **more
    )


@pytest.fixture
def cells():
    """Two students of two seeds each; the second was trained with its teacher."""
    found = [cell("evaluation", seed, result=evaluated(value)) for seed, value in ((0, 0.8), (1, 0.9))]
    found += [cell("evaluation", seed, "both", teacher=None, result=evaluated(0.4)) for seed in (0, 1)]
    return [*found, cell("student", 0, parameters=1000, macs_per_window=2_000_000)]


def line(text, beginning):
    (found,) = (row for row in text.splitlines() if row.startswith(beginning))
    return found


def test_figures_are_means_over_seeds_with_their_spread(cells):
    text = page(cells, {})
    assert line(text, "| conv-s of masked | acc->ppg |").endswith("| 0.850 ± 0.071 | 0.765 ± 0.064 | 0.425 ± 0.035 |")
    assert "| 100 | 200 | 640 |" in text
    assert line(text, "| network | acc") == "| network | acc->ppg (640) | independent beats (100) |"
    assert "| network | 6 dB | 12 dB |\n| --- | --- | --- |\n| conv-s of masked | 0.340 ± 0.028 | 0.085" in text
    assert line(text, "| conv-s of masked | 0.4") == "| conv-s of masked | 0.425 ± 0.035 | 0.020 ± 0.000 |"
    assert line(text, "| female |") == "| female | 0.850 ± 0.071 | 0.400 ± 0.000 |"
    assert line(text, "| acc_snr_db |") == "| acc_snr_db | -0.85 ± 0.07 | -0.40 ± 0.00 |"
    assert line(text, "| tall |") == "| tall | 0.85 ± 0.07 | 0.40 ± 0.00 |"
    assert "| conv-s of masked | ridge | 17.00 ± 1.41 | 8.50 ± 0.71 |" in text
    assert "| method | probe | 0.1% (90) | 100% (90) |" in text


def test_improvements_are_told_both_ways(cells):
    rows = [row for row in page(cells, {}).splitlines() if row.startswith("| conv-s of masked | acc-mae | ridge |")]
    assert [row.split(" | ")[-1] for row in rows] == ["33 |", "50 |"]


def test_a_baseline_counts_once_for_each_seed(cells):
    assert "| acc-mae | ridge | 15.00 ± 0.00 |" in page(cells, {})


def test_a_retrieval_that_asks_both_ways_keeps_the_accelerometers(cells):
    """The PPG's own controls would stand in the same column."""
    other = retrieved("control", "independent beats", 100, 0.9).model_copy(update={"direction": "ppg->acc"})
    found = cells[0].result
    both = cells[0].model_copy(update={"result": found.model_copy(update={"retrieval": [*found.retrieval, other]})})
    assert line(page([both], {}), "| conv-s of masked | 0.4") == "| conv-s of masked | 0.400 | 0.020 |"


def test_students_come_by_size_and_ablations_last(cells):
    ablation = cells[0].place.model_copy(update={"network": "a-first-by-name", "ablation": True})
    small = cells[0].place.model_copy(update={"network": "also-first"})
    more = [cells[0].model_copy(update={"place": place}) for place in (ablation, small)]
    sized = cell("student", 0, network="also-first", parameters=10, macs_per_window=1)
    names = [found.place.network for found, _ in evaluations([*more, sized, *cells])]
    assert list(dict.fromkeys(names)) == ["conv-s", "also-first", "both", "a-first-by-name"]


def test_one_trained_with_its_teacher_is_called_so(cells):
    assert "| both, trained with its teacher |" in page(cells, {})


def test_cost_is_of_each_network_and_of_all(cells):
    text = page(cells, {})
    assert line(text, "| student | conv-s of masked |").endswith("| 1,000 | 2.0 | 3 | 2 |")
    assert line(text, "| all |").endswith("| 0 min | 0 min |")


@pytest.mark.integration
def test_pictures_are_drawn_and_told(cells, tmp_path):
    drawn = draw_all(cells, tmp_path, "mine", force=False)
    assert set(drawn) == {f"mine-{kind}.png" for kind in ("labels", "pools", "sizes")}
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in drawn)
    text = page(cells, drawn)
    assert all(f"![{caption}]({name})" in text for name, caption in drawn.items())
    assert set(draw_all(cells[-1:], tmp_path / "none", "none", force=False)) == set()
