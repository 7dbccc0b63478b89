"""Ranks and their exact expectations, against enumeration of every pool and every tie."""

from fractions import Fraction
from itertools import combinations, pairwise, permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.evaluation.retrieval import Ranks, blocks, centred_unit, rank_pairs, rank_scores, shuffled


def enumerated(scores, true, pool, k):
    """Top-k probability and mean rank over all pools that hold the true one and all orders of ties."""
    others = [s for i, s in enumerate(scores) if i != true]
    hits, ranks, cases = 0, 0, 0
    for drawn in combinations(others, pool - 1):
        ahead = sum(s > scores[true] for s in drawn)
        tied = sum(s == scores[true] for s in drawn)
        for place in range(tied + 1):
            weight = Fraction(1, tied + 1)
            hits += weight * (ahead + place < k)
            ranks += weight * (ahead + place + 1)
        cases += 1
    return float(hits / cases), float(ranks / cases)


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.integers(-3, 3), min_size=2, max_size=8),
    data=st.data(),
)
def test_expectations_equal_the_enumeration_of_all_pools(scores, data):
    true = data.draw(st.integers(0, len(scores) - 1))
    pool = data.draw(st.integers(1, len(scores)))
    k = data.draw(st.integers(1, 5))
    ranks = rank_scores(torch.tensor([scores], dtype=torch.float32), torch.tensor([true]))
    top, mean_rank = enumerated(scores, true, pool, k)
    assert float(ranks.top(k, pool)) == pytest.approx(top, abs=1e-9)
    assert float(ranks.mean_rank(pool)) == pytest.approx(mean_rank, abs=1e-9)


def test_ties_are_broken_by_chance_and_not_in_favour():
    constant = rank_scores(torch.ones(4, 10), torch.arange(4))
    assert constant.top(1).tolist() == pytest.approx([0.1] * 4)
    assert constant.mean_rank().tolist() == pytest.approx([5.5] * 4)


def test_all_orders_of_three_candidates():
    for order in permutations([1.0, 2.0, 3.0]):
        ranks = rank_scores(torch.tensor([order]), torch.tensor([0]))
        assert float(ranks.mean_rank()) == 4 - order[0]
        assert float(ranks.top(1)) == (order[0] == 3.0)


def test_differences_below_the_resolution_of_float32_are_ties():
    ranks = rank_scores(torch.tensor([[0.5, 0.5 + 1e-7, 0.2]]), torch.tensor([0]))
    assert ranks.better_Q.tolist() == [0]
    assert ranks.tied_Q.tolist() == [1]


def test_a_large_pool_stays_exact():
    ranks = Ranks(torch.tensor([0, 1, 10]), torch.zeros(3, dtype=torch.long), torch.full((3,), 20_000))
    # With one better candidate the true partner wins unless that one is among the 999 drawn from 19,999.
    assert ranks.top(1, 1000).tolist()[:2] == pytest.approx([1.0, 1 - 999 / 19_999], rel=1e-8)
    assert float(ranks.mean_rank(1000)[2]) == pytest.approx(1 + 10 * 999 / 19_999)


def test_a_pool_larger_than_the_candidates_is_refused():
    with pytest.raises(BadInput, match="only 10 candidates"):
        rank_scores(torch.rand(2, 10), torch.tensor([0, 1])).top(1, 100)


def test_blocks_do_not_change_the_ranks(monkeypatch):
    generator = torch.Generator().manual_seed(1)
    query, key = torch.randn(37, 5, generator=generator), torch.randn(37, 5, generator=generator)
    group = torch.arange(37) % 4
    whole = rank_pairs(query, key, query_group_Q=group, key_group_N=group)
    monkeypatch.setattr("edgeacc.evaluation.retrieval.blocks", lambda q, n: blocks(q, n, at_once=100))
    parts = rank_pairs(query, key, query_group_Q=group, key_group_N=group)
    assert torch.equal(whole.better_Q, parts.better_Q)
    assert torch.equal(whole.candidates_Q, parts.candidates_Q)
    assert whole.candidates_Q.tolist()[:4] == [10, 9, 9, 9]


def test_blocks_cover_all_queries_within_the_bound():
    slices = list(blocks(20_000, 20_000))
    assert slices[0].start == 0
    assert slices[-1].stop == 20_000
    assert all(a.stop == b.start for a, b in pairwise(slices))
    assert max(s.stop - s.start for s in slices) * 20_000 <= 1 << 20


def test_only_candidates_of_the_same_participant_count():
    score = torch.tensor([[1.0, 2.0, 0.5, 9.0], [1.0, 2.0, 0.5, 9.0]])
    same = torch.tensor([[True, True, False, False], [True, True, False, False]])
    ranks = rank_scores(score, torch.tensor([0, 1]), same)
    assert ranks.mean_rank().tolist() == [2.0, 1.0]
    assert ranks.chance(1) == 0.5


def test_retrieval_of_unrelated_embeddings_is_at_chance():
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(400, 16, generator=generator), torch.randn(400, 16, generator=generator)
    ranks = rank_pairs(centred_unit(query), centred_unit(key))
    assert float(ranks.top(1, 10).mean()) == pytest.approx(0.1, abs=0.03)
    assert ranks.chance(1, 10) == 0.1


def test_mean_is_removed_before_the_cosine():
    z = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(centred_unit(z + 100), centred_unit(z), atol=1e-3)


def test_a_diverged_embedding_is_refused():
    with pytest.raises(BadInput, match="NaN"):
        centred_unit(torch.tensor([[1.0, float("nan")]]))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_shuffled_pairs_are_wrong_ones_of_the_same_participant(groups, seed):
    group = torch.tensor(groups)
    partner = shuffled(group, seed)
    assert sorted(partner.tolist()) == list(range(len(groups)))
    assert torch.equal(group[partner], group)
    alone = torch.tensor([groups.count(g) == 1 for g in groups])
    assert torch.equal(partner == torch.arange(len(groups)), alone)
