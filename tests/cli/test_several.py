import pytest

from edgeacc.cli.several import as_one
from edgeacc.errors import BadInput, NotPossibleHere, ParityFailed


def test_one_error_stays_itself():
    error = ParityFailed("a", valid="v", next_command="n")
    assert as_one([error]) is error


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([NotPossibleHere("m"), ParityFailed("p")], 3),
        ([NotPossibleHere("m"), ParityFailed("p"), BadInput("b")], 2),
        ([NotPossibleHere("m"), NotPossibleHere("n")], 1),
    ],
)
def test_several_are_the_gravest_kind_and_all_are_listed(errors, code):
    one = as_one(errors)
    assert one.exit_code == code
    assert all(f"\n  - {error.problem}" in one.problem for error in errors)


def test_what_would_have_been_valid_stays_with_its_error():
    assert "  - p\n    valid: 50 dB" in as_one([BadInput("b"), ParityFailed("p", valid="50 dB")]).problem


def test_next_commands_that_differ_stay_with_their_errors():
    alike = as_one([NotPossibleHere("m", next_command="mend"), NotPossibleHere("n", next_command="mend")])
    assert alike.next_command == "mend"
    differ = as_one([NotPossibleHere("m", valid="v", next_command="mend"), NotPossibleHere("n", next_command="wait")])
    assert differ.problem.splitlines()[1:] == ["  - m", "    valid: v", "    next: mend", "  - n", "    next: wait"]
    assert differ.next_command == ""
