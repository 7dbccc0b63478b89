"""What an encoder costs."""

import pytest
import torch

from edgeacc.models.cost import cost
from edgeacc.models.encoder import PARTS
from edgeacc.models.sizes import SIZES, build, parameters


def test_the_count_of_a_transformer_is_the_one_by_hand():
    config = SIZES["transformer-xs"]
    tokens, width, inner = config.tokens, config.width, config.mlp_ratio * config.width
    patches = tokens * 3 * config.frame_samples * width
    layer = tokens * (4 * width * width + 2 * width * inner) + 2 * tokens * tokens * width
    assert cost(config).macs_per_window == patches + config.layers * layer + PARTS * width


@pytest.mark.parametrize("size", ["conv-xs", "pyramid-s", "efficientnet"])
def test_parameters_are_those_of_the_real_network(size):
    assert cost(SIZES[size]).parameters == parameters(build(size, 3))


def test_more_channels_cost_more():
    config = SIZES["conv-xs"]
    assert cost(config.model_copy(update={"in_channels": 4})).macs_per_window > cost(config).macs_per_window


@pytest.mark.parametrize(
    ("size", "values"),
    [
        ("conv-xxs", 16 * 960 + 3 * 3840),  # the window and the first layer
        ("conv-xs", 24 * 960 + 32 * 480),  # the first layer and the second
        ("efficientnet", 2 * 672 * 240 + 112 * 240),  # inside a block of the fifth stage, and what is added to it
        ("transformer-xxxs", 2 * 2 * 192 * 192 + 4 * 192 * 64),  # attention before and after softmax, tokens, q k v
    ],
)
def test_activations_that_are_alive_at_once_are_those_by_hand(size, values):
    assert cost(SIZES[size]).activations == values


def test_the_smallest_convolutions_fit_a_microcontroller():
    for size in ("conv-xs", "conv-xxs"):
        assert cost(SIZES[size]).parameters < 100_000
        assert cost(SIZES[size]).macs_per_window < 20e6


def test_counting_leaves_the_random_numbers_as_they_were():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    cost(SIZES["conv-xxs"])
    assert torch.equal(torch.rand(1), expected)
