import pytest

from edgeacc.errors import BadInput
from edgeacc.models.sizes import SIZES, build, parameters

# Counts by hand of the paper's ladder for 4 channels: 12 D^2 + 13 D a layer, 81 D for the patches, 2 D for the norm.
# Its own figures for xs to xxxs (0.84, 0.37, 0.12 M) are rounded up by up to 14 % against this count.
LADDER = {
    "transformer-xl": (8, 256, 6.34e6, 0.01),
    "transformer-l": (6, 256, 4.76e6, 0.01),
    "transformer-m": (6, 192, 2.7e6, 0.01),
    "transformer-s": (4, 192, 1.85e6, 0.04),
    "transformer-xs": (4, 128, 0.84e6, 0.05),
    "transformer-xxs": (3, 96, 0.37e6, 0.08),
    "transformer-xxxs": (2, 64, 0.12e6, 0.14),
}


@pytest.mark.parametrize("name", list(LADDER))
def test_parameters_of_the_ladder(name):
    layers, width, documented, tolerance = LADDER[name]
    counted = layers * (12 * width**2 + 13 * width) + 81 * width + 2 * width
    assert parameters(build(name, 4)) == counted == pytest.approx(documented, rel=tolerance)


def test_parameters_of_the_small_convolutions():
    assert parameters(build("conv-xs", 3)) == 61_904
    assert parameters(build("conv-s", 3)) == 105_104


def test_parameters_of_the_efficientnet():
    assert parameters(build("efficientnet", 4)) == 3_379_652  # 3.38 M
    assert parameters(build("efficientnet", 3)) == 3_379_652 - 3 * 32
    assert parameters(build("conv-xxs", 3)) == 24_336


def test_unknown_size_says_which_exist():
    with pytest.raises(BadInput) as caught:
        build("conv-xxl", 3)
    assert "conv-xxl" in caught.value.problem
    assert all(name in caught.value.valid for name in SIZES)
