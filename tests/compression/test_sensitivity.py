import pytest
import torch

from edgeacc.compression.channels import inner_layers, macs, shrunk
from edgeacc.compression.sensitivity import (
    Reference,
    Sensitivity,
    importance,
    pruned,
    require_units,
    scan,
    settled,
    sizes_for,
)
from edgeacc.errors import BadInput
from edgeacc.models.sizes import SIZES

FLAT, STEEP = Sensitivity(sizes=(64, 4), noise=(0.0, 0.1)), Sensitivity(sizes=(64, 4), noise=(0.0, 10.0))


@pytest.mark.parametrize("family", ["conv", "pyramid"])
def test_units_that_nothing_reads_do_not_matter_and_the_others_do(small_encoder, family, windows_BCT):
    network = small_encoder(family)
    layers = inner_layers(network.config)
    read = network.tokenizer[1].linear.weight
    with torch.no_grad():
        read.unflatten(1, (3 * network.tokenizer[1].stride, -1))[:, :, :4] = 0
        for block in network.blocks:
            block.out.weight[:, : network.config.head_width] = 0
            block.mlp[2].weight[:, :4] = 0
    found = importance(network, Reference(network, windows_BCT), windows_BCT)
    unread = {"tokenizer.0": 4, "heads": 1, "hidden": 4}
    for layer in layers:
        count = unread.get(layer.name, unread.get(layer.name.split(".")[-1], 0))
        assert torch.all(found[layer.name].squared_U[:count] == 0)
        assert torch.all(found[layer.name].squared_U[count:] > 0)


def test_importance_is_the_squared_change_when_the_unit_comes_and_goes_a_little(small_encoder, windows_BCT):
    """Against small differences, one hidden unit's contribution varied by hand; it is read by a linear layer."""
    network = small_encoder("pyramid")
    found = importance(network, Reference(network, windows_BCT), windows_BCT)["blocks.1.hidden"]
    unit = int(found.squared_U.argmax())
    narrow, part = network.blocks[1].mlp[2], 1e-2
    with torch.no_grad():
        whole_BD = network(windows_BCT)
        column_D = narrow.weight[:, unit].clone()
        narrow.weight[:, unit] -= part * column_D
        narrow.bias += part * column_D * found.mean_UC[unit]
        change = (network(windows_BCT) - whole_BD).square().sum(dim=1).mean() / part**2
    energy = (whole_BD - whole_BD.mean(dim=0)).square().sum(dim=1).mean()
    assert found.squared_U[unit].item() == pytest.approx((change / energy).item(), rel=0.3)


@pytest.mark.parametrize("family", ["conv", "pyramid"])
def test_a_scan_begins_at_nothing_and_grows(small_student, family, windows_BCT):
    network = small_student(family)
    reference = Reference(network, windows_BCT)
    assert reference.noise(network) < 1e-10
    scanned = scan(network, windows_BCT, importance(network, reference, windows_BCT), reference)
    assert list(scanned) == [layer.name for layer in inner_layers(network.encoder.config)]
    for layer, each in zip(inner_layers(network.encoder.config), scanned.values(), strict=True):
        assert (each.sizes[0], each.sizes[-1]) == (layer.size, layer.step)
        assert each.noise[0] == 0
        assert list(each.noise) == sorted(each.noise)


def test_the_important_units_leave_less_noise_than_the_others(small_encoder, windows_BCT):
    network = small_encoder("conv")
    reference = Reference(network, windows_BCT)
    found = importance(network, reference, windows_BCT)
    opposite = {name: each._replace(squared_U=-each.squared_U) for name, each in found.items()}
    sizes = {layer.name: layer.left(0.5) for layer in inner_layers(network.config)}
    good, bad = (settled(pruned(network, each, sizes), windows_BCT) for each in (found, opposite))
    assert reference.noise(good) < reference.noise(bad)


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.75])
def test_sizes_cost_no_more_than_if_all_layers_gave_alike_and_spare_the_sensitive(ratio):
    config = SIZES["conv-s"]
    layers = inner_layers(config)
    scanned = {layer.name: STEEP if layer.name == "tokenizer.3" else FLAT for layer in layers}
    sizes = sizes_for(config, scanned, ratio)
    alike = {layer.name: max(8, round(layer.size * (1 - ratio))) for layer in layers}
    assert macs(shrunk(config, sizes)) <= macs(shrunk(config, alike))
    assert sizes["tokenizer.3"] > alike["tokenizer.3"]
    assert all(sizes[layer.name] % layer.step == 0 and sizes[layer.name] >= layer.step for layer in layers)


@pytest.mark.parametrize(
    ("ratio", "said", "valid"),
    [
        (0.9, r"empties tokenizer.0 \(24\), tokenizer.1 \(32\) of conv-s", "up to 0.83"),
        (0.01, "takes nothing out of conv-s", "above 0.04"),
    ],
)
def test_a_ratio_that_empties_a_layer_or_takes_nothing(ratio, said, valid):
    with pytest.raises(BadInput, match=said) as caught:
        require_units(SIZES["conv-s"], ratio)
    assert valid in caught.value.valid


def test_a_ratio_that_is_said_to_be_valid_is():
    for name, config in SIZES.items():
        if name != "efficientnet":
            with pytest.raises(BadInput) as caught:
                require_units(config, 0.99)
            require_units(config, float(caught.value.valid.split()[-1]) - 0.005)
