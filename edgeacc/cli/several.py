"""One error for several that one command met: the others still did their work."""

from collections.abc import Callable, Sequence

from edgeacc.errors import BadInput, EdgeaccError, NotPossibleHere, ParityFailed, counted

GRAVEST_FIRST = (BadInput, ParityFailed, NotPossibleHere)


def require_all(*checks: Callable[[], object]) -> None:
    """Make every check, and tell all that they found in one error."""
    errors = []
    for check in checks:
        try:
            check()
        except EdgeaccError as error:
            errors.append(error)
    if errors:
        raise as_one(errors, counted(len(errors), "mistake"))


def as_one(errors: Sequence[EdgeaccError], title: str = "") -> EdgeaccError:
    """The only error as it is; of several, one of the gravest kind that lists them all under a title."""
    if len(errors) == 1:
        return errors[0]
    kind = (*GRAVEST_FIRST, EdgeaccError)[min(map(_rank, errors))]
    common = errors[0].next_command if len({error.next_command for error in errors}) == 1 else ""
    lines = "".join(f"\n  - {_line(error, common)}" for error in errors)
    return kind(f"{title or f'{len(errors)} did not succeed'}{lines}", next_command=common)


def _line(error: EdgeaccError, common: str) -> str:
    """One error with what is valid, and with its next command where that is not the same for all."""
    told = [f"valid: {error.valid}"] if error.valid else []
    told += [f"next: {error.next_command}"] if error.next_command and error.next_command != common else []
    return "\n    ".join([*error.problem.splitlines(), *told])


def _rank(error: EdgeaccError) -> int:
    return next(rank for rank, kind in enumerate((*GRAVEST_FIRST, EdgeaccError)) if isinstance(error, kind))
