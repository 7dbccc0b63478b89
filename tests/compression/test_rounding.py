import pytest
import torch
from torch import nn

from edgeacc.compression.rounding import Rounded
from edgeacc.models.deploy import deployable
from edgeacc.models.encoder import Encoder, settle
from tests.compression.conftest import CONV, PYRAMID


def made(config):
    torch.manual_seed(0)
    encoder = settle(Encoder(config), [torch.randn(8, 3, config.samples)])
    return encoder, Rounded(deployable(encoder), config.samples)


@pytest.mark.parametrize("config", [CONV, PYRAMID], ids=["conv", "with attention"])
def test_it_is_near_to_the_network_and_not_equal(config):
    encoder, rounded = made(config)
    x_BCT = torch.randn(16, 3, config.samples)
    with torch.no_grad():
        error_BD, wanted_BD = rounded(x_BCT) - encoder(x_BCT), encoder(x_BCT)
    noise = error_BD.square().mean() / (wanted_BD - wanted_BD.mean(dim=0)).square().mean()
    assert 1e-6 < noise < 0.3


def test_results_have_256_values_at_most():
    _, rounded = made(CONV)
    seen = []
    rounded.rounded = lambda name, x, was=rounded.rounded: seen.append(was(name, x)) or seen[-1]
    with torch.no_grad():
        rounded(torch.randn(4, 3, CONV.samples))
    assert len(seen) > 20
    assert max(len(x.unique()) for x in seen[-1:]) <= 256


def test_weights_have_one_scale_for_each_output_channel():
    _, rounded = made(CONV)
    layer = next(module for module in rounded.network.modules() if isinstance(module, nn.Conv2d))
    with torch.no_grad():
        layer.weight[0].mul_(1000)  # with one scale for all, nothing would be left of the other channels
        x_BCT = torch.randn(4, 3, CONV.samples)
        wanted_BD = rounded.network(x_BCT)
        noise = (rounded(x_BCT) - wanted_BD).square().mean() / wanted_BD.square().mean()
    assert noise < 0.3


def test_every_weight_has_a_gradient():
    _, rounded = made(PYRAMID)
    rounded(torch.randn(2, 3, PYRAMID.samples)).square().mean().backward()
    without = [
        name for name, weight in rounded.network.named_parameters() if weight.grad is None or not weight.grad.any()
    ]
    assert without == []


def test_ranges_move_in_training_only():
    _, rounded = made(CONV)
    with torch.no_grad():
        rounded(torch.randn(4, 3, CONV.samples))
        first_S = rounded.high_S.clone()
        rounded(3 * torch.randn(4, 3, CONV.samples))
    assert torch.equal(rounded.high_S, first_S)
    rounded(3 * torch.randn(4, 3, CONV.samples))
    assert (rounded.high_S > first_S).float().mean() > 0.5
