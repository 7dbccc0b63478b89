"""A power analyser's trace: integrated exactly, and a mistake is one clear line with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.firmware_sim.power_trace import read_power_trace


@pytest.fixture
def trace(tmp_path):
    def write(text):
        path = tmp_path / "measured.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_trace_is_integrated(trace):
    path = trace("time_s,current_a,supply_v\n0,0.001,3\n1,0.003,3\n\n3,0.003,3\n")
    found = read_power_trace(path)
    assert (found.samples, found.duration_s) == (3, 3)
    assert found.energy_mj == pytest.approx(6 + 18)
    assert found.mean_power_uw == pytest.approx(8000)
    assert found.peak_power_uw == pytest.approx(9000)


def test_columns_in_any_order_with_others_between(trace):
    path = trace("﻿note,current_a, time_s\nx,0.001,0\ny,0.001,2\n")
    assert read_power_trace(path, supply_v=2.0).energy_mj == pytest.approx(4)


HEAD = "time_s,current_a,supply_v\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: the columns are no header"),
        ("time_s,current_a\n0,1\n1,1\n", "line 1: the columns are time_s, current_a"),
        ("time_s,time_s,current_a,supply_v\n", "line 1"),
        (HEAD, "0 row"),
        (HEAD + "0,1,3\n", "1 row"),
        (HEAD + "0,1,3\n0,1,3\n", "line 3: time_s 0 is not after 0"),
        (HEAD + "0,1,3\n1,one,3\n", "line 3: 'one' is no number"),
        (HEAD + "0,1,3\n1,nan,3\n", "line 3: 'nan' is no number"),
        (HEAD + "0,1,3\n1,1\n", "line 3: 2 value"),
        (HEAD + "0,1,0\n", "line 2: a supply of 0 V"),
        (HEAD + "0,0,3\n1,0,3\n", "comes to 0 J in 1 s"),
        (HEAD + "0,1,3\n1,-2,3\n", "comes to -1.5 J"),
        (HEAD + "0,1e300,1e8\n1,1e300,1e8\n", "comes to inf J"),
        (HEAD + "-1e308,1,3\n1e308,1,3\n", "in inf s"),
        (b"\xff\xfe\x00\x01", "is no CSV"),
    ],
)
def test_a_malformed_trace_is_one_clear_line(trace, text, told):
    with pytest.raises(BadInput, match=told) as caught:
        read_power_trace(trace(text))
    assert "\n" not in caught.value.problem


def test_a_supply_that_is_given_twice_is_refused(trace):
    with pytest.raises(BadInput, match="--supply-v is given"):
        read_power_trace(trace(HEAD), supply_v=3.0)


@pytest.mark.parametrize("supply_v", [0.0, -1.0, float("nan"), float("inf")])
def test_a_strange_supply_is_refused(trace, supply_v):
    with pytest.raises(BadInput, match="a supply of"):
        read_power_trace(trace("time_s,current_a\n"), supply_v=supply_v)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        read_power_trace(tmp_path / "none.csv")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (HEAD + text).encode()))
def test_anything_is_read_or_refused_in_one_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("trace") / "x.csv"
    path.write_bytes(content)
    assert "\n" not in told_of(path)


def told_of(path):
    try:
        return str(read_power_trace(path))
    except BadInput as error:
        return error.problem
