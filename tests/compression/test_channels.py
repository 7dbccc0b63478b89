import pytest
import torch

from edgeacc.compression.channels import inner_layers, macs, shrunk, without
from edgeacc.errors import BadInput
from edgeacc.models.alignment import encoder_of, told
from edgeacc.models.config import EncoderConfig
from edgeacc.models.cost import cost
from edgeacc.models.encoder import PARTS
from edgeacc.models.sizes import SIZES


@pytest.mark.parametrize("size", ["conv-xxs", "pyramid-s", "transformer-xxxs"])
def test_work_is_what_the_deployed_network_does(size):
    config = SIZES[size]
    halved = shrunk(config, {layer.name: layer.left(0.5) for layer in inner_layers(config)})
    for each in (config, halved):
        assert macs(each) == cost(each).macs_per_window - PARTS * each.width


def test_the_token_keeps_its_width():
    for name, config in SIZES.items():
        if name != "efficientnet":
            sizes = {layer.name: layer.step for layer in inner_layers(config)}
            least = EncoderConfig.model_validate(shrunk(config, sizes).model_dump())
            assert (least.width, least.tokens) == (config.width, config.tokens)
            assert macs(least) < 0.4 * macs(config)


def test_no_family_is_pruned_that_nothing_can_prune():
    with pytest.raises(BadInput, match="efficientnet cannot be pruned"):
        inner_layers(SIZES["efficientnet"])


@pytest.mark.parametrize("family", ["conv", "pyramid"])
@pytest.mark.parametrize("kind", ["small_encoder", "small_student"])
def test_without_units_that_nothing_reads_the_network_says_the_same(request, kind, family, windows_BCT):
    network = request.getfixturevalue(kind)(family)
    encoder = encoder_of(network)
    kept = every_second(encoder.config)
    read_nothing_else(network, encoder, kept)
    config = shrunk(encoder.config, {name: len(each) for name, each in kept.items()})
    smaller = without(network, kept, mean_of_nothing(encoder.config), config)
    with torch.no_grad():
        for before, after in zip(told(network, windows_BCT), told(smaller, windows_BCT), strict=True):
            assert torch.allclose(before, after, atol=1e-5)


def test_what_a_removed_unit_gives_on_average_stays(small_encoder, windows_BCT):
    encoder = small_encoder("pyramid")
    constant = torch.arange(0, 32, 2)
    wide = encoder.blocks[0].mlp[0]
    with torch.no_grad():
        wide.weight[constant], wide.bias[constant] = 0.0, 1.5
    kept = {layer.name: torch.arange(layer.size) for layer in inner_layers(encoder.config)}
    kept["blocks.0.hidden"] = torch.arange(1, 32, 2)
    mean = mean_of_nothing(encoder.config)
    mean["blocks.0.hidden"][constant] = torch.nn.functional.gelu(torch.tensor(1.5))
    smaller = without(encoder, kept, mean, shrunk(encoder.config, {name: len(each) for name, each in kept.items()}))
    with torch.no_grad():
        assert torch.allclose(smaller(windows_BCT), encoder(windows_BCT), atol=1e-5)


def every_second(config):
    return {layer.name: torch.arange(0, layer.size, 2) for layer in inner_layers(config)}


def mean_of_nothing(config):
    channels = {"heads": config.head_width}
    return {
        layer.name: torch.zeros(layer.size, channels.get(layer.name.split(".")[-1], 1))
        for layer in inner_layers(config)
    }


@torch.no_grad()
def read_nothing_else(network, encoder, kept):
    """Let whatever reads the units that go multiply them by zero."""
    gone = {layer.name: torch.ones(layer.size, dtype=torch.bool) for layer in inner_layers(encoder.config)}
    for name, positions in kept.items():
        gone[name][positions] = False
    for place, stage in enumerate(list(encoder.tokenizer)[1:]):
        before = gone[f"tokenizer.{place}"]
        stage.linear.weight.unflatten(1, (3 * stage.stride, -1))[:, :, before] = 0
        if stage.context is not None:
            stage.context.weight[:, before] = 0
    for place, block in enumerate(encoder.blocks):
        block.out.weight.unflatten(1, (block.heads, -1))[:, gone[f"blocks.{place}.heads"]] = 0
        block.mlp[2].weight[:, gone[f"blocks.{place}.hidden"]] = 0
    if network is not encoder:
        network.filter_head.filters.weight[:, gone["tokenizer.0"]] = 0
