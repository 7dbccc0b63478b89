"""Single layers."""

import torch

from edgeacc.models.config import BlockConfig
from edgeacc.models.layers import Block


def test_attention_is_the_same_fused_in_training_and_written_out():
    torch.manual_seed(0)
    block, x_BPD = Block(16, BlockConfig(heads=2, hidden=32), 8), torch.randn(2, 12, 16)
    torch.testing.assert_close(block.train()(x_BPD), block.eval()(x_BPD), rtol=1e-5, atol=1e-6)
