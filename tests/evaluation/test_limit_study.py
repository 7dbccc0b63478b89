"""The limit of whole stores: recordings within each person, a cohort across all, with the controls."""

import re
from dataclasses import replace

import pytest
import torch

from edgeacc.errors import BadInput
from edgeacc.evaluation.limit import Plain
from edgeacc.evaluation.limit_across import Across, independent_beats, spread, template
from edgeacc.evaluation.limit_study import evaluate_limit
from edgeacc.evaluation.result import LimitResult


def top1(result, variant="", direction="acc->ppg", pool=None):
    found = [r for r in result.rows if (r.variant, r.direction, r.pool) == (variant, direction, pool)]
    assert len(found) == 1, [r.variant for r in result.rows]
    return found[0].top1.value


@pytest.mark.integration
def test_recordings_are_matched_within_each_person(paired, recordings):
    result = evaluate_limit(recordings(paired(seed=1)))
    assert result.within_participant
    assert (result.store.windows, result.store.participants) == (48, 6)
    assert top1(result) > 0.95
    assert top1(result, direction="ppg->acc") > 0.95
    assert all(row.chance_top1 == pytest.approx(1 / 8) for row in result.rows)
    assert top1(result, "shuffled pairs") < 0.05
    assert top1(result, "accelerometer delayed by 5 s") < 0.4
    assert top1(result, "beats jittered by 100 ms") < 0.5
    assert LimitResult.model_validate_json(result.model_dump_json()) == result


@pytest.mark.integration
def test_streams_that_are_not_aligned_are_told_and_matched(paired, recordings):
    result = evaluate_limit(recordings(paired(seed=1, late_s=1.5)))
    searched = "delay searched"
    assert top1(result) < 0.4
    assert top1(result, "accelerometer delayed by 1.5 s") > 0.9
    assert top1(result, searched) > 0.9
    assert top1(result, f"{searched}, beats jittered by 100 ms") < 0.5
    assert result.delay_s is not None
    told = re.match(r"In windows of 20 s .* best when delayed by ([0-9.-]+) s", result.notes[0])
    assert float(told[1]) == pytest.approx(1.5, abs=0.25)


@pytest.mark.integration
def test_unrelated_pairs_stay_at_chance_even_with_the_delay_searched(paired, recordings):
    windows = paired(seed=1)
    windows.beats_BK.copy_(paired(seed=2).beats_BK[:, : windows.beats_BK.shape[1]])
    result = evaluate_limit(recordings(windows))
    assert top1(result) < 0.25
    assert top1(result, "delay searched") < 0.3


@pytest.mark.integration
def test_shorter_windows_are_harder(paired, recordings):
    store = recordings(paired(4, 6, seed=1, snr=0.6))
    short = evaluate_limit(store, 5.0)
    assert (short.store.windows, short.store.window_s) == (24 * 4, 5.0)
    assert top1(short) < top1(evaluate_limit(store))


def test_windows_without_beats_and_lonely_windows_are_left_out_and_told(paired, recordings):
    windows = paired(3, 4, seed=1)
    windows.beats_BK[0] = torch.nan
    windows.beats_BK[5:8] = torch.nan
    result = evaluate_limit(recordings(windows))
    assert result.store.windows == 7
    assert "4 window(s) of 20 s left out: fewer than 0.5 beats" in result.notes[0]
    assert "1 window(s) of 20 s left out: the only one" in result.notes[1]


def test_nothing_to_tell_apart_is_refused(paired, recordings):
    with pytest.raises(BadInput, match="no two windows"):
        evaluate_limit(recordings(paired(3, 1)))


@pytest.mark.integration
def test_a_cohort_is_matched_across_all_people(cohort_store):
    result = evaluate_limit(cohort_store)
    assert not result.within_participant
    assert result.store.windows == 72
    assert {row.method for row in result.rows} == {"limit (template)"}
    assert top1(result) > 0.9
    assert top1(result, "independent beats") < 0.2
    assert top1(result, "shuffled pairs") < 0.1
    assert top1(result, "same participant only") > 0.9
    assert [row.variant for row in result.rows if row.group == "posture"] == ["supine", "seated", "arm held"]
    assert sum(row.queries for row in result.rows if row.group == "snr") == 72


@pytest.mark.integration
def test_a_cohort_in_shorter_windows(cohort_store):
    result = evaluate_limit(cohort_store, 15.0)
    assert result.store.windows == 72 * 4
    assert 0.1 < top1(result) <= 1
    assert "independent beats" not in {row.variant for row in result.rows}


def test_too_few_other_people_leave_the_plain_form(monkeypatch, cohort_store):
    monkeypatch.setattr("edgeacc.evaluation.limit_across.FEWEST_TEMPLATE_WINDOWS", 10_000)
    assert template(cohort_store, 60.0) is None
    few = cohort_store.load("test").take(torch.arange(12))
    limit = Across.of(cohort_store, few, 0)
    assert isinstance(limit.scorer, Plain)
    assert {row.method for row in limit.forward()} == {"limit (plain)"}


def test_independent_beats_change_the_accelerometer_only(cohort_store):
    windows = cohort_store.load("test").take(torch.arange(6))
    other = independent_beats(cohort_store, windows)
    assert not torch.allclose(other.acc_BCT.float(), windows.acc_BCT.float(), atol=0.5)
    assert torch.allclose(other.ppg_BCT.float(), windows.ppg_BCT.float(), atol=0.02)
    assert torch.equal(other.window_id_B, windows.window_id_B)


def test_independent_beats_refuse_a_store_of_another_cohort(cohort_store):
    windows = cohort_store.load("test").take(torch.arange(6))
    windows.acc_BCT.copy_(windows.acc_BCT.flip(2))
    with pytest.raises(BadInput, match="other windows than this version"):
        independent_beats(cohort_store, windows)


def test_a_manifest_that_tells_its_cohort_wrongly_is_one_clear_error(cohort_store):
    manifest = cohort_store.manifest.model_copy(update={"provenance": {"cohort": {"preset": "loud"}}})
    with pytest.raises(BadInput, match=r"its cohort: 1 mistake\n  - preset"):
        independent_beats(replace(cohort_store, manifest=manifest), cohort_store.load("test"))


def test_independent_beats_need_a_cohort(paired, recordings):
    windows = paired()
    with pytest.raises(BadInput, match="does not say how its cohort was made"):
        independent_beats(recordings(windows), windows)


def test_spread_is_even_and_bounded():
    assert spread(10, 5).tolist() == [0, 2, 4, 6, 8]
    assert spread(3, 5).tolist() == [0, 1, 2]
