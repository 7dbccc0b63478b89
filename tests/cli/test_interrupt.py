import importlib
import signal
import sys
import time

import pytest

from edgeacc.cli.interrupt import ended_like_ctrl_c

USED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@pytest.fixture(autouse=True)
def nothing_ignored():
    """Whatever started the tests, such as nohup or a shell in the background, may have had signals ignored."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in USED}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def import_and_wait(name):
    with ended_like_ctrl_c():
        importlib.import_module(name)
        time.sleep(60)
        pytest.fail("what was to end went on")


def break_off_a_lock(number):
    with ended_like_ctrl_c():
        try:
            signal.raise_signal(number)
        finally:
            raise RuntimeError("release unlocked lock")


def fail():
    with ended_like_ctrl_c():
        raise RuntimeError("of itself")


def raise_and_go_on(number):
    with ended_like_ctrl_c():
        signal.raise_signal(number)
        pytest.fail("what was to end went on")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_end_from_outside_waits_for_an_import(tmp_path, monkeypatch, how):
    name = f"asks_{how.name.lower()}"
    (tmp_path / f"{name}.py").write_text(
        f"import signal, time\nsignal.raise_signal({int(how)})\ntime.sleep(0.12)\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        import_and_wait(name)
    assert sys.modules[name].whole
    del sys.modules[name]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_end_from_outside_is_at_once_elsewhere(how):
    with pytest.raises(KeyboardInterrupt):
        raise_and_go_on(how)


def test_an_error_that_an_interrupt_became_is_an_interrupt():
    with pytest.raises(KeyboardInterrupt) as caught:
        break_off_a_lock(signal.SIGINT)
    assert str(caught.value.__cause__) == "release unlocked lock"
    with pytest.raises(RuntimeError, match="of itself"):
        fail()


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    (tmp_path / "asks_last.py").write_text("import signal\nsignal.raise_signal(signal.SIGTERM)\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = [signal.getsignal(number) for number in USED]
    with ended_like_ctrl_c():
        importlib.import_module("asks_last")
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert [signal.getsignal(number) for number in USED] == before
    del sys.modules["asks_last"]


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_like_ctrl_c():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
