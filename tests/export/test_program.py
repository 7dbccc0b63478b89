"""What every converter relies on in the program that it is given."""

import pytest
import torch

from edgeacc.models.deploy import exported_program
from edgeacc.models.sizes import build
from edgeacc.signals.contract import DEFAULT


@pytest.mark.integration
@pytest.mark.parametrize("size", ["conv-xs", "transformer-xxxs"])
def test_weights_are_contiguous(size):
    """litert-torch reads a strided weight as if it were not: -15 dB without an error; XNNPACK refuses it."""
    program = exported_program(build(size, in_channels=3), DEFAULT)
    strided = [name for name, tensor in program.state_dict.items() if not tensor.is_contiguous()]
    assert strided == []


def test_a_program_takes_one_window_and_gives_one_embedding(program, acc_BCT, encoder):
    with torch.no_grad():
        z_1D = program.module()(acc_BCT[:1])
    assert z_1D.shape == (1, encoder.embedding_width)
