import errno
import os
import subprocess
import sys
import warnings

import pytest

from edgeacc.errors import NotPossibleHere
from edgeacc.export.quiet import contained, refusing


def make_noise():
    print("a print")
    sys.stderr.write("a log line\n")
    os.write(1, b"C++ on standard output\n")
    os.write(2, b"C++ on standard error\n")
    subprocess.run(["echo", "a child"], check=True)
    warnings.warn("a warning", UserWarning, stacklevel=1)


def test_nothing_gets_out(capfd):
    with contained():
        make_noise()
    sys.stdout.write("ours\n")
    out, err = capfd.readouterr()
    assert (out, err) == ("ours\n", "")


def test_both_streams_are_whole_again_after_an_error(capfd):
    with pytest.raises(KeyError), contained():
        raise KeyError("x")
    os.write(1, b"out")
    os.write(2, b"err")
    assert capfd.readouterr() == ("out", "err")


def test_what_was_printed_before_is_not_swallowed(capfd):
    sys.stdout.write("before ")
    with contained():
        make_noise()
    assert capfd.readouterr().out == "before "


def test_a_converter_s_own_message_is_kept(capfd):
    def convert():
        with refusing("toolx", "convert the network"):
            print("50 lines of graph")
            raise NotImplementedError("operator\n  frobnicate  has no lowering")

    with pytest.raises(NotPossibleHere) as caught:
        convert()
    assert caught.value.problem == (
        "toolx could not convert the network: NotImplementedError: operator frobnicate has no lowering"
    )
    assert caught.value.exit_code == 1
    assert capfd.readouterr() == ("", "")


def test_a_third_party_s_own_kind_of_error():
    class Invalid(Exception):
        pass

    with pytest.raises(NotPossibleHere, match=r"Invalid: no message"), refusing("toolx", "check", Invalid):
        raise Invalid
    with pytest.raises(Invalid), refusing("toolx", "check"):
        raise Invalid


def test_a_full_disk_is_not_the_converter_s_refusal():
    with pytest.raises(OSError, match="space"), refusing("toolx", "convert"):
        raise OSError(errno.ENOSPC, "no space left")
