"""Convolutions that write over their own input: how far before it their output must begin."""

import math
from collections.abc import Sequence

from edgeacc.export.firmware.plan import ALIGNMENT

MOST_CHANNELS = 64
"""Of a convolution's output: the Helium kernel reads the whole input again for every further 64."""


def lead_of(window: Sequence[int], *, depthwise: bool) -> int | None:
    """Bytes by which the output begins before the input so that no kernel writes what it still has to read.

    Every kernel makes the places of the output in order. Place by place (in an image of one line, or by a window of
    1 x 1) or line by line, what has been written must end before the first input that this and all later places read. A
    depthwise kernel goes over the image again for other channels, and so a channel's outputs may only meet inputs of
    the same channel: the lead is a multiple of the channels, and no group of channels (4 with DSP, 16 with Helium) may
    overlap another.

    Args:
        window: in the order of `edgeacc_window`.
        depthwise: of which kernel.

    Returns:
        A multiple of the arena's alignment; None where a kernel would read again what it wrote over.
    """
    in_h, in_w, in_c, out_h, out_w, out_c, kernel_h, kernel_w, stride_h, stride_w, _, _, pad_h, pad_w = window
    if depthwise and (in_c != out_c or in_c % (4 if in_c < 16 else 16) != 0):
        return None
    if not depthwise and out_c > MOST_CHANNELS:
        return None
    if in_h == out_h == 1:
        steps, written, read, skipped = out_w, out_c, stride_w * in_c, pad_w * in_c
    elif (kernel_h, kernel_w, in_h, in_w) == (1, 1, out_h, out_w):
        steps, written, read, skipped = out_h * out_w, out_c, in_c, 0
    else:
        line = in_w * in_c
        steps, written, read, skipped = out_h, out_w * out_c, stride_h * line, pad_h * line
    lead = max((step + 1) * written - max(0, step * read - skipped) for step in range(steps))
    unit = math.lcm(ALIGNMENT, in_c if depthwise else 1)
    return -(-lead // unit) * unit
