"""Progress of long work, as a plain callback: library rooms report, the command line draws."""

from typing import Protocol


class Progress(Protocol):
    """Called as the work goes on."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Report `done` of `total` units, with a short note such as the current loss."""
        ...


def silent(done: int, total: int, note: str = "") -> None:
    """A Progress that says nothing."""
