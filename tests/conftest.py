"""What the tests of several rooms share."""

import signal
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about what else the machine does than about the subject.
settings.register_profile("edgeacc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgeacc")

# A shell that starts the tests in the background has them ignore Ctrl-C, and every command that they start too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def edgeacc(capsys, monkeypatch):
    """Runs the command line in this process: edgeacc("ls", "recipes") -> exit code, standard output, standard error."""
    from edgeacc.cli.main import main

    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return run
