"""What an encoder costs."""

import pytest

from edgeacc.models.cost import cost
from edgeacc.models.sizes import SIZES, build, parameters


def test_the_count_of_a_transformer_is_the_one_by_hand():
    config = SIZES["transformer-xs"]
    tokens, width, inner = config.tokens, config.width, config.mlp_ratio * config.width
    patches = tokens * 3 * config.frame_samples * width
    layer = tokens * (4 * width * width + 2 * width * inner) + 2 * tokens * tokens * width
    assert cost(config).macs_per_window == patches + config.layers * layer


@pytest.mark.parametrize("size", ["conv-xs", "pyramid-s"])
def test_parameters_are_those_of_the_real_network(size):
    assert cost(SIZES[size]).parameters == parameters(build(size, 3))


def test_more_channels_cost_more():
    config = SIZES["conv-xs"]
    assert cost(config.model_copy(update={"in_channels": 4})).macs_per_window > cost(config).macs_per_window
