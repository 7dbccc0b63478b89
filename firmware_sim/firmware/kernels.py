"""One kernel as a program for the engines: its plain body and the core's own, in turn on the same input."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeacc.export.firmware.project import RUNTIME
from edgeacc.firmware_sim.engines.engine import Layer, Program

ONE_KERNEL = (Path(__file__).parent / "one_kernel", *(RUNTIME / name for name in ("kernels", "dsp", "mve")))
"""What an image of one kernel is built from."""


@dataclass(frozen=True)
class Window:
    """`edgeacc_window` of the runtime: the shape of a convolution."""

    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    kernel_h: int
    kernel_w: int
    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    pad_h: int = 0
    pad_w: int = 0

    def macs(self, *, depthwise: bool) -> int:
        """Multiply-accumulates, those on places outside the image too."""
        taps = self.kernel_h * self.kernel_w * (1 if depthwise else self.in_c)
        return self.out_h * self.out_w * self.out_c * taps


@dataclass(frozen=True)
class Kernel:
    """A convolution with its parameters; K is the number of output channels.

    Attributes:
        depthwise: which of the two kernels.
        window: its shape.
        input_zero: zero point of the input.
        output_zero: zero point of the output.
        low: least output.
        high: largest output.
        bias_K: int32.
        multiplier_K: int32, 2^30 to 2^31 - 1.
        shift_K: int32, -31 to 30.
        weights: int8, as the runtime's kernels order them.
        rounds_once: as FULLY_CONNECTED does.
    """

    depthwise: bool
    window: Window
    input_zero: int
    output_zero: int
    low: int
    high: int
    bias_K: npt.NDArray[np.int32]
    multiplier_K: npt.NDArray[np.int32]
    shift_K: npt.NDArray[np.int32]
    weights: npt.NDArray[np.int8]
    rounds_once: bool = False

    def program(self) -> Program:
        """Two layers: plain, tuned; their outputs one after the other."""
        window = self.window
        head = [int(self.depthwise), *(getattr(window, each.name) for each in fields(window))]
        limits = [-self.input_zero, self.output_zero, self.low, self.high, int(self.rounds_once)]
        words = np.concatenate([head, limits, self.bias_K, self.multiplier_K, self.shift_K]).astype("<i4")
        input_bytes = window.in_h * window.in_w * window.in_c
        output_bytes = 2 * window.out_h * window.out_w * window.out_c
        operator = "DEPTHWISE_CONV_2D" if self.depthwise else "CONV_2D"
        macs = window.macs(depthwise=self.depthwise)
        return Program(
            blob=words.tobytes() + self.weights.tobytes(),
            layers=(Layer(0, operator, "plain", macs), Layer(1, operator, "tuned", macs)),
            arena_bytes=input_bytes + output_bytes,
            input_bytes=input_bytes,
            output_bytes=output_bytes,
        )


def random_kernel(window: Window, random: np.random.Generator, *, depthwise: bool, shift: int | None = None) -> Kernel:
    """A kernel with drawn parameters, whose outputs fill the range of int8 without saturating much.

    Args:
        window: its shape.
        random: where the numbers come from.
        depthwise: which of the two kernels.
        shift: of all channels; drawn about what fits where not given.
    """
    taps = window.macs(depthwise=depthwise) // (window.out_h * window.out_w * window.out_c)
    channels = window.out_c
    usual = -int(np.ceil(np.log2(40.0 * np.sqrt(taps))))
    shifts = random.integers(usual - 1, usual + 2, channels) if shift is None else np.full(channels, shift)
    return Kernel(
        depthwise=depthwise,
        window=window,
        input_zero=int(random.integers(-128, 128)),
        output_zero=int(random.integers(-128, 128)),
        low=-128,
        high=127,
        bias_K=random.integers(-5000, 5000, channels).astype(np.int32),
        multiplier_K=random.integers(1 << 30, 1 << 31, channels).astype(np.int32),
        shift_K=shifts.astype(np.int32),
        weights=random.integers(-127, 128, taps * channels).astype(np.int8),
    )
