"""Rounding that lets later weights make up for earlier errors: exact on the format's grid, better than the nearest."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.compression.gptq import BLOCK, in_blocks, in_table, rounded


def layer(seed, outputs=6, inputs=64):
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(inputs, inputs, generator=generator, dtype=torch.float64)
    read_NI = torch.randn(512, inputs, generator=generator, dtype=torch.float64) @ mixing
    return torch.randn(outputs, inputs, generator=generator), read_NI


def grid(name, weight_OI):
    return in_blocks(weight_OI, taps=1) if name == "int4" else in_table(weight_OI, bits=4)


def nearest_alone(weight_OI, nearest):
    return torch.stack([nearest(place, weight_OI.double()[:, place]) for place in range(weight_OI.shape[1])], dim=1)


def error(weight_OI, changed_OI, read_NI):
    return (read_NI @ (changed_OI - weight_OI.double()).T).square().mean().item()


@pytest.mark.parametrize("name", ["int4", "table"])
@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_the_error_of_the_result_is_far_below_that_of_the_nearest_values(name, seed):
    weight_OI, read_NI = layer(seed)
    nearest = grid(name, weight_OI)
    found_OI = rounded(weight_OI, read_NI.T @ read_NI, nearest)
    assert error(weight_OI, found_OI, read_NI) < 0.7 * error(weight_OI, nearest_alone(weight_OI, nearest), read_NI)


def test_a_converter_finds_the_same_integers_again():
    weight_OI, read_NI = layer(0)
    found_OI = rounded(weight_OI, read_NI.T @ read_NI, grid("int4", weight_OI))
    assert torch.allclose(nearest_alone(found_OI, grid("int4", found_OI)), found_OI, atol=1e-9)


def test_a_block_keeps_its_scale_and_seven_steps_either_way():
    weight_OI, read_NI = layer(1, inputs=2 * BLOCK)
    found_OI = rounded(weight_OI, read_NI.T @ read_NI, in_blocks(weight_OI, taps=1))
    for before, after in zip(weight_OI.double().split(BLOCK, dim=1), found_OI.split(BLOCK, dim=1), strict=True):
        largest_O = before.abs().amax(dim=1, keepdim=True)
        assert torch.allclose(after.abs().amax(dim=1, keepdim=True), largest_O)
        steps = after / (largest_O / 7)
        assert torch.allclose(steps, steps.round(), atol=1e-5)


def test_a_table_has_as_many_values_as_its_bits_say():
    weight_OI, read_NI = layer(2)
    for bits in (2, 4):
        found_OI = rounded(weight_OI, read_NI.T @ read_NI, in_table(weight_OI, bits))
        assert len(found_OI.unique()) <= 2**bits


def test_inputs_that_are_never_there_do_no_harm():
    weight_OI, read_NI = layer(3)
    read_NI[:, :5] = 0
    found_OI = rounded(weight_OI, read_NI.T @ read_NI, in_table(weight_OI, 4))
    assert found_OI.isfinite().all()
    assert rounded(weight_OI, torch.zeros(64, 64, dtype=torch.float64), in_table(weight_OI, 4)).isfinite().all()
