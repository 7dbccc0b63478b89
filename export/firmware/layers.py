"""What the compiler makes of a graph: layers of the runtime, whose parameters point to buffers and constants."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

KERNELS = {
    "conv_2d": 1,
    "depthwise_conv_2d": 2,
    "pool_2d": 3,
    "table": 4,
    "binary": 5,
    "mean": 6,
    "copy": 7,
    "softmax": 8,
    "batch_matmul": 9,
}
"""Numbers of `edgeacc_layers.h`."""


@dataclass(frozen=True)
class Place:
    """A byte in a buffer of the arena."""

    buffer: int
    offset: int = 0


@dataclass(frozen=True, eq=False)
class Constant:
    """An array in the blob; int32 or int8."""

    array: npt.NDArray[Any]


Word = int | Place | Constant


@dataclass(frozen=True)
class KernelLayer:
    """One layer.

    Attributes:
        kernel: of `KERNELS`.
        words: parameters, in the order of the runtime's structure.
        reads: buffers.
        writes: one buffer.
        operator: TFLite's name; of a chain, that of its first operator that computes.
        name: of the output tensor.
        macs: multiply-accumulates.
    """

    kernel: str
    words: tuple[Word, ...]
    reads: tuple[int, ...]
    writes: int
    operator: str
    name: str
    macs: int = 0

    @property
    def constant_bytes(self) -> int:
        """Of its weights and tables."""
        return sum(word.array.nbytes for word in self.words if isinstance(word, Constant))


@dataclass
class Program:
    """Layers, and the sizes of the buffers that they use.

    Attributes:
        layers: in order.
        buffer_bytes: of each buffer.
        same: a buffer -> the buffer whose memory it takes over.
        rolls: a buffer -> the buffer that its layer may write over, and how many bytes before that it then begins.
        state: buffers that keep their values from one run to the next.
        resets: so many layers at the start set the state, and are no part of a run.
    """

    layers: list[KernelLayer] = field(default_factory=list)
    buffer_bytes: list[int] = field(default_factory=list)
    same: dict[int, int] = field(default_factory=dict)
    rolls: dict[int, tuple[int, int]] = field(default_factory=dict)
    state: list[int] = field(default_factory=list)
    resets: int = 0

    def buffer(self, size: int) -> int:
        """A new buffer."""
        self.buffer_bytes.append(size)
        return len(self.buffer_bytes) - 1


def words_of(values: npt.NDArray[Any] | list[int]) -> Constant:
    """An array of int32."""
    return Constant(np.asarray(values).astype("<i4"))
