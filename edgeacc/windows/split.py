"""Split by participant, never by window: nobody is on two sides."""

import hashlib
from collections.abc import Iterable, Sequence
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
