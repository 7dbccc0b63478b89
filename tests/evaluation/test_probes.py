"""Probes against closed forms and against data whose answer is known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.evaluation.probes import (
    PROBES,
    folds,
    mlp,
    own_mean,
    participants_fraction,
    pearson_r,
    ridge,
)


def linear_data(windows=600, width=6, noise=0.1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(windows, width, generator=generator) * torch.arange(1, width + 1) + 3
    weight = torch.randn(width, 2, generator=generator)
    target = z @ weight + noise * torch.randn(windows, 2, generator=generator) + torch.tensor([60.0, -5.0])
    return z, target, torch.arange(windows) // 10


def test_ridge_equals_the_closed_form(monkeypatch):
    z, target, participant = linear_data(noise=2.0)
    penalty = 0.37
    monkeypatch.setattr("edgeacc.evaluation.probes._PENALTIES", torch.tensor([penalty], dtype=torch.float64))
    got = ridge(z[:400], target[:400], participant[:400], z[400:], 0)
    x = (z[:400].double() - z[:400].double().mean(0)) / z[:400].double().std(0)
    test = (z[400:].double() - z[:400].double().mean(0)) / z[:400].double().std(0)
    y = target[:400].double() - target[:400].double().mean(0)
    weight = torch.linalg.solve(x.T @ x + 400 * penalty * torch.eye(6, dtype=torch.float64), x.T @ y)
    assert torch.allclose(got.double(), test @ weight + target[:400].double().mean(0), atol=1e-4)


def test_ridge_takes_a_small_penalty_for_clean_data_and_a_large_one_for_noise():
    z, target, participant = linear_data(noise=0.01)
    clean = ridge(z[:400], target[:400], participant[:400], z[400:], 0)
    assert float((clean - target[400:]).abs().mean()) < 0.02
    noise = torch.randn(600, 2, generator=torch.Generator().manual_seed(1))
    unrelated = ridge(z[:60], noise[:60], participant[:60], z[400:], 0)
    assert float(unrelated.std(0).max()) < 0.3


@pytest.mark.integration
@pytest.mark.parametrize("name", list(PROBES))
def test_every_probe_learns_a_linear_target_and_repeats_itself(name):
    z, target, participant = linear_data()
    first = PROBES[name](z[:500], target[:500], participant[:500], z[500:], 3)
    again = PROBES[name](z[:500], target[:500], participant[:500], z[500:], 3)
    assert torch.equal(first, again)
    error = (first - target[500:]).abs().mean(0)
    assert bool((error < 0.25 * target.std(0)).all())


@pytest.mark.integration
def test_the_mlp_reads_what_a_line_cannot():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(3000, 4, generator=generator)
    target = (z[:, :1] * z[:, 1:2]) * 10
    participant = torch.arange(3000) // 10
    errors = {
        name: float((probe(z[:2500], target[:2500], participant[:2500], z[2500:], 0) - target[2500:]).abs().mean())
        for name, probe in PROBES.items()
    }
    assert errors["mlp"] < 0.6 * errors["ridge"]


def test_the_mlp_leaves_the_global_random_state_alone():
    z, target, participant = linear_data(windows=40)
    state = torch.get_rng_state()
    mlp(z, target, participant, z, 0)
    assert torch.equal(state, torch.get_rng_state())


def test_a_dead_feature_does_no_harm():
    z, target, participant = linear_data()
    dead = torch.cat([z, torch.full((len(z), 1), 7.0)], 1)
    expected = ridge(z[:500], target[:500], participant[:500], z[500:], 0)
    got = ridge(dead[:500], target[:500], participant[:500], dead[500:], 0)
    assert torch.allclose(got, expected, atol=1e-4)


@given(st.integers(2, 40), st.sampled_from([0.001, 0.01, 0.1, 0.5, 1.0]), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_a_label_fraction_takes_whole_participants_and_at_least_two(people, fraction, seed):
    participant = torch.arange(people * 3) % people
    rows = participants_fraction(participant, fraction, seed)
    chosen = participant[rows].unique()
    assert len(chosen) == max(2, round(fraction * people))
    assert len(rows) == 3 * len(chosen)
    assert torch.equal(rows, participants_fraction(participant, fraction, seed))


def test_one_participant_cannot_be_probed():
    with pytest.raises(BadInput, match="1 participant"):
        participants_fraction(torch.zeros(5), 1.0, 0)


@given(st.integers(1, 12), st.integers(1, 7))
@settings(max_examples=30, deadline=None)
def test_folds_hold_out_every_participant_once(people, count):
    participant = torch.arange(people * 2) % people
    held = torch.stack(list(folds(participant, count, 0)))
    assert torch.equal(held.sum(0), torch.ones(people * 2, dtype=torch.long))
    assert len(held) == min(count, people)
    for mask in held:
        assert not set(participant[mask].tolist()) & set(participant[~mask].tolist())


def test_own_mean_leaves_the_window_itself_out():
    truth = torch.tensor([60.0, 70.0, 80.0, 50.0, float("nan"), 52.0])
    got = own_mean(truth, torch.tensor([1, 1, 1, 2, 2, 3]))
    assert got[:3].tolist() == [75.0, 70.0, 65.0]
    assert bool(got[3].isnan())
    assert got[4] == 50.0
    assert bool(got[5].isnan())


def test_pearson_r():
    x = torch.tensor([1.0, 2.0, 3.0, float("nan")])
    assert pearson_r(x, torch.tensor([2.0, 4.0, 6.0, 1.0])) == pytest.approx(1)
    assert pearson_r(x, torch.tensor([6.0, 4.0, 2.0, 1.0])) == pytest.approx(-1)
    assert pearson_r(torch.full((4,), 70.0), x) is None


def test_two_points_have_no_correlation():
    known_twice = torch.tensor([1.0, 2.0, float("nan")])
    assert pearson_r(known_twice, torch.tensor([2.0, 3.0, 5.0])) is None
