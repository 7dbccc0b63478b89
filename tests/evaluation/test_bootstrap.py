"""Participant bootstrap: coverage, pairing, and what happens with too few people."""

import pytest
import torch

from edgeacc.evaluation.bootstrap import improvement, mean_interval


def clustered(seed, people=40, per=12):
    """Values with a strong participant effect around 5."""
    generator = torch.Generator().manual_seed(seed)
    participant = torch.arange(people).repeat_interleave(per)
    value = 5 + torch.randn(people, generator=generator)[participant]
    return value + 0.3 * torch.randn(len(participant), generator=generator), participant


def test_intervals_cover_the_true_mean_about_as_often_as_they_say():
    covered = 0
    for seed in range(120):
        value, participant = clustered(seed)
        interval = mean_interval(value, participant, seed, resamples=400)
        covered += interval.low <= 5 <= interval.high
    assert 0.88 <= covered / 120 <= 1.0


def test_the_interval_is_over_people_not_windows():
    value, participant = clustered(3)
    interval = mean_interval(value, participant, 0)
    by_window = 2 * 1.96 * float(value.std()) / len(value) ** 0.5
    assert interval.high - interval.low > 2 * by_window
    assert interval.value == pytest.approx(float(value.mean()), rel=1e-6)


def test_resamples_of_unequal_participants_weigh_windows():
    value = torch.tensor([0.0, 0.0, 0.0, 1.0])
    participant = torch.tensor([7, 7, 7, 9])
    interval = mean_interval(value, participant, 0)
    assert interval.value == 0.25
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_nan_windows_are_left_out():
    value = torch.tensor([1.0, float("nan"), 3.0])
    assert mean_interval(value, torch.tensor([0, 0, 1]), 0).value == 2.0


def test_one_participant_has_no_interval():
    interval = mean_interval(torch.tensor([1.0, 2.0]), torch.tensor([4, 4]), 0)
    assert (interval.value, interval.low, interval.high) == (1.5, None, None)


def test_both_normalisations_of_an_improvement():
    base, method = torch.tensor([6.0, 6.0, 6.0, 6.0]), torch.tensor([4.0, 4.0, 4.0, 4.0])
    gain = improvement(base, method, torch.tensor([0, 0, 1, 1]), 0)
    assert gain.difference.value == pytest.approx(2)
    assert gain.over_method.value == pytest.approx(0.5)
    assert gain.over_base.value == pytest.approx(1 / 3)


def test_pairing_removes_what_both_methods_share():
    shared, participant = clustered(1)
    base, method = shared + 0.5, shared
    paired = improvement(base, method, participant, 0)
    assert paired.difference.high - paired.difference.low < 1e-6
    alone = mean_interval(base, participant, 0)
    assert alone.high - alone.low > 0.3


def test_the_seed_decides():
    value, participant = clustered(2)
    assert mean_interval(value, participant, 1) == mean_interval(value, participant, 1)
    assert mean_interval(value, participant, 1) != mean_interval(value, participant, 2)
