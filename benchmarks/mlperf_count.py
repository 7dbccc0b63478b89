"""Instructions of a .tflite's convolutions and fully connected layers, each run by the runtime's kernel on a core.

These hold all multiply-accumulates of MLPerf Tiny's networks. Pooling, addition, padding and softmax are not run: by
their number of values they would add one to three per cent.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edgeacc.firmware_sim.counts import InstructionCounts
from edgeacc.firmware_sim.engines import engine_for
from edgeacc.firmware_sim.firmware.build import build_image
from edgeacc.firmware_sim.firmware.kernels import ONE_KERNEL, Window, random_kernel

SEED = 0
TUNED = 1
"""Which of the two layers of a kernel's program is the core's own body."""


class KernelCounter:
    """Counts instructions of models on cores; images are built once, equal layers run once."""

    def __init__(self, folder: Path) -> None:
        """Keep a folder for the images."""
        self._folder = folder
        self._known: dict[tuple[str, bool, Window], InstructionCounts] = {}

    def __call__(self, model: bytes, core: str) -> InstructionCounts:
        """Executed by one inference.

        Args:
            model: a static-int8 .tflite.
            core: of a device's profile, such as `cortex-m4`.

        Raises:
            NotPossibleHere: no cross-compiler or no engine here.
        """
        found = Counter(convolutions(model))
        whole = InstructionCounts()
        for (depthwise, window), times in found.items():
            one = self._one(core.removeprefix("cortex-"), depthwise, window)
            whole = sum([one] * times, whole)
        return whole

    def _one(self, core: str, depthwise: bool, window: Window) -> InstructionCounts:
        key = core, depthwise, window
        if key not in self._known:
            random = np.random.default_rng(SEED)
            program = random_kernel(window, random, depthwise=depthwise).program()
            given = random.integers(-128, 128, program.input_bytes).astype(np.int8).tobytes()
            run = engine_for(core).run(core, self._image(core), program, [given])
            self._known[key] = run.layers[TUNED].counts
        return self._known[key]

    def _image(self, core: str) -> Path:
        image = self._folder / f"{core}.elf"
        if not image.exists():
            build_image(core, ONE_KERNEL, image)
        return image


def convolutions(model: bytes) -> list[tuple[bool, Window]]:
    """The convolutions and fully connected layers of a .tflite: whether depthwise, and the shape."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    kinds = schema.BuiltinOperator
    wanted: dict[int, Callable[[list[list[int]], Any], Window]] = {
        kinds.CONV_2D: _convolution,
        kinds.DEPTHWISE_CONV_2D: _convolution,
        kinds.FULLY_CONNECTED: _connected,
    }
    graph = tree.subgraphs[0]
    found = []
    for operator in graph.operators:
        code = tree.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind in wanted:
            places = (*operator.inputs[:2], operator.outputs[0])
            shapes = [[int(size) for size in graph.tensors[place].shape] for place in places]
            found.append((kind == kinds.DEPTHWISE_CONV_2D, wanted[kind](shapes, operator.builtinOptions)))
    return found


def _connected(shapes: list[list[int]], _: Any) -> Window:  # noqa: ANN401
    given, (outputs, inputs), _result = shapes
    rows = int(np.prod(given)) // inputs
    return Window(1, rows, inputs, 1, rows, outputs, 1, 1)


def _convolution(shapes: list[list[int]], options: Any) -> Window:  # noqa: ANN401
    (_, in_h, in_w, in_c), (_, kernel_h, kernel_w, _), (_, out_h, out_w, out_c) = shapes
    padded = options.padding == 0
    return Window(
        in_h, in_w, in_c, out_h, out_w, out_c, kernel_h, kernel_w,
        stride_h=options.strideH,
        stride_w=options.strideW,
        dilation_h=options.dilationHFactor,
        dilation_w=options.dilationWFactor,
        pad_h=_same(in_h, out_h, kernel_h, options.strideH, options.dilationHFactor) if padded else 0,
        pad_w=_same(in_w, out_w, kernel_w, options.strideW, options.dilationWFactor) if padded else 0,
    )  # fmt: skip


def _same(size: int, results: int, kernel: int, stride: int, dilation: int) -> int:
    """Padding before the image, as TFLite's SAME."""
    return max((results - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) // 2
