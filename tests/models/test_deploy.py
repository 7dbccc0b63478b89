import pytest
import torch
from torch import nn

from edgeacc.errors import BadInput
from edgeacc.models.config import EncoderConfig
from edgeacc.models.deploy import BothEnds, both_ends_program, deployable, exported_program, restored
from edgeacc.models.encoder import Encoder, settle
from edgeacc.models.sizes import SIZES, build
from edgeacc.signals.contract import DEFAULT, SignalContract

SMALL = (
    "transformer-xxxs",
    "pyramid-s",
    "conv-s",
    "conv-xs",
    "conv-xxs",
    pytest.param("efficientnet", marks=pytest.mark.integration),
    "with context",
)


def _with_context() -> EncoderConfig:
    config = SIZES["conv-xs"]
    stages = [stage.model_copy(update={"context": True}) for stage in config.stages]
    return config.model_copy(update={"stages": tuple(stages)})


def _settled(name: str) -> Encoder:
    torch.manual_seed(1)
    encoder = build(_with_context() if name == "with context" else name, 3)
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):  # as after training, not ones and zeros
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
    return settle(encoder, [torch.randn(16, 3, 3840)])


@pytest.mark.parametrize("name", SMALL)
def test_deployed_form_equals_the_encoder(name):
    encoder = _settled(name)
    deployed = deployable(encoder)
    x_BCT = torch.randn(3, 3, 3840)
    expected_BD = encoder(x_BCT).detach()
    got_BD = torch.cat([deployed(x_1CT) for x_1CT in x_BCT.split(1)])
    assert expected_BD.std(dim=0).mean() > 0.1
    assert (got_BD - expected_BD).abs().max() < 1e-5 * expected_BD.abs().max()


@pytest.mark.parametrize("name", SMALL)
def test_both_ends_equal_the_encoders(name):
    encoder = _settled(name)
    program = both_ends_program(encoder).module()
    x_1CT = torch.randn(1, 3, 3840)
    told = program(x_1CT)
    assert list(told) == ["embedding", "filtered", "tokens"]
    got = (told["embedding"], *BothEnds.read(encoder, told["filtered"], told["tokens"]))
    for expected, has in zip((encoder(x_1CT), *encoder.both_ends(x_1CT)), got, strict=True):
        assert has.shape == expected.shape
        assert (has - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.parametrize("name", SMALL)
def test_deployed_form_has_no_batch_norm_and_only_flat_convolutions(name):
    deployed = deployable(_settled(name))
    kinds = {type(module) for module in deployed.modules()}
    assert not kinds & {nn.BatchNorm1d, nn.BatchNorm2d}
    assert all(m.kernel_size[0] == 1 for m in deployed.modules() if isinstance(m, nn.Conv2d))
    assert not any(parameter.requires_grad for parameter in deployed.parameters())


@pytest.mark.parametrize("name", [name for name in SMALL if isinstance(name, str)])
def test_an_encoder_is_restored_from_a_changed_deployed_form(name):
    encoder = _settled(name)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    deployed = deployable(encoder)
    with torch.no_grad():
        for parameter in deployed.parameters():
            parameter.mul_(1.1)
    made = restored(deployed, encoder)
    x_BCT = torch.randn(2, 3, 3840)
    expected_BD = deployed(x_BCT)
    assert (made(x_BCT) - expected_BD).abs().max() < 1e-5 * expected_BD.abs().max()
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    for ours, theirs in zip(made.modules(), encoder.modules(), strict=True):
        if isinstance(ours, nn.BatchNorm1d):
            assert torch.equal(ours.weight, theirs.weight)
            assert torch.equal(ours.running_var, theirs.running_var)


def test_an_efficientnet_is_not_restored():
    encoder = build("efficientnet", 3).eval()
    with pytest.raises(BadInput, match="efficientnet cannot be put back"):
        restored(deployable(encoder), encoder)


def test_deploying_leaves_the_encoder_as_it_is():
    encoder = _settled("pyramid-s")
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    deployed = deployable(encoder)
    for parameter in deployed.parameters():
        parameter.zero_()
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())


def test_exported_program_computes_the_embedding():
    encoder = _settled("conv-xs")
    program = exported_program(encoder, DEFAULT)
    x_1CT = torch.randn(1, 3, 3840)
    assert torch.allclose(program.module()(x_1CT), encoder(x_1CT), atol=1e-4)
    names = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert not {name for name in names if "batch_norm" in name or "sqrt" in name or "conv1d" in name}


def test_attention_is_written_out():
    names = {str(node.target) for node in exported_program(_settled("pyramid-s"), DEFAULT).graph.nodes}
    assert not any("scaled_dot_product" in name for name in names)
    assert any("softmax" in name for name in names)


def test_another_window_is_refused():
    with pytest.raises(BadInput, match="3840 samples, the signal contract has 1920"):
        exported_program(_settled("conv-xs"), SignalContract(window_s=30.0))
