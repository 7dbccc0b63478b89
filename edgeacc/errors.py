"""Errors that speak to the user: what was wrong, what is valid, the next command; and the exit code of each."""

import shlex
from collections.abc import Sequence


class EdgeaccError(Exception):
    """A failure that the user can act on; the command line prints it and exits with `exit_code`."""

    exit_code = 1

    def __init__(self, problem: str, *, valid: str = "", next_command: str = "") -> None:
        """Keep the three parts.

        Args:
            problem: what was wrong, with the value and the file or place.
            valid: what would have been valid.
            next_command: the command that helps.
        """
        super().__init__(_printable(problem))
        self.problem = _printable(problem)
        self.valid = _printable(valid)
        self.next_command = next_command


class NotPossibleHere(EdgeaccError):
    """The machine cannot do it: a missing extra, a missing device, no space left. Exit code 1."""

    exit_code = 1


class BadInput(EdgeaccError):
    """The user's input is wrong. Exit code 2."""

    exit_code = 2

    @classmethod
    def several(
        cls, where: str, problems: Sequence[str], *, most: int = 100, valid: str = "", next_command: str = ""
    ) -> "BadInput":
        """One error for all mistakes found in one place, one line each; behind `most`, how many more."""
        shown = [*problems[:most], *([f"... and {len(problems) - most} more"] if len(problems) > most else [])]
        lines = "".join(f"\n  - {problem}" for problem in shown)
        return cls(f"{where}: {counted(len(problems), 'mistake')}{lines}", valid=valid, next_command=next_command)


class OutputExists(BadInput):
    """A result would replace what is there; where a verb has --force, the command line names it as the next command."""


class ParityFailed(EdgeaccError):
    """An artifact does not compute what the network computes. Exit code 3."""

    exit_code = 3


class Regressed(EdgeaccError):
    """A figure got worse than it may. Exit code 4."""

    exit_code = 4


def counted(number: int, what: str) -> str:
    """A number with its noun: `1 mistake`, `2 mistakes`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def command(*words: object) -> str:
    """A command line to print: words that a shell would split, such as paths with spaces, are quoted."""
    return shlex.join(map(str, words))


def _printable(text: str) -> str:
    """Escaped what a terminal would obey or could not show: an error quotes files and names that others made."""
    return "".join(one if one.isprintable() or one in "\n\t" else repr(one)[1:-1] for one in text)


def unknown(kind: str, value: str, known: Sequence[str], *, next_command: str = "") -> BadInput:
    """The error for a name that does not exist: lists what exists, corrects nothing."""
    return BadInput(f"unknown {kind} {value!r}", valid=", ".join(sorted(known)), next_command=next_command)
