"""Retrieval of the true partner: exact expectations for any pool size, honest about ties, bounded in memory.

Legend: `Q` queries, `N` candidates, `E` width of the aligned embedding. A rank is never sampled: from the number of
candidates that beat the true partner among all, the expectation over every pool of a size is known exactly.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgeacc.errors import BadInput
from edgeacc.evaluation.people import people

# Scores closer than this fraction of the row's largest one count as tied: float32 dot products resolve no more.
_RESOLUTION = 1e-6
Score = Callable[[Tensor, Tensor], Tensor]
"""(Q, E) queries and (N, E) candidates -> (Q, N), higher is better."""

# Scores held at once: 4 MiB of float32, and as much again for every series that a score adds up.
_SCORES_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Ranks:
    """How the true partner of each query stands among its candidates.

    Attributes:
        better_Q: candidates with a higher score than the true partner.
        tied_Q: other candidates whose score equals it; ties are broken by chance, in expectation.
        candidates_Q: candidates in all, the true partner included.
    """

    better_Q: Tensor
    tied_Q: Tensor
    candidates_Q: Tensor

    def __len__(self) -> int:
        """Number of queries."""
        return len(self.better_Q)

    def take(self, which_Q: Tensor) -> "Ranks":
        """The ranks of some queries, by index or mask."""
        return Ranks(self.better_Q[which_Q], self.tied_Q[which_Q], self.candidates_Q[which_Q])

    def top(self, k: int, pool: int | None = None) -> Tensor:
        """Probability, per query, that the true partner is among the best `k` of its pool.

        Args:
            k: 1 or more.
            pool: size of a random pool that holds the true partner; None: all candidates.

        Returns:
            Float64 (Q,), 0 to 1.

        Raises:
            BadInput: a query has fewer candidates than `pool`.
        """
        size_Q = self._pool_sizes(pool)
        result_Q = torch.empty(len(self), dtype=torch.float64)
        for n, size in {(int(n), int(s)) for n, s in zip(self.candidates_Q, size_Q, strict=True)}:
            here_Q = (self.candidates_Q == n) & (size_Q == size)
            result_Q[here_Q] = self._averaged_over_ties(_hit_probability(k, n, size), here_Q)
        return result_Q

    def mean_rank(self, pool: int | None = None) -> Tensor:
        """Expected rank of the true partner in its pool, 1 at best; float64 (Q,)."""
        size_Q = self._pool_sizes(pool).double()
        ahead_Q = self.better_Q.double() + self.tied_Q.double() / 2
        return 1 + ahead_Q * (size_Q - 1) / (self.candidates_Q.double() - 1).clamp(min=1)

    def chance(self, k: int, pool: int | None = None) -> float:
        """What guessing scores for `top(k, pool)`, as a mean over the queries."""
        return float((k / self._pool_sizes(pool).double()).clamp(max=1).mean())

    def _pool_sizes(self, pool: int | None) -> Tensor:
        if pool is None:
            return self.candidates_Q
        if len(self) and pool > int(self.candidates_Q.min()):
            raise BadInput(f"pool of {pool}: a query has only {int(self.candidates_Q.min())} candidates")
        return torch.full_like(self.candidates_Q, pool)

    def _averaged_over_ties(self, hit_N: Tensor, here_Q: Tensor) -> Tensor:
        """Mean of hit_N over the places better .. better + tied, each as likely as the others."""
        total_N = torch.cat([hit_N.new_zeros(1), hit_N.cumsum(0)])
        better_Q, tied_Q = self.better_Q[here_Q], self.tied_Q[here_Q]
        return ((total_N[better_Q + tied_Q + 1] - total_N[better_Q]) / (tied_Q + 1)).clamp(0, 1)


def centred_unit(z_BE: Tensor) -> Tensor:
    """Unit vectors after the mean over these windows is taken away (no pairing is used for it); float32 (B, E).

    Raises:
        BadInput: a value is not finite (a network that diverged).
    """
    if not torch.isfinite(z_BE).all():
        raise BadInput("an embedding holds NaN or infinity", valid="a checkpoint whose training did not diverge")
    z_BE = z_BE.float()
    return torch.nn.functional.normalize(z_BE - z_BE.mean(0), dim=1)


def rank_scores(score_QN: Tensor, true_Q: Tensor, allowed_QN: Tensor | None = None) -> Ranks:
    """Ranks from a score matrix (higher is better).

    Args:
        score_QN: finite scores.
        true_Q: column of each query's true partner.
        allowed_QN: which candidates count; the true partner always does.
    """
    own_Q1 = score_QN.gather(1, true_Q[:, None])
    resolution_Q1 = _RESOLUTION * score_QN.abs().amax(1, keepdim=True)
    other_QN = torch.ones_like(score_QN, dtype=torch.bool) if allowed_QN is None else allowed_QN.clone()
    other_QN.scatter_(1, true_Q[:, None], False)
    better_QN = (score_QN > own_Q1 + resolution_Q1) & other_QN
    worse_QN = (score_QN < own_Q1 - resolution_Q1) & other_QN
    others_Q, better_Q = other_QN.sum(1), better_QN.sum(1)
    return Ranks(better_Q, others_Q - better_Q - worse_QN.sum(1), others_Q + 1)


def rank_pairs(
    query_QE: Tensor,
    key_NE: Tensor,
    true_Q: Tensor | None = None,
    query_group_Q: Tensor | None = None,
    key_group_N: Tensor | None = None,
    score: Score = torch.inner,
) -> Ranks:
    """Ranks by score, in blocks of queries so that memory stays bounded whatever Q and N.

    Args:
        query_QE: embeddings of the queries.
        key_NE: embeddings of the candidates.
        true_Q: row of `key_NE` that belongs to each query; default: the same row.
        query_group_Q: group (participant) of each query; with `key_group_N`, only candidates of the same group count.
        key_group_N: group of each candidate.
        score: default: the dot product.
    """
    true_Q = torch.arange(len(query_QE)) if true_Q is None else true_Q
    parts = []
    for rows in blocks(len(query_QE), len(key_NE)):
        allowed_QN = None
        if query_group_Q is not None and key_group_N is not None:
            allowed_QN = query_group_Q[rows][:, None] == key_group_N[None]
        parts.append(rank_scores(score(query_QE[rows], key_NE), true_Q[rows], allowed_QN))
    return joined(parts)


def joined(parts: Sequence[Ranks]) -> Ranks:
    """The ranks of several sets of queries as one."""
    return Ranks(
        torch.cat([part.better_Q for part in parts]),
        torch.cat([part.tied_Q for part in parts]),
        torch.cat([part.candidates_Q for part in parts]),
    )


def blocks(queries: int, candidates: int, at_once: int = _SCORES_AT_ONCE) -> Iterator[slice]:
    """Slices over the queries such that one block times the candidates stays within `at_once` scores."""
    step = max(1, at_once // max(1, candidates))
    for start in range(0, queries, step):
        yield slice(start, min(queries, start + step))


def same_group_nearest(z_BE: Tensor, group_B: Tensor) -> tuple[Tensor, Tensor]:
    """Whether the nearest other window is of the same group, and how often a random one is: both float64 (B,)."""
    nearest = []
    for rows in blocks(len(z_BE), len(z_BE)):
        score_QN = z_BE[rows] @ z_BE.T
        score_QN.scatter_(1, torch.arange(rows.start, rows.stop)[:, None], -torch.inf)
        nearest.append(score_QN.argmax(1))
    them = people(group_B)
    others_B = (them.windows_P[them.member_B] - 1).double()
    same_B = group_B[torch.cat(nearest)] == group_B
    return same_B.double(), others_B / max(1, len(z_BE) - 1)


def shuffled(group_B: Tensor, seed: int) -> Tensor:
    """A wrong partner for each window, of its own group where the group has two or more; int64 (B,)."""
    generator = torch.Generator().manual_seed(seed)
    order_B = torch.randperm(len(group_B), generator=generator)
    order_B = order_B[group_B[order_B].argsort(stable=True)]
    partner_B = torch.empty_like(order_B)
    for members in torch.split(order_B, people(group_B).windows_P.tolist()):
        partner_B[members] = members.roll(1)
    return partner_B


def _hit_probability(k: int, candidates: int, pool: int) -> Tensor:
    """P(at most k - 1 of `ahead` better ones fall into the pool), for ahead = 0 .. candidates - 1.

    The pool's other members are drawn without replacement, so their number is hypergeometric.
    """
    ahead_N = torch.arange(candidates, dtype=torch.float64)
    if pool == candidates:
        return (ahead_N < k).double()
    whole = _log_choose(torch.tensor(candidates - 1.0, dtype=torch.float64), pool - 1)
    hit_N = torch.zeros(candidates, dtype=torch.float64)
    for drawn in range(min(k, pool)):
        log_N = _log_choose(ahead_N, drawn) + _log_choose(candidates - 1 - ahead_N, pool - 1 - drawn) - whole
        hit_N += log_N.exp()
    return hit_N.clamp(0, 1)


def _log_choose(n: Tensor, k: int) -> Tensor:
    """Logarithm of the binomial coefficient; -inf where it is zero."""
    log = torch.lgamma(n + 1) - math.lgamma(k + 1) - torch.lgamma((n - k).clamp(min=0) + 1)
    return torch.where(n >= k, log, torch.full_like(log, -torch.inf))
