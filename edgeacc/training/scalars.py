"""The curves of a run, for those who want to watch it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from edgeacc.errors import NotPossibleHere


class Scalars(Protocol):
    """Called after every step."""

    def __call__(self, step: int, values: Mapping[str, float]) -> None:
        """Take the values of a step, counted from 1, each by its name."""
        ...


def unwatched(step: int, values: Mapping[str, float]) -> None:
    """A Scalars that keeps nothing."""


@contextmanager
def tensorboard(folder: Path) -> Iterator[Scalars]:
    """TensorBoard's event files; what an interrupted run wrote from the first step told here on is hidden there.

    Args:
        folder: gets the files, beside those that are there.

    Raises:
        NotPossibleHere: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise NotPossibleHere(
            "the package tensorboard is not installed",
            next_command="pip install 'edgeacc[tensorboard]' -c constraints.txt",
        ) from error
    writer: SummaryWriter | None = None

    def write(step: int, values: Mapping[str, float]) -> None:
        nonlocal writer
        if writer is None:
            writer = SummaryWriter(str(folder), purge_step=step)
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
