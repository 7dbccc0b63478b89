"""The operations that the evaluator knows, by their MIL names.

Each function takes the operation's arguments by MIL's own names, floats in 32-bit Tensors, and returns a Tensor or a
tuple of them, in 32-bit float; the evaluator rounds. An argument that a function does not take is refused, like an
operation that is not in the table. Meaning and defaults are those of coremltools 9.0, `converters/mil/mil/ops/defs`.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

from edgeacc.export.coreml.operations import elementwise, integers, products, reduction, shape, states, weights

Operation = Callable[..., Tensor | Sequence[Tensor]]

OPERATIONS: dict[str, Operation] = {
    "abs": elementwise.absolute,
    "add": elementwise.add,
    "avg_pool": reduction.avg_pool,
    "cast": elementwise.cast,
    "clip": elementwise.clip,
    "concat": shape.concat,
    "constexpr_affine_dequantize": weights.affine_dequantize,
    "constexpr_blockwise_shift_scale": weights.blockwise_shift_scale,
    "constexpr_lut_to_dense": weights.lut_to_dense,
    "conv": products.conv,
    "coreml_update_state": states.update_state,
    "dequantize": integers.dequantize,
    "exp": elementwise.exp,
    "expand_dims": shape.expand_dims,
    "gelu": elementwise.gelu,
    "layer_norm": reduction.layer_norm,
    "linear": products.linear,
    "matmul": products.matmul,
    "max_pool": reduction.max_pool,
    "maximum": elementwise.maximum,
    "minimum": elementwise.minimum,
    "mul": elementwise.mul,
    "pad": shape.pad,
    "pow": elementwise.power,
    "quantize": integers.quantize,
    "read_state": states.read_state,
    "real_div": elementwise.real_div,
    "reduce_max": reduction.reduce_max,
    "reduce_mean": reduction.reduce_mean,
    "reduce_sum": reduction.reduce_sum,
    "relu": elementwise.relu,
    "relu6": elementwise.relu6,
    "reshape": shape.reshape,
    "rsqrt": elementwise.rsqrt,
    "scaled_dot_product_attention": products.scaled_dot_product_attention,
    "sigmoid": elementwise.sigmoid,
    "silu": elementwise.silu,
    "slice_by_index": shape.slice_by_index,
    "softmax": reduction.softmax,
    "split": shape.split,
    "sqrt": elementwise.sqrt,
    "square": elementwise.square,
    "squeeze": shape.squeeze,
    "stack": shape.stack,
    "sub": elementwise.sub,
    "tanh": elementwise.tanh,
    "transpose": shape.transpose,
}
