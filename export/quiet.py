"""Third-party converters print, log and warn: this keeps all of it from the user's terminal, and keeps their errors."""

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout

from edgeacc.errors import NotPossibleHere

REFUSALS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What converters and runtimes raise when they refuse a network; not OSError, which is the disk's, nor MemoryError."""

UNREADABLE: tuple[type[Exception], ...] = (*REFUSALS, OSError)
"""What runtimes raise when they refuse an artifact that they are to load."""


@contextmanager
def contained() -> Iterator[None]:
    """Swallow what the block prints, logs or warns, from Python and from C++ (file descriptors 1 and 2).

    Only for blocks that run a third party's code: our own progress cannot be seen meanwhile either.
    """
    with ExitStack() as stack:
        sink = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(redirect_stdout(sink))
        stack.enter_context(redirect_stderr(sink))
        for descriptor in (1, 2):
            stack.enter_context(_redirected(descriptor, sink.fileno()))
        yield


@contextmanager
def refusing(tool: str, doing: str, *more: type[Exception]) -> Iterator[None]:
    """`contained`, and what the third party raises becomes NotPossibleHere with its own message kept.

    Args:
        tool: the third party, e.g. `litert-torch`.
        doing: what it was asked to do, e.g. `convert the network`.
        more: exceptions of its own that are none of `REFUSALS`.

    Raises:
        NotPossibleHere: the block raised one of `REFUSALS` or `more`.
    """
    try:
        with contained():
            yield
    except (*REFUSALS, *more) as error:
        own_words = " ".join(str(error).split()) or "no message"
        raise NotPossibleHere(f"{tool} could not {doing}: {type(error).__name__}: {own_words[:1000]}") from error


@contextmanager
def _redirected(descriptor: int, target: int) -> Iterator[None]:
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
    kept = os.dup(descriptor)
    try:
        os.dup2(target, descriptor)
        yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
