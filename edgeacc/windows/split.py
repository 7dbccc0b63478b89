"""Split by participant, never by window: nobody is on two sides."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, get_args

from edgeacc.errors import BadInput

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
FRACTIONS = (0.7, 0.1, 0.2)
FEWEST = 3


def split_participants(
    participants: Iterable[int], *, seed: int, shares: Sequence[float] = FRACTIONS
) -> dict[int, Split]:
    """Assign each participant to train, validation or test by a seeded hash of its number.

    Fewer than three participants all go to `test`: nobody could be held out, so such a store is a control to score
    on and nothing to train on.

    Args:
        participants: their numbers.
        seed: another seed, another assignment.
        shares: of train, validation, test: fractions that sum to 1 (rounded, each side at least one participant) or
            exact counts that sum to the number of participants.

    Raises:
        BadInput: three non-negative shares that sum to neither.
    """
    ranked = sorted(set(participants), key=lambda participant: _rank(seed, participant))
    if len(ranked) < FEWEST:
        return dict.fromkeys(ranked, "test")
    train, validation, _ = _counts(len(ranked), shares)
    sides = ["train"] * train + ["validation"] * validation
    return {who: sides[i] if i < len(sides) else "test" for i, who in enumerate(ranked)}  # type: ignore[misc]


def join_split(
    sides: Mapping[int, Split], newcomers: Iterable[int], *, seed: int, shares: Sequence[float] = FRACTIONS
) -> dict[int, Split]:
    """Assign participants who come to others; nobody who has a side is moved.

    In the order of a seeded hash each newcomer goes to the side furthest below its share of all (in proportion; the
    first such side). Fewer than three in all go to `test`, as in `split_participants`, and stay there. Who comes
    together matters, in which order they are given does not.

    Args:
        sides: those who have a side.
        newcomers: numbers of the others; who has a side already is passed over.
        seed: another seed, another assignment.
        shares: of train, validation, test: fractions that sum to 1, none of them 0.

    Returns:
        Everybody's side, old and new.
    """
    joined = dict(sides)
    ranked = sorted(set(newcomers) - set(sides), key=lambda participant: _rank(seed, participant))
    total = len(joined) + len(ranked)
    if total < FEWEST:
        return joined | dict.fromkeys(ranked, "test")
    wanted = dict(zip(SPLITS, _counts(total, shares), strict=True))
    there = Counter(joined.values())
    for who in ranked:
        joined[who] = min(SPLITS, key=lambda side: there[side] / wanted[side])
        there[joined[who]] += 1
    return joined


def _rank(seed: int, participant: int) -> bytes:
    return hashlib.sha256(f"{seed}:{participant}".encode()).digest()


def _counts(total: int, shares: Sequence[float]) -> tuple[int, int, int]:
    if len(shares) != len(SPLITS) or min(shares) < 0:
        raise BadInput(
            f"shares {tuple(shares)} of a split", valid="three numbers of 0 or more: train, validation, test"
        )
    if sum(shares) == total and all(float(share).is_integer() for share in shares):
        return int(shares[0]), int(shares[1]), int(shares[2])
    if abs(sum(shares) - 1) > 1e-6:
        raise BadInput(
            f"shares {tuple(shares)} of a split of {total} participants sum to {sum(shares):g}",
            valid=f"fractions that sum to 1, or whole numbers that sum to {total}",
        )
    validation, test = (max(1, round(total * share)) if share > 0 else 0 for share in shares[1:])
    return total - validation - test, validation, test
