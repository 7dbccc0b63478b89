from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.windows.split import join_split, split_participants


def sizes(splits):
    count = Counter(splits.values())
    return count["train"], count["validation"], count["test"]


@given(st.sets(st.integers(0, 10_000), min_size=3, max_size=200), st.integers(0, 1000))
def test_everyone_is_on_one_side_and_no_side_is_empty(people, seed):
    splits = split_participants(people, seed=seed)
    assert set(splits) == people
    assert min(sizes(splits)) >= 1
    assert splits == split_participants(reversed(sorted(people)), seed=seed)
    assert sizes(splits)[2] == max(1, round(0.2 * len(people)))


def test_exact_counts_and_another_seed():
    assert sizes(split_participants(range(20), seed=0, shares=(12, 3, 5))) == (12, 3, 5)
    assert split_participants(range(20), seed=0) != split_participants(range(20), seed=1)


def test_a_share_of_zero_is_an_empty_side():
    assert sizes(split_participants(range(10), seed=0, shares=(0.8, 0, 0.2))) == (8, 0, 2)


@pytest.mark.parametrize("people", [[5], [5, 9]])
def test_too_few_to_hold_anyone_out_are_all_for_scoring(people):
    assert set(split_participants(people, seed=0).values()) == {"test"}


@pytest.mark.parametrize("shares", [(0.5, 0.1, 0.1), (12, 3, 6), (0.7, 0.3), (1.2, -0.4, 0.2)])
def test_shares_that_do_not_fit_are_refused(shares):
    with pytest.raises(BadInput, match="shares"):
        split_participants(range(20), seed=0, shares=shares)


batches_of_people = st.lists(st.sets(st.integers(0, 2**53 - 1), max_size=30), max_size=8)


@pytest.mark.integration
@given(batches_of_people, st.integers(0, 1000))
def test_adding_people_moves_nobody(batches, seed):
    sides = {}
    for batch in batches:
        before = dict(sides)
        sides = join_split(sides, batch, seed=seed)
        assert set(sides) == set(before) | batch
        assert before.items() <= sides.items()


@given(st.sets(st.integers(0, 10_000), min_size=3, max_size=200), st.integers(0, 1000))
def test_all_at_once_each_side_has_its_share_whatever_their_order(people, seed):
    sides = join_split({}, people, seed=seed)
    assert sizes(sides) == sizes(split_participants(people, seed=seed))
    assert sides == join_split({}, sorted(people, reverse=True), seed=seed)


@pytest.mark.integration
@given(st.lists(st.sets(st.integers(0, 10_000), min_size=1, max_size=20), min_size=4, max_size=20))
def test_the_shares_are_kept_as_people_come(batches):
    sides = {}
    for batch in batches:
        sides = join_split(sides, batch, seed=0)
    train, validation, test = sizes(sides)
    if len(sides) >= 10:
        assert min(train, validation) >= 1
        assert test == pytest.approx(0.2 * len(sides), abs=1.5)
        assert validation == pytest.approx(0.1 * len(sides), abs=1.5)


def test_the_first_two_are_for_scoring_and_stay():
    sides = {}
    for who in range(6):
        sides = join_split(sides, [who], seed=0)
    assert list(sides.values()) == ["test", "test", "train", "validation", "train", "train"]
