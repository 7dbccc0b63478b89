"""Errors that say what was wrong, what is valid and what to do."""

import pytest

from edgeacc.errors import BadInput, EdgeaccError, NotPossibleHere, ParityFailed, unknown


@pytest.mark.parametrize(("kind", "code"), [(NotPossibleHere, 1), (BadInput, 2), (ParityFailed, 3)])
def test_each_kind_has_its_exit_code(kind, code):
    error = kind("problem", valid="valid", next_command="next")
    assert isinstance(error, EdgeaccError)
    assert (error.exit_code, str(error), error.valid, error.next_command) == (code, "problem", "valid", "next")


def test_several_mistakes_have_a_line_each():
    error = BadInput.several("x.toml", ["a is wrong", "b is missing"])
    assert error.problem.splitlines() == ["x.toml: 2 mistakes", "  - a is wrong", "  - b is missing"]


def test_of_very_many_mistakes_the_first_are_shown_and_all_are_counted():
    error = BadInput.several("x", list("abcde"), most=2)
    assert error.problem.splitlines() == ["x: 5 mistakes", "  - a", "  - b", "  - ... and 3 more"]


def test_an_unknown_name_is_answered_with_those_that_exist_in_order():
    error = unknown("size", "conv-q", ["conv-xs", "conv-s"], next_command="edgeacc ls sizes")
    assert error.problem == "unknown size 'conv-q'"
    assert error.valid == "conv-s, conv-xs"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\0b\rc", "a\\x00b\\rc"),
        ("\u202eabc", "\\u202eabc"),
        ("\udcff", "\\udcff"),
        ("ä\tb\n", "ä\tb\n"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(given, shown):
    error = BadInput(given, valid=given)
    assert (str(error), error.problem, error.valid) == (shown, shown, shown)
