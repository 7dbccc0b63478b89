"""A polite end from outside, taken as Ctrl-C: what is half-written is removed, what can be resumed is kept.

An import is never broken off: a native module whose start is interrupted aborts the whole process (seen once in 150
ends during `import torch`), and a class body turns the interrupt into an error of its own.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

POLITE = (signal.SIGTERM, signal.SIGHUP)
AGAIN_S = 0.05  # until an interrupt during an import is tried again (our choice)
_IMPORT = "<frozen importlib._bootstrap>"
_Handler = Callable[[int, FrameType | None], object] | signal.Handlers


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM and a closed terminal raise KeyboardInterrupt; one that is ignored (`nohup`) stays so.

    They and Ctrl-C wait for the end of an import; the process's timer is used for that. An error that an interrupt
    became on its way (a lock of `threading` that it broke off raises RuntimeError) is the interrupt again in the end.
    """
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        waits = _imports(frame)
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S if waits else 0)
        if not waits:
            interrupted = True
            raise KeyboardInterrupt

    here = threading.current_thread() is threading.main_thread()  # no other thread may set handlers
    usual: dict[signal.Signals, _Handler] = {signal.SIGINT: signal.default_int_handler}
    usual |= dict.fromkeys((*POLITE, signal.SIGALRM), signal.SIG_DFL)
    taken = {number: handler for number, handler in usual.items() if here and signal.getsignal(number) is handler}
    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    except Exception as error:
        if interrupted:
            raise KeyboardInterrupt from error
        raise
    finally:
        if signal.SIGALRM in taken:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in taken.items():
            signal.signal(number, handler)


def _imports(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename != _IMPORT:
        frame = frame.f_back
    return frame is not None
