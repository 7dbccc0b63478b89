"""Health targets from embeddings that hold a trait, or hold nothing."""

from itertools import product
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.cohort.config import CohortConfig
from edgeacc.cohort.health import CLASSES, CONTROL, health
from edgeacc.evaluation.health import CONFOUNDERS, HealthStudy, areas

STORE = SimpleNamespace(
    path="windows",
    manifest=SimpleNamespace(provenance={"cohort": CohortConfig(participants=500, seed=4).model_dump()}),
)
FITTED_B, SCORED_B = torch.arange(300).repeat_interleave(2), torch.arange(300, 500).repeat_interleave(3)


def embedding_of(name, participant_B, noise=0.5, seed=0):
    """One column that holds the trait, three that do not."""
    generator = torch.Generator().manual_seed(seed + len(participant_B))
    has_B = health(4, participant_B)[name].float()
    return torch.cat([has_B[:, None], torch.zeros(len(has_B), 3)], 1) + noise * torch.randn(
        len(has_B), 4, generator=generator
    )


@pytest.fixture(scope="module")
def study():
    made = HealthStudy(STORE, FITTED_B, SCORED_B, seed=0)
    name = "low perfusion"
    made.add("good", embedding_of(name, FITTED_B), embedding_of(name, SCORED_B), beside=True)
    return made


def rows_of(study, method):
    return {row.target: row for row in study.rows if row.method == method}


def test_a_trait_that_the_embedding_holds_is_told_beyond_age_sex_and_bmi(study):
    row = rows_of(study, "good")["low perfusion"]
    assert row.auc.value > 0.9
    assert row.auc.low < row.auc.value < row.auc.high
    assert row.over_confounders.low > 0
    assert (row.participants, row.fitted_participants) == (200, 300)
    both = rows_of(study, f"good with {CONFOUNDERS}")["low perfusion"]
    assert both.over_confounders.low > 0


def test_what_it_does_not_hold_is_at_chance(study):
    found = rows_of(study, "good")
    for target in (CONTROL, "male", "tremor faster than 9.8 Hz"):
        assert found[target].auc.low < 0.5 < found[target].auc.high


def test_age_sex_and_bmi_tell_what_follows_from_them_and_not_the_coin(study):
    found = rows_of(study, CONFOUNDERS)
    assert found["age 60 y or more"].auc.value > 0.99
    assert found["pulse wave 10 m/s or faster (ESH/ESC 2013)"].auc.low > 0.8
    assert found[CONTROL].auc.low < 0.5 < found[CONTROL].auc.high
    assert all(row.over_confounders is None for row in found.values())


def test_every_method_has_every_trait(study):
    methods = (CONFOUNDERS, "good", f"good with {CONFOUNDERS}")
    assert {(row.method, row.target) for row in study.rows} == set(product(methods, (*CLASSES, CONTROL)))
    assert study.left_out == []


def test_traits_of_too_few_people_are_left_out_and_told():
    few = HealthStudy(STORE, torch.arange(6), torch.arange(6, 12), seed=0)
    few.add("good", torch.randn(6, 4), torch.randn(6, 4), beside=False)
    assert few.rows == []
    assert set(few.left_out) == {*CLASSES, CONTROL}


@pytest.mark.integration
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=12))
def test_the_area_is_the_share_of_pairs_in_order(people):
    score_P = torch.tensor([float(score) for score, _ in people])
    has_P = torch.tensor([has for _, has in people])
    pairs = [(a > b) + 0.5 * (a == b) for (a, x), (b, y) in product(people, people) if x and not y]
    (got,) = areas(score_P, has_P, torch.ones(1, len(people))).tolist()
    assert got == pytest.approx(sum(pairs) / len(pairs)) if pairs else got != got


def test_a_resample_counts_people_as_often_as_they_are_drawn():
    score_P, has_P = torch.tensor([0.1, 0.9, 0.4, 0.6]), torch.tensor([False, True, True, False])
    weight_RP = torch.tensor([[2.0, 1.0, 3.0, 1.0], [0.0, 2.0, 2.0, 0.0]])
    again = areas(
        score_P.repeat_interleave(torch.tensor([2, 1, 3, 1])),
        has_P.repeat_interleave(torch.tensor([2, 1, 3, 1])),
        torch.ones(1, 7),
    )
    got = areas(score_P, has_P, weight_RP)
    assert got[0] == pytest.approx(again.item())
    assert got[1].isnan()
