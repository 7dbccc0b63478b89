"""Whole evaluations with small networks on a small cohort and on small recordings."""

import math

import pytest
import torch

from edgeacc.errors import BadInput
from edgeacc.evaluation.bootstrap import Interval
from edgeacc.evaluation.evaluate import Subjects, evaluate
from edgeacc.evaluation.report import evaluation_tables
from edgeacc.evaluation.result import EvaluationResult, HealthRow
from edgeacc.models.alignment import Student
from edgeacc.models.card import Card
from edgeacc.models.checkpoint import LoadedEncoder, LoadedStudent
from edgeacc.models.config import AlignmentConfig
from edgeacc.models.encoder import settle
from edgeacc.models.sizes import build

pytestmark = pytest.mark.integration


def card(encoder, contract, kind="baseline", objective="acc-mae", alignment=None):
    return Card(kind=kind, objective=objective, encoder=encoder.config, contract=contract, alignment=alignment)


def untrained(windows, seed=0):
    """Networks with random weights, their statistics fitted to these windows."""
    torch.manual_seed(seed)
    acc, ppg = [windows.acc_BCT[:32].float()], [windows.ppg_BCT[:32].float()]
    encoder, teacher = settle(build("conv-xs", 3), acc), settle(build("pyramid-s", 4), ppg)
    other = settle(build("conv-xs", 3), acc)
    alignment = AlignmentConfig.between("time-resolved", encoder.config, teacher.config)
    student = Student(encoder, alignment)
    student.train()
    with torch.no_grad():
        student.align_acc(acc[0])
        student.align_ppg(teacher.tokens(ppg[0]))
    contract = windows.contract
    return Subjects(
        LoadedStudent(student.eval(), card(encoder, contract, "student", "distill", alignment)),
        LoadedEncoder(teacher, card(teacher, contract, "teacher", "masked-input")),
        {
            "acc-mae": LoadedEncoder(other, card(other, contract)),
            "real-teacher": LoadedEncoder(teacher, card(teacher, contract, "teacher", "masked-input")),
        },
    )


@pytest.fixture(scope="module")
def on_cohort(cohort_store):
    reports = []
    subjects = untrained(cohort_store.load("train"))
    result = evaluate(subjects, cohort_store, progress=lambda done, total, note="": reports.append((done, total)))
    return result, reports


def test_a_cohort_has_all_its_rows(on_cohort):
    result, _ = on_cohort
    kinds = {(row.group, row.method) for row in result.retrieval}
    assert {(group, "student") for group in ("headline", "control", "synchronisation", "snr", "posture")} <= kinds
    assert ("headline", "limit (template)") in kinds
    variants = {(row.method, row.variant) for row in result.retrieval}
    for variant in (
        *("shuffled pairs", "independent beats", "same participant only", "embeddings, by a linear map"),
        *("accelerometer delayed by 94 ms", "SNR lowered by 6 dB"),
    ):
        assert ("student", variant) in variants
    methods = {row.method for row in result.probes}
    assert methods == {
        *("student", "student, shuffled pairs", "acc-mae", "teacher (PPG)", "real-teacher (PPG)"),
        *("global mean", "participant's own mean", "accelerometer spectrum", "PPG beat detector"),
    }
    assert {row.base for row in result.improvements} == {"acc-mae"}
    assert result.scored_on == dict.fromkeys(("hr_bpm", "sdnn_ms", "rmssd_ms"), "truth")
    assert result.fitted_on == "device"


def test_an_untrained_student_knows_no_beats_and_the_limit_does(on_cohort):
    result, _ = on_cohort
    by = {(r.method, r.direction): r for r in result.retrieval if r.group == "headline" and r.pool is None}
    assert by["student", "acc->ppg"].top1.value < 0.2
    assert by["limit (template)", "acc->ppg"].top1.value > 0.9


def test_numbers_are_finite_and_survive_json(on_cohort):
    result, _ = on_cohort
    assert EvaluationResult.model_validate_json(result.model_dump_json()) == result
    for row in result.probes:
        assert math.isfinite(row.mae.value)
        assert row.mae.low <= row.mae.value <= row.mae.high


def test_progress_reaches_its_total(on_cohort):
    _, reports = on_cohort
    assert [done for done, _ in reports] == list(range(len(reports)))
    assert {total for _, total in reports} == {len(reports) - 1}


def table_of(result, title):
    (found,) = (table for table in evaluation_tables(result) if table.title.startswith(title))
    return found


def test_tables_show_every_row(on_cohort):
    result, _ = on_cohort
    parts = {row.variant for row in result.retrieval if row.group in ("snr", "posture", "age", "sex", "bmi")}
    shown = [row for row in result.retrieval if row.variant not in parts and row.group != "pool"]
    assert len(table_of(result, "Retrieval").rows) == len(shown)
    assert {row[0] for row in table_of(result, "By SNR").rows} == parts == {row.part for row in result.parts}
    assert len(table_of(result, "The student's improvement").rows) == len(result.improvements)
    tables = evaluation_tables(result)
    assert len(tables[-1].rows) == len(result.notes)
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)


def test_a_cohort_tells_what_is_missed_and_which_traits_have_too_few_people(on_cohort):
    result, _ = on_cohort
    assert result.misses.missed > 50
    assert {row.quantity for row in result.misses.rows} >= {"acc_snr_db", "hr_bpm", "age_y", "share supine"}
    assert len(table_of(result, f"{result.misses.missed} of 72 windows miss").rows) == len(result.misses.rows)
    assert result.health == []
    assert "Health: too few people" in result.notes[-1]


def test_traits_are_shown_with_what_the_student_adds(on_cohort):
    about = {"target": "tall", "share": 0.4, "participants": 60, "fitted_participants": 90}
    wide, narrow = Interval(value=0.5, low=0.4, high=0.6), Interval(value=0.1, low=-0.1, high=0.2)
    methods = ("age, sex, BMI", "student", "student with age, sex, BMI", "teacher (PPG)")
    rows = [HealthRow(method=name, auc=wide, over_confounders=narrow, **about) for name in methods]
    table = table_of(on_cohort[0].model_copy(update={"health": rows}), "Traits of people")
    assert table.columns == ("trait", "have it", "age, sex, BMI", "student", "it adds to them", "teacher (PPG)")
    assert table.rows == [("tall", "40%", "0.50 (0.40-0.60)", "0.50 (0.40-0.60)", "0.10 (-0.10 to 0.20)", "0.50")]


def test_a_share_of_labels_tells_how_many_people_that_are_and_a_missing_correlation_is_a_dash(on_cohort):
    result, _ = on_cohort
    probes, improvements = table_of(result, "Mean absolute error"), table_of(result, "The student's improvement")
    fewest, most = "0.1% (2 people)", f"100% ({max(row.fitted_participants for row in result.probes)} people)"
    for table in (probes, improvements):
        assert {fewest, most} <= {row[2] for row in table.rows}
    (constant,) = (row for row in probes.rows if row[0] == "global mean")
    assert all(cell.endswith(" –") for cell in constant[3:])


def test_the_seed_repeats_everything(cohort_store, on_cohort):
    first, _ = on_cohort
    again = evaluate(untrained(cohort_store.load("train")), cohort_store)
    assert again.model_copy(update={"seconds": first.seconds}) == first


def test_recordings_are_held_out_by_participant(paired, recordings):
    windows = paired(6, 4, window_s=60.0)
    result = evaluate(untrained(windows), recordings(windows))
    assert {row.method for row in result.retrieval} == {"student", "limit (plain)"}
    assert ("limit (plain)", "delay searched") in {(row.method, row.variant) for row in result.retrieval}
    assert all(row.direction == "acc->acc" or row.candidates == 4 for row in result.retrieval)
    assert set(result.scored_on.values()) == {"device"}
    shuffled = [row for row in result.probes if row.method == "teacher (PPG), shuffled pairs"]
    assert len(shuffled) == 3
    assert {row.fitted_participants for row in shuffled} == {6}
    assert {"global mean", "participant's own mean"} <= {row.method for row in result.probes}


def test_one_person_is_retrieved_but_not_probed(paired, recordings):
    windows = paired(1, 5, window_s=60.0)
    result = evaluate(untrained(windows), recordings(windows))
    assert result.probes == result.improvements == []
    assert "No probes here" in result.notes[-1]


def test_a_student_that_diverged_is_refused(cohort_store):
    subjects = untrained(cohort_store.load("train"))
    with torch.no_grad():
        subjects.student.student.acc_head.layers[0].weight.fill_(torch.nan)
    with pytest.raises(BadInput, match="NaN or infinity"):
        evaluate(subjects, cohort_store)
