import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.recordings import repeats
from edgeacc.recordings.recording import lines, regular
from edgeacc.recordings.repeats import refuse_repeats

HZ = 64


def pulse(samples, seed=0):
    return np.round(np.random.default_rng(seed).normal(scale=50, size=samples), 2)


def check(x_N):
    refuse_repeats(regular(np.asarray(x_N)[:, None], "au", 0.0, HZ), lines("BVP.csv", 3))


@pytest.mark.parametrize(("first", "count", "at"), [(100, 600, 700), (0, 512, 512), (1000, 700, 3000), (2900, 600, 40)])
def test_a_block_that_is_there_twice(first, count, at):
    x_N = pulse(4000)
    block_N = x_N[first : first + count].copy()
    twice_N = np.concatenate([x_N[:at], block_N, x_N[at:]])
    with pytest.raises(BadInput, match=rf"BVP\.csv, line \d+: {count} samples are those from line \d+ on again"):
        check(twice_N)


def test_all_axes_together_tell_a_block_of_few_values():
    counts_NC = np.random.default_rng(0).integers(-3, 4, (4000, 3))
    place = lines("ACC.csv", 3)
    refuse_repeats(regular(counts_NC, "g", 0.0, HZ), place)
    one_axis_NC = np.concatenate([counts_NC[:3000], counts_NC[1000:2000] * [1, 1, 0], counts_NC[3000:]])
    refuse_repeats(regular(one_axis_NC, "g", 0.0, HZ), place)
    twice_NC = np.concatenate([counts_NC[:3000], counts_NC[1000:2000], counts_NC[3000:]])
    with pytest.raises(BadInput, match=r"ACC\.csv, line 3003: 1000 samples are those from line 1003 on again"):
        refuse_repeats(regular(twice_NC, "g", 0.0, HZ), place)


@given(st.integers(0, 3000), st.integers(2 * 256, 1000), st.integers(0, 2**32 - 1))
def test_any_block_of_twice_the_shortest_is_found_and_told_where(first, count, seed):
    x_N = pulse(4000, seed)
    twice_N = np.concatenate([x_N[: first + count], x_N[first:]])
    with pytest.raises(BadInput) as caught:
        check(twice_N)
    assert f"line {first + count + 3}: " in caught.value.problem
    assert f"line {first + 3} on again" in caught.value.problem


@pytest.mark.parametrize(
    "x_N",
    [
        pulse(5000),
        pulse(100),
        np.zeros(5000),
        np.full(5000, np.nan),
        np.arange(5000) % 7.0,
        np.sin(np.arange(5000) * 2 * np.pi / 64),
        np.tile(pulse(320), 20),
        np.concatenate([pulse(1000), pulse(1000)[:200], pulse(1000, 1)]),
        np.concatenate([pulse(1000), np.zeros(1000), pulse(1000, 1), np.zeros(1000)]),
    ],
    ids=["noise", "short", "zeros", "missing", "few values", "sine", "period of 5 s", "3 s again", "zeros again"],
)
def test_what_is_no_such_block(x_N):
    check(x_N)


def test_pieces_of_a_long_stream_join(monkeypatch):
    monkeypatch.setattr(repeats, "_PIECE", 777)
    x_N = pulse(20_000)
    check(x_N)
    with pytest.raises(BadInput, match=r"line 18003: 600 samples are those from line 903 on again"):
        check(np.concatenate([x_N[:18_000], x_N[900:1500], x_N[18_000:]]))
