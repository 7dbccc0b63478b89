"""Where a window's time goes on this machine, layer by layer, as the runtime's own profiler tells."""

import json
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from edgeacc.benchmarks.results import LayerTime
from edgeacc.export.exporter import INPUT_NAME

PROFILED = ("onnx",)
"""Targets whose runtime tells in Python. LiteRT's interpreter gives no profiler to Python, the published packages of
ExecuTorch are built without its event tracer, and Core AI's runtime on Linux has none."""

_KERNEL = "_kernel_time"
"""What onnxruntime adds to the name of a node whose computing it tells."""


def onnx_layer_times(model: Path, acc_BCT: NDArray[np.float32], burn_in: int, calls: int) -> list[LayerTime]:
    """Median time of each operator that onnxruntime executes, in the order in which it does, on one thread.

    Its own profiler tells whole microseconds, and takes time itself: shares are worth more than sums.

    Args:
        model: an .onnx file.
        acc_BCT: what it takes, (B, 3, T); one window a call, in turn.
        burn_in: calls that are not counted.
        calls: that are.
    """
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        for call in range(burn_in + calls):
            first = call % len(acc_BCT)
            session.run(None, {INPUT_NAME: acc_BCT[first : first + 1]})
        events = json.loads(Path(session.end_profiling()).read_text())
    taken_us: dict[tuple[str, str], list[int]] = {}
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith(_KERNEL):
            layer = event["name"].removesuffix(_KERNEL), event["args"]["op_name"]
            taken_us.setdefault(layer, []).append(event["dur"])
    return [
        LayerTime(name=name, operator=operator, ms=median(each_us[-calls:]) / 1e3)
        for (name, operator), each_us in taken_us.items()
    ]
