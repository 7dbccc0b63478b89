"""A budget in words, and what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.benchmarks.search.budget import limits, parse_budget
from edgeacc.errors import BadInput


def test_units_are_converted_and_told_back():
    size, flash, error = parse_budget("size<300kB, flash <= 256KiB,d_hr<0.1bpm")
    assert [(each.measure, each.most) for each in (size, flash, error)] == [
        ("size_bytes", 300e3),
        ("flash_bytes", 256 * 1024),
        ("d_hr_bpm", 0.1),
    ]
    assert (size.told(123_456), flash.told(131_072)) == ("123 kB", "128 KiB")
    assert [each.text for each in (size, flash)] == ["size<300kB", "flash <= 256KiB"]


def test_all_mistakes_are_told_at_once():
    with pytest.raises(BadInput) as caught:
        parse_budget("size<300, speed<3ms, flash<3ms, size>3kB, d_hr<1bpm, d_hr<2bpm,")
    for said in (
        "'size<300' is no limit",
        "'speed<3ms': no such measure",
        "'flash<3ms': flash is in B, kB, KiB, MB, MiB",
        "'size>3kB' is no limit",
        "'d_hr<2bpm': d_hr was limited before",
        "'' is no limit",
    ):
        assert said in caught.value.problem
    assert caught.value.valid == limits()
    assert "energy<Nu" in limits()


@given(st.text(max_size=40))
def test_any_text_is_a_budget_or_bad_input(text):
    try:
        found = parse_budget(text)
    except BadInput:
        return
    assert all(limit.most >= 0 for limit in found)


@given(st.floats(0, 1e6), st.sampled_from(["B", "kB", "KiB", "MB", "MiB"]))
def test_a_number_survives_being_written(number, unit):
    (limit,) = parse_budget(f"ram<{number!r}{unit}".replace("e+", "e"))
    assert limit.most == pytest.approx(number * limit.scale)
