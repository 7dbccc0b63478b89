"""One error for several that one command met: the others still did their work."""

from collections.abc import Sequence

from edgeacc.errors import BadInput, EdgeaccError, NotPossibleHere, ParityFailed

GRAVEST_FIRST = (BadInput, ParityFailed, NotPossibleHere)


def as_one(errors: Sequence[EdgeaccError]) -> EdgeaccError:
    """The only error as it is; of several, one of the gravest kind that lists them all."""
    if len(errors) == 1:
        return errors[0]
    first = min(errors, key=_rank)
    lines = "".join(f"\n  - {error.problem}" + (f" (valid: {error.valid})" if error.valid else "") for error in errors)
    return type(first)(f"{len(errors)} did not succeed{lines}", next_command=first.next_command)


def _rank(error: EdgeaccError) -> int:
    return next(rank for rank, kind in enumerate((*GRAVEST_FIRST, EdgeaccError)) if isinstance(error, kind))
