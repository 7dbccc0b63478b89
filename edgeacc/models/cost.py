"""What an encoder costs, before it is exported: parameters and multiply-accumulates."""

from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from edgeacc.models.config import EncoderConfig
from edgeacc.models.sizes import build, parameters


class Cost(NamedTuple):
    """Parameters (with BatchNorm's), and multiply-accumulates of one window's embedding."""

    parameters: int
    macs_per_window: int


def cost(config: EncoderConfig) -> Cost:
    """Count without computing anything: the network is built on torch's `meta` device.

    Convolutions and matrix products count (torch's flop counter, 2 operations per multiply-accumulate); elementwise
    work does not.
    """
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        encoder = build(config, config.in_channels).eval()
        encoder(torch.empty(1, config.in_channels, config.samples))
    return Cost(parameters(encoder), counter.get_total_flops() // 2)
