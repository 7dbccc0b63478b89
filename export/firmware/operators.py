"""Each operator as layers of the runtime, with the constants that TFLite's reference kernels use."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeacc.export.firmware import moves
from edgeacc.export.firmware.checks import constants, refusal, require_shape
from edgeacc.export.firmware.graph import Operator, Tensor
from edgeacc.export.firmware.layers import Constant, Place, Word, words_of
from edgeacc.export.firmware.lower import ALIASES, UNARY, Handler, Lowering, dense
from edgeacc.export.firmware.rolling import lead_of
from edgeacc.export.firmware.scaling import mean_multiplier, multiplier_of

_LEAST, _LARGEST = -128, 127
_RELU, _RELU_N1_TO_1, _RELU6 = 1, 2, 3
"""ActivationFunctionType of the schema; 0 is none."""
_LEFT_SHIFT = {"ADD": 20, "SUB": 20, "SQUARED_DIFFERENCE": 7}
_OPERATION = {"ADD": 0, "SUB": 1, "MUL": 2, "SQUARED_DIFFERENCE": 3}
MOST_BIAS = 1 << 29
MOST_TAPS = 16_384
"""Limits of the runtime: sums stay within 31 bits."""


def _moved(size: int, kernel: int, stride: int, dilation: int, *, same: bool) -> int:
    """Places that a window takes along an axis (TFLite's ComputeOutSize)."""
    return -(-size // stride) if same else (size - (kernel - 1) * dilation - 1) // stride + 1


def limits(output: Tensor, activation: int, operator: Operator) -> tuple[int, int]:
    """Least and largest output of a fused activation (TFLite's CalculateActivationRangeQuantized)."""

    def quantized(real: float) -> int:
        scaled = np.float32(real) / np.float32(output.scale)
        return output.zero_point + int(np.floor(np.abs(scaled) + 0.5) * np.sign(scaled))

    if activation == _RELU:
        low, high = quantized(0.0), _LARGEST
    elif activation == _RELU6:
        low, high = quantized(0.0), quantized(6.0)
    elif activation == _RELU_N1_TO_1:
        low, high = quantized(-1.0), quantized(1.0)
    elif activation == 0:
        low, high = _LEAST, _LARGEST
    else:
        raise refusal(operator, f"fused activation {activation}", "none, RELU, RELU6 or RELU_N1_TO_1")
    return max(low, _LEAST), min(high, _LARGEST)


def padding(size: int, kernel: int, stride: int, dilation: int, out: int, *, same: bool) -> int:
    """Places before the first of an axis (TFLite's ComputePadding)."""
    return max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) // 2 if same else 0


def _weights(operator: Operator, tensor: Tensor, channels: int) -> Tensor:
    if tensor.data is None or tensor.type != "int8" or tensor.zero_point != 0:
        raise refusal(operator, f"weights {tensor.name!r} of type {tensor.type}", "constant int8, zero point 0")
    if len(tensor.scales) not in (1, channels):
        raise refusal(operator, f"{len(tensor.scales)} scales of weights", f"1 or {channels}")
    return tensor


def _channels(
    state: Lowering, operator: Operator, entry: Tensor, weights: Tensor, output: Tensor, channels: int, taps: int
) -> list[Word]:
    """Offsets, limits, and the three arrays of a convolution."""
    low, high = limits(output, operator.options.fusedActivationFunction, operator)
    number = operator.inputs[2] if len(operator.inputs) > 2 else -1
    bias = np.zeros(channels, np.int64) if number < 0 else _bias(state, operator, number, channels)
    if taps > MOST_TAPS or np.any(np.abs(bias) > MOST_BIAS):
        raise refusal(
            operator, f"{taps} inputs per output, bias up to {np.abs(bias).max()}", f"{MOST_TAPS}, {MOST_BIAS}"
        )
    if len(weights.scales) == 1 and operator.name == "FULLY_CONNECTED":
        product = np.float32(entry.scale) * np.float32(weights.scale)  # as TFLite: this product in 32-bit float
        factors = [multiplier_of(float(product) / output.scale)] * channels
    else:
        scales = np.broadcast_to(weights.scales, channels)
        factors = [multiplier_of(entry.scale * float(scale) / output.scale) for scale in scales]
    arrays = [words_of(bias), words_of([f.multiplier for f in factors]), words_of([f.shift for f in factors])]
    once = int(operator.name == "FULLY_CONNECTED")  # TFLite rounds its products once, others twice
    return [-entry.zero_point, output.zero_point, low, high, once, *arrays]


def _bias(state: Lowering, operator: Operator, number: int, channels: int) -> npt.NDArray[np.int64]:
    bias = state.tensor(number)
    if bias.data is None or bias.type != "int32" or bias.size != channels:
        raise refusal(
            operator, f"bias {bias.name!r} of type {bias.type}, {bias.size} values", f"{channels} int32 constants"
        )
    return bias.data.reshape(-1).astype(np.int64)


def _four(operator: Operator, tensor: Tensor) -> tuple[int, int, int, int]:
    if len(tensor.shape) != 4:
        raise refusal(operator, f"a tensor of {len(tensor.shape)} dimensions", "4: image, line, place, channel")
    images, height, width, channels = tensor.shape
    return images, height, width, channels


def _convolution(state: Lowering, operator: Operator) -> None:
    entry, output = state.activation(operator.inputs[0], operator), state.activation(operator.outputs[0], operator)
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    images, in_h, in_w, in_c = _four(operator, entry)
    _, out_h, out_w, out_c = _four(operator, output)
    weights = _weights(operator, state.tensor(operator.inputs[1]), out_c)
    first, kernel_h, kernel_w, last = _four(operator, weights)
    if (first, last) != ((1, out_c) if depthwise else (out_c, in_c)) or out_c % in_c * depthwise:
        raise refusal(operator, f"weights {weights.shape} for {in_c} to {out_c} channels", "one group")
    assert weights.data is not None
    if depthwise and np.any(weights.data == _LEAST):
        raise refusal(operator, "a weight of -128", "weights from -127 to 127, as TFLite asks for")
    o, taps = operator.options, kernel_h * kernel_w * (1 if depthwise else in_c)
    same = o.padding == 0
    high, wide = (
        _moved(in_h, kernel_h, o.strideH, o.dilationHFactor, same=same),
        _moved(in_w, kernel_w, o.strideW, o.dilationWFactor, same=same),
    )
    require_shape(operator, output, (images, high, wide, out_c))
    pad_h = padding(in_h, kernel_h, o.strideH, o.dilationHFactor, out_h, same=same)
    pad_w = padding(in_w, kernel_w, o.strideW, o.dilationWFactor, out_w, same=same)
    window = [in_h, in_w, in_c, out_h, out_w, out_c, kernel_h, kernel_w, o.strideH, o.strideW]
    window += [o.dilationHFactor, o.dilationWFactor, pad_h, pad_w]
    channels = _channels(state, operator, entry, weights, output, out_c, taps)
    source, target = state.place(entry.index), state.new(output.index)
    words = [source, target, images, *window, *channels, Constant(weights.data)]
    lead = lead_of(window, depthwise=depthwise) if images == 1 else None
    if lead is not None and isinstance(source, Place) and source.offset == 0:
        state.program.rolls[target.buffer] = (source.buffer, lead)
    kernel = "depthwise_conv_2d" if depthwise else "conv_2d"
    macs = images * out_h * out_w * out_c * taps
    state.emit(kernel, words, operator.name, output.index, target.buffer, macs)


def _fully_connected(state: Lowering, operator: Operator) -> None:
    entry, output = state.activation(operator.inputs[0], operator), state.activation(operator.outputs[0], operator)
    weights = state.tensor(operator.inputs[1])
    if len(weights.shape) != 2 or operator.options.weightsFormat != 0:
        raise refusal(operator, f"weights of shape {weights.shape}", "two dimensions, not shuffled")
    out_c, in_c = weights.shape
    weights = _weights(operator, weights, out_c)
    rows = entry.size // in_c
    if rows * in_c != entry.size or rows * out_c != output.size:
        raise refusal(operator, f"{entry.shape} to {output.shape} by weights {weights.shape}", "whole rows")
    assert weights.data is not None
    channels = _channels(state, operator, entry, weights, output, out_c, in_c)
    source, target = state.place(entry.index), state.new(output.index)
    window = [1, rows, in_c, 1, rows, out_c, 1, 1, 1, 1, 1, 1, 0, 0]
    words = [source, target, 1, *window, *channels, Constant(weights.data)]
    state.emit("conv_2d", words, operator.name, output.index, target.buffer, rows * in_c * out_c)


def _pool(state: Lowering, operator: Operator) -> None:
    entry, output = state.activation(operator.inputs[0], operator), state.activation(operator.outputs[0], operator)
    images, in_h, in_w, channels = _four(operator, entry)
    _, out_h, out_w, _ = _four(operator, output)
    o, same = operator.options, operator.options.padding == 0
    if (entry.scale, entry.zero_point) != (output.scale, output.zero_point):
        raise refusal(operator, "input and output differ in scale", "the same scale and zero point")
    high = _moved(in_h, o.filterHeight, o.strideH, 1, same=same)
    wide = _moved(in_w, o.filterWidth, o.strideW, 1, same=same)
    require_shape(operator, output, (images, high, wide, channels))
    pad_h = padding(in_h, o.filterHeight, o.strideH, 1, out_h, same=same)
    pad_w = padding(in_w, o.filterWidth, o.strideW, 1, out_w, same=same)
    source, target = state.place(entry.index), state.new(output.index)
    window = [in_h, in_w, channels, out_h, out_w, channels, o.filterHeight, o.filterWidth, o.strideH, o.strideW]
    words: list[Word] = [source, target, images, *window, 1, 1, pad_h, pad_w]
    words += [*limits(output, o.fusedActivationFunction, operator), int(operator.name == "MAX_POOL_2D")]
    state.emit("pool_2d", words, operator.name, output.index, target.buffer)


def _binary(state: Lowering, operator: Operator) -> None:
    one, other = (state.activation(number, operator) for number in operator.inputs[:2])
    output = state.activation(operator.outputs[0], operator)
    sizes, strides = _stretched(state, operator, (one, other), output)
    twice = 2.0 * max(one.scale, other.scale)
    left = _LEFT_SHIFT.get(operator.name, 0)
    if operator.name == "MUL":
        product = np.float32(one.scale) * np.float32(other.scale) / np.float32(output.scale)  # as TFLite: 32-bit float
        factors = [multiplier_of(0.5), multiplier_of(0.5), multiplier_of(float(product))]
    else:
        whole = twice * twice if operator.name == "SQUARED_DIFFERENCE" else twice
        power = 2.0 ** (2 * left) if operator.name == "SQUARED_DIFFERENCE" else 2.0**left
        factors = [multiplier_of(one.scale / twice), multiplier_of(other.scale / twice)]
        factors.append(multiplier_of(whole / (power * output.scale)))
    places = [_operand(state, tensor) for tensor in (one, other)]
    target = _result(state, output, (one, other))
    words: list[Word] = [_OPERATION[operator.name], left, *sizes]
    for tensor, place, factor, steps in zip((one, other), places, factors[:2], strides, strict=True):
        words += [-tensor.zero_point, *factor, *steps, place]
    activation = getattr(operator.options, "fusedActivationFunction", 0)
    words += [target, output.zero_point, *factors[2], *limits(output, activation, operator)]
    state.emit("binary", words, operator.name, output.index, target.buffer)


def _operand(state: Lowering, tensor: Tensor) -> Place | Constant:
    if tensor.data is not None:
        return Constant(tensor.data)
    view = state.views[tensor.index]
    return Place(view.buffer, view.offset)


def _result(state: Lowering, output: Tensor, operands: Sequence[Tensor]) -> Place:
    for tensor in operands:
        if tensor.data is None and tensor.size == output.size:
            return state.take_over(output.index, tensor.index)
    return state.new(output.index)


def _stretched(
    state: Lowering, operator: Operator, operands: Sequence[Tensor], output: Tensor
) -> tuple[list[int], list[list[int]]]:
    """Sizes of at most 4 dimensions, and the strides of both operands; 0 where one is repeated."""
    rank = len(output.shape)
    require_shape(operator, output, np.broadcast_shapes(*(each.shape for each in operands)))
    columns: list[list[tuple[int, int]]] = []
    for tensor in operands:
        strides = dense(tensor.shape) if tensor.data is not None else state.views[tensor.index].strides
        lead = rank - len(tensor.shape)
        sizes = (*[1] * lead, *tensor.shape)
        columns.append(list(zip(sizes, (*[0] * lead, *strides), strict=True)))
    sizes_out: list[int] = []
    steps: list[tuple[int, int]] = []
    for axis, size in enumerate(output.shape):
        pairs = [column[axis] for column in columns]
        if any(have not in (1, size) for have, _ in pairs):
            raise refusal(operator, f"shapes {[each.shape for each in operands]}", "shapes that stretch to one another")
        if size == 1:
            continue
        now = (pairs[0][1] if pairs[0][0] == size else 0, pairs[1][1] if pairs[1][0] == size else 0)
        if sizes_out and steps[-1] == (now[0] * size, now[1] * size):
            sizes_out[-1] *= size
            steps[-1] = now
        else:
            sizes_out.append(size)
            steps.append(now)
    if len(sizes_out) > 4:
        raise refusal(operator, f"{len(sizes_out)} dimensions", "4 at most")
    lead = 4 - len(sizes_out)
    return [*[1] * lead, *sizes_out], [[*[0] * lead, *(step[side] for step in steps)] for side in (0, 1)]


def _mean(state: Lowering, operator: Operator) -> None:
    entry, output = state.activation(operator.inputs[0], operator), state.activation(operator.outputs[0], operator)
    rank = len(entry.shape)
    axes = sorted({axis % rank for axis in constants(state, operator, 1)})
    real = [axis for axis in axes if entry.shape[axis] > 1] or axes[:1]
    kept = [1 if axis in axes else size for axis, size in enumerate(entry.shape)]
    without = [size for axis, size in enumerate(entry.shape) if axis not in axes]
    require_shape(operator, output, kept if operator.options.keepDims else without)
    between = range(real[0], real[-1] + 1)
    if any(axis not in axes and entry.shape[axis] > 1 for axis in between):
        raise refusal(operator, f"axes {axes} of {entry.shape}", "neighbouring axes")
    sizes = (entry.shape[: real[0]], entry.shape[real[0] : real[-1] + 1], entry.shape[real[-1] + 1 :])
    before, over, after = (int(np.prod(each, dtype=np.int64)) for each in sizes)
    factor = mean_multiplier(entry.scale / output.scale, over)
    source, target = state.place(entry.index), state.new(output.index)
    words = [source, target, before, over, after, entry.zero_point, output.zero_point, *factor]
    state.emit("mean", words, operator.name, output.index, target.buffer)


def _softmax(state: Lowering, operator: Operator) -> None:
    entry, output = state.activation(operator.inputs[0], operator), state.activation(operator.outputs[0], operator)
    if output.zero_point != _LEAST or abs(output.scale - 1 / 256) > 1e-6:
        raise refusal(operator, f"output scale {output.scale}, zero point {output.zero_point}", "1/256 and -128")
    require_shape(operator, output, entry.shape)
    digits = 5  # integer bits of a difference (tensorflow/lite/kernels/internal/reference/softmax.h)
    scaled = min(float(operator.options.beta) * entry.scale * 2.0 ** (31 - digits), 2.0**31 - 1)
    factor = multiplier_of(scaled)
    least = -int(np.floor((2**digits - 1) * 2.0 ** (31 - digits) / 2.0**factor.shift))
    depth = entry.shape[-1]
    source = state.place(entry.index)
    target = state.take_over(output.index, entry.index)
    words = [source, target, entry.size // depth, depth, *factor, max(least, -255)]
    state.emit("softmax", words, operator.name, output.index, target.buffer)


def _batch_matmul(state: Lowering, operator: Operator) -> None:
    one, other = (state.activation(number, operator) for number in operator.inputs[:2])
    output = state.activation(operator.outputs[0], operator)
    if operator.options.adjX or one.shape[:-2] != other.shape[:-2]:
        raise refusal(operator, f"{one.shape} by {other.shape}", "the same batches, the first not transposed")
    rows, depth = one.shape[-2:]
    columns = other.shape[-2] if operator.options.adjY else other.shape[-1]
    batches = one.size // (rows * depth)
    if (other.shape[-1] if operator.options.adjY else other.shape[-2]) != depth:
        raise refusal(operator, f"{one.shape} by {other.shape}", "one depth")
    require_shape(operator, output, (*one.shape[:-2], rows, columns))
    product = np.float32(one.scale) * np.float32(other.scale)  # as TFLite: this product in 32-bit float
    factor = multiplier_of(float(product) / output.scale)
    first, second, target = state.place(one.index), state.place(other.index), state.new(output.index)
    strides = (1, depth) if operator.options.adjY else (columns, 1)
    words: list[Word] = [first, second, target, batches, rows, depth, columns, *strides]
    words += [-one.zero_point, -other.zero_point, output.zero_point, *factor]
    macs = batches * rows * depth * columns
    state.emit("batch_matmul", words, operator.name, output.index, target.buffer, macs)


HANDLERS: dict[str, Handler] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _fully_connected,
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "TRANSPOSE": moves.transpose,
    "SLICE": moves.cut,
    "STRIDED_SLICE": moves.cut,
    "PAD": moves.pad,
    "PADV2": moves.pad,
    "CONCATENATION": moves.concatenation,
    "ADD": _binary,
    "SUB": _binary,
    "MUL": _binary,
    "SQUARED_DIFFERENCE": _binary,
    "MEAN": _mean,
    "CALL_ONCE": moves.nothing,
    "VAR_HANDLE": moves.handle,
    "READ_VARIABLE": moves.read_variable,
    "ASSIGN_VARIABLE": moves.assign_variable,
    "SOFTMAX": _softmax,
    "BATCH_MATMUL": _batch_matmul,
    **dict.fromkeys(ALIASES, moves.alias),
}
"""By TFLite's name; functions of one value are tables and not here (`lower.UNARY`)."""
ACCEPTED = (*HANDLERS, *UNARY, "DEQUANTIZE")
"""Every operator that a model for firmware may have (docs/simulator.md tells how exact each is)."""
