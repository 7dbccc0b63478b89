"""What this machine can do at best on one thread, and the time below which no artifact can come (Williams et al. 2009).

Peaks are measured, not looked up: a shared or throttled machine has others than its data sheet.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from edgeacc.benchmarks.results import Roofline
from edgeacc.models.checkpoint import load_encoder
from edgeacc.models.cost import cost

SIDE = 1024
"""Of the square matrices: 2 x 1024^3 operations are about 30 ms, and the matrices are larger than a second-level cache
(our choice)."""
OPERATIONS = 2 * SIDE**3
COPIED_BYTES = 64 * 2**20
"""Larger than the caches (our choice)."""
GPU_SIDE, GPU_COPIED_BYTES = 8192, 2**30
"""The same for a GPU, which takes a thousand times as much at once (our choice)."""
TRIES = 7
LONG_S = 0.5
"""A try that takes longer than this is the only one."""
IR_VERSION = 9
"""Of ONNX's format, from 2023: older onnxruntimes read it too."""


def measure() -> Roofline:
    """Measure this machine; takes about two seconds."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        product_gflops = matrix_gflops(torch.float32)
        copied_gb_s = copy_gb_s()
    finally:
        torch.set_num_threads(threads)
    fp32_s, int8_s = _onnxruntime_s()
    return Roofline(
        fp32_gflops=max(product_gflops, 0.0 if fp32_s is None else OPERATIONS / fp32_s / 1e9),
        int8_gops=None if int8_s is None else OPERATIONS / int8_s / 1e9,
        copy_gb_s=copied_gb_s,
    )


def matrix_gflops(kind: torch.dtype, device: str = "cpu") -> float:
    """1e9 operations a second of PyTorch's product of matrices, on as many threads as torch now has, or on a GPU."""
    side = SIDE if device == "cpu" else GPU_SIDE
    left, right = torch.randn(2, side, side, device=device).to(kind)
    return 2 * side**3 / _best_s(lambda: left @ right, device) / 1e9


def copy_gb_s(device: str = "cpu") -> float:
    """1e9 bytes a second that a copy reads and writes."""
    size = COPIED_BYTES if device == "cpu" else GPU_COPIED_BYTES
    source, target = torch.zeros(2, size, dtype=torch.uint8, device=device)
    return 2 * size / _best_s(lambda: target.copy_(source), device) / 1e9


def macs_of(checkpoint: Path) -> int:
    """Multiply-accumulates of one window through the deployed encoder of a checkpoint; raises as `load_encoder`."""
    return cost(load_encoder(checkpoint).encoder.config).macs_per_window


def _onnxruntime_s() -> tuple[float | None, float | None]:
    """Seconds of the product in fp32, and of uint8 activations with int8 weights, its fastest integer product."""
    try:
        import onnxruntime
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        return None, None
    random = np.random.default_rng(0)

    def seconds(operator: str, left: np.ndarray, right: np.ndarray, result: int) -> float:
        shape = [SIDE, SIDE]
        graph = helper.make_graph(
            [helper.make_node(operator, ["left", "right"], ["product"])],
            "product",
            [helper.make_tensor_value_info("left", helper.np_dtype_to_tensor_dtype(left.dtype), shape)],
            [helper.make_tensor_value_info("product", result, shape)],
            [numpy_helper.from_array(right, "right")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=IR_VERSION)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        return _best_s(lambda: session.run(None, {"left": left}))

    left, right = random.normal(size=(2, SIDE, SIDE)).astype(np.float32)
    integers = random.integers(-127, 127, (SIDE, SIDE))
    return (
        seconds("MatMul", left, right, TensorProto.FLOAT),
        seconds("MatMulInteger", (integers + 128).astype(np.uint8), integers.astype(np.int8), TensorProto.INT32),
    )


def _best_s(do: Callable[[], object], device: str = "cpu") -> float:
    """The best of some tries; fewer of what takes long, such as bfloat16 where it is emulated."""
    do()
    best_s = float("inf")
    for _ in range(TRIES):
        start_s = time.perf_counter()
        do()
        if device != "cpu":
            torch.cuda.synchronize()
        best_s = min(best_s, time.perf_counter() - start_s)
        if best_s > LONG_S:
            break
    return best_s
