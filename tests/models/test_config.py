import pytest
import torch
from pydantic import ValidationError

from edgeacc.models.config import EncoderConfig
from edgeacc.models.efficientnet import Inverted
from edgeacc.models.sizes import SIZES, build

INVERTED = SIZES["efficientnet"].inverted.model_dump()
EVEN = INVERTED["stages"][0] | {"kernel": 4}


@pytest.mark.parametrize("name", list(SIZES))
def test_tokens_cover_the_window(name):
    config = SIZES[name]
    assert config.tokens * config.token_samples == config.samples == 3840


def test_receptive_field_of_the_small_convolutions():
    assert SIZES["conv-s"].context_samples / 64 == 4.5
    assert SIZES["conv-xs"].context_samples / 64 == 3.5


def test_receptive_field_of_the_efficientnet_is_the_one_that_a_gradient_finds():
    encoder = build("efficientnet", 3).eval()
    for block in encoder.modules():
        if isinstance(block, Inverted):
            block.gate.register_forward_hook(lambda *args: torch.ones_like(args[2]))
    x_BCT = torch.randn(1, 3, 3840, requires_grad=True)
    encoder.tokens(x_BCT)[0, 60].sum().backward()
    seen = x_BCT.grad[0].abs().sum(0).nonzero()[:, 0]
    assert seen.max() - seen.min() + 1 == SIZES["efficientnet"].context_samples


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"family": "pyramid"}, "at least one stage and at least one layer"),
        ({"family": "transformer"}, "patches that do not overlap"),
        ({"samples": 3841}, "not a multiple"),
        ({"frame_samples": 21}, "even number"),
        ({"frame_samples": 2}, "even number"),
        ({"family": "pyramid", "layers": 1, "heads": 5}, "does not divide"),
        ({"inverted": INVERTED}, "at least one stage and no layer"),
        ({"family": "efficientnet"}, "inverted blocks"),
        ({"family": "efficientnet", "inverted": INVERTED}, "inverted blocks"),
        ({"inverted": INVERTED | {"stages": [EVEN]}}, "kernels are odd"),
        ({"inverted": INVERTED | {"last_filters": 10**9}}, "less than or equal to 4096"),
        ({"colour": 1}, "Extra inputs"),
        ({"frame_filters": 10**9}, "less than or equal to 4096"),
        ({"in_channels": 10**6}, "less than or equal to 64"),
        ({"samples": 10**12}, "less than or equal to 65536"),
        ({"frame_stride": 10**9}, "less than or equal to 4096"),
        ({"frame_samples": 10**9}, "less than or equal to 4096"),
        ({"layers": 10**6}, "less than or equal to 64"),
        ({"heads": 10**6}, "less than or equal to 64"),
        ({"mlp_ratio": 10**6}, "less than or equal to 16"),
        ({"stages": [{"width": 10**9, "stride": 1}]}, "less than or equal to 4096"),
        ({"stages": [{"width": 1, "stride": 10**9}]}, "less than or equal to 64"),
        ({"stages": [{"width": 1, "stride": 1}] * 17}, "at most 16"),
        ({"samples": 65_536, "stages": [{"width": 1, "stride": 1}]}, "16384 tokens; there can be 1 to 4096"),
        ({"name": "../../x"}, "should match pattern"),
        ({"pruned": [{"heads": 1, "hidden": 8}]}, "1 pruned blocks of 0 layers"),
        ({"family": "pyramid", "layers": 1, "pruned": [{"heads": 5, "hidden": 8}]}, "up to 4 heads and 384 units"),
        ({"family": "pyramid", "layers": 1, "pruned": [{"heads": 4, "hidden": 385}]}, "up to 4 heads and 384 units"),
    ],
)
def test_inconsistent_configurations_are_refused(change, said):
    with pytest.raises(ValidationError, match=said):
        EncoderConfig.model_validate(SIZES["conv-s"].model_dump() | change)
