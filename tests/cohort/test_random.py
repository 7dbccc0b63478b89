"""The counter-based generator: the authors' answers, moments, independence, any batch."""

import pytest
import torch

from edgeacc.cohort.random import Key, Stream, complex_normals, normals, philox, uniforms, words

PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)
"""The digits of pi that Random123's known-answer tests use as counter and key."""


@pytest.mark.parametrize(
    ("rounds", "counter", "key", "answer"),
    [
        (7, (0, 0, 0, 0), (0, 0), (0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48)),
        (7, (2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x5207DDC2, 0x45165E59, 0x4D8EE751, 0x8C52F662)),
        (7, PI[:4], PI[4:], (0x4DFCCABA, 0x190A87F0, 0xC47362BA, 0xB6B5242A)),
        (10, (0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (10, PI[:4], PI[4:], (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
)
def test_known_answers_of_random123(rounds, counter, key, answer):
    got = philox([torch.tensor([word]) for word in counter], key, rounds)
    assert tuple(int(word) for word in got) == answer


def key_of(count, seed=0, participant=3):
    return Key(seed, torch.full((count,), participant), torch.arange(count))


def test_uniforms_are_uniform():
    u = uniforms(key_of(200), Stream.STATE, 1000).flatten()
    assert 0 < u.min()
    assert u.max() < 1
    counts = torch.histc(u.float(), 100, 0, 1)
    chi_square = ((counts - 2000) ** 2 / 2000).sum()
    assert 60 < chi_square < 145  # 99 degrees of freedom


def test_normals_have_the_moments_of_normals():
    z = normals(key_of(200), Stream.STATE, 1000).flatten()
    moments = torch.stack([z.mean(), z.square().mean(), z.pow(3).mean(), z.pow(4).mean()])
    wanted = torch.tensor([0.0, 1.0, 0.0, 3.0], dtype=torch.float64)
    assert ((moments - wanted).abs() < torch.tensor([0.01, 0.015, 0.04, 0.12])).all()


def test_complex_normals_have_the_deviation_asked_for():
    deviation_BCF = torch.tensor([0.5, 2.0])[:, None].expand(20, 2, 2048)
    z_BCF = complex_normals(key_of(20), Stream.ACC_NOISE, deviation_BCF)
    for part in (z_BCF.real, z_BCF.imag):
        torch.testing.assert_close(part.std((0, 2)), torch.tensor([0.5, 2.0]), rtol=0.02, atol=0)
        assert (part.mean((0, 2)).abs() < torch.tensor([0.012, 0.05])).all()
    assert abs((z_BCF.real * z_BCF.imag).mean()) < 0.03


@pytest.mark.parametrize(
    "other",
    [
        (Key(1, torch.tensor([3]), torch.tensor([5])), Stream.STATE),
        (Key(0, torch.tensor([4]), torch.tensor([5])), Stream.STATE),
        (Key(0, torch.tensor([3]), torch.tensor([6])), Stream.STATE),
        (Key(0, torch.tensor([3]), torch.tensor([5])), Stream.PULSE),
        (Key(2**40, torch.tensor([3]), torch.tensor([5])), Stream.STATE),
    ],
)
def test_seeds_participants_windows_and_streams_are_unrelated(other):
    one = normals(Key(0, torch.tensor([3]), torch.tensor([5])), Stream.STATE, 20_000)
    correlation = torch.corrcoef(torch.cat([one, normals(*other, 20_000)]))[0, 1]
    assert abs(correlation) < 4 / 20_000**0.5


def test_neighbours_within_a_stream_are_unrelated():
    z = normals(key_of(1), Stream.STATE, 40_000)[0]
    for lag in range(1, 9):
        assert abs((z[lag:] * z[:-lag]).mean()) < 4 / 40_000**0.5


def test_a_number_depends_on_its_place_only():
    long = words(key_of(7), Stream.STATE, 101)
    short = words(key_of(7).rows(slice(4, 5)), Stream.STATE, 18)
    assert torch.equal(short[0], long[4, :18])
    assert len(long.unique()) == long.numel()
