"""Each operator, compiled and run by the C runtime, against LiteRT's reference kernels: to the last bit."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_models import Maker, reference, reference_of_calls, streaming_model

pytest.importorskip("ai_edge_litert", reason="the extra `tflite` is not installed")
if shutil.which("cc") is None:
    pytest.skip("cc is not installed: apt-get install gcc", allow_module_level=True)

from edgeacc.errors import BadInput
from edgeacc.export.firmware.compile import compile_graph
from edgeacc.export.firmware.graph import parse_graph
from edgeacc.export.firmware.operators import ACCEPTED
from edgeacc.export.firmware.session import FirmwareSession

pytestmark = pytest.mark.integration

SCALES = st.floats(2.0**-9, 2.0**-2)
ZEROS = st.integers(-128, 127)
SEEDS = st.integers(0, 2**16)
SIDES = st.integers(1, 5)


def compared(content, seed):
    """Run both on random inputs; the outputs of LiteRT, for tests of the tests."""
    compiled = compile_graph(parse_graph(content, "model"), "model")
    random = np.random.default_rng(seed)
    given_ = [random.integers(-128, 128, port.shape).astype(np.int8) for port in compiled.inputs]
    expected = reference(content, given_)
    for got, want in zip(FirmwareSession(compiled)(given_), expected, strict=True):
        np.testing.assert_array_equal(got, want.reshape(-1))
    return expected


def weights(maker, random, shape, axis, count):
    scales = random.uniform(0.001, 0.02, count)
    data = random.integers(-127, 128, shape).astype(np.int8)
    return maker.tensor(shape, scales=scales, data=data, axis=axis), scales


@given(
    seed=SEEDS,
    depthwise=st.booleans(),
    size=st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    step=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    same=st.booleans(),
    activation=st.sampled_from([0, 1, 2, 3]),
    scales=st.tuples(SCALES, SCALES),
    zeros=st.tuples(ZEROS, ZEROS),
)
@settings(max_examples=60)
def test_convolutions(seed, depthwise, size, kernel, step, same, activation, scales, zeros):
    (in_h, in_w, in_c), (kernel_h, kernel_w), (stride, dilation) = size, kernel, step
    dilation = dilation if stride == 1 else 1
    reach = [(each - 1) * dilation + 1 for each in kernel]
    if not same:
        in_h, in_w = max(in_h, reach[0]), max(in_w, reach[1])
    out = [-(-n // stride) if same else (n - r) // stride + 1 for n, r in zip((in_h, in_w), reach, strict=True)]
    random, maker = np.random.default_rng(seed), Maker()
    out_c = in_c if depthwise else int(random.integers(1, 10))
    entry = maker.tensor((1, in_h, in_w, in_c), scales=[scales[0]], zero=zeros[0])
    shape = (1, kernel_h, kernel_w, out_c) if depthwise else (out_c, kernel_h, kernel_w, in_c)
    filters, channel_scales = weights(maker, random, shape, 3 if depthwise else 0, out_c)
    bias = maker.tensor((out_c,), kind="INT32", data=random.integers(-2000, 2000, out_c).astype(np.int32),
                        scales=channel_scales * scales[0])  # fmt: skip
    output = maker.tensor((1, *out, out_c), scales=[scales[1]], zero=zeros[1])
    options = dict(
        padding=0 if same else 1,
        strideH=stride,
        strideW=stride,
        dilationHFactor=dilation,
        dilationWFactor=dilation,
        fusedActivationFunction=activation,
    )
    if depthwise:
        options["depthMultiplier"] = 1
        name = "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions"
    else:
        name = "CONV_2D", "Conv2DOptions"
    maker.operator(name[0], [entry, filters, bias], [output], name[1], **options)
    compared(maker.bytes_of([entry], [output]), seed)


@given(
    seed=SEEDS,
    rows=SIDES,
    sizes=st.tuples(st.integers(1, 70), st.integers(1, 20)),
    per_channel=st.booleans(),
    activation=st.sampled_from([0, 1]),
    scales=st.tuples(SCALES, SCALES),
    zeros=st.tuples(ZEROS, ZEROS),
)
@settings(max_examples=40)
def test_fully_connected(seed, rows, sizes, per_channel, activation, scales, zeros):
    in_c, out_c = sizes
    random, maker = np.random.default_rng(seed), Maker()
    entry = maker.tensor((rows, in_c), scales=[scales[0]], zero=zeros[0])
    filters, channel_scales = weights(maker, random, (out_c, in_c), 0, out_c if per_channel else 1)
    bias = maker.tensor((out_c,), kind="INT32", data=random.integers(-2000, 2000, out_c).astype(np.int32),
                        scales=channel_scales * scales[0])  # fmt: skip
    output = maker.tensor((rows, out_c), scales=[scales[1]], zero=zeros[1])
    inputs = [entry, filters, bias]
    maker.operator("FULLY_CONNECTED", inputs, [output], "FullyConnectedOptions", fusedActivationFunction=activation)
    compared(maker.bytes_of([entry], [output]), seed)


@given(
    seed=SEEDS,
    name=st.sampled_from(["ADD", "SUB", "MUL", "SQUARED_DIFFERENCE"]),
    shape=st.lists(SIDES, min_size=1, max_size=4),
    stretched=st.lists(st.booleans(), min_size=4, max_size=4),
    constant=st.booleans(),
    activation=st.sampled_from([0, 1]),
    scales=st.tuples(SCALES, SCALES, SCALES),
    zeros=st.tuples(ZEROS, ZEROS, ZEROS),
)
@settings(max_examples=80)
def test_two_operands(seed, name, shape, stretched, constant, activation, scales, zeros):
    random, maker = np.random.default_rng(seed), Maker()
    other_shape = [1 if flat else size for flat, size in zip(stretched, shape, strict=False)]
    one = maker.tensor(shape, scales=scales[:1], zero=zeros[0])
    data = random.integers(-128, 128, other_shape).astype(np.int8) if constant else None
    other = maker.tensor(other_shape, scales=scales[1:2], zero=zeros[1], data=data)
    output = maker.tensor(shape, scales=scales[2:], zero=zeros[2])
    if name == "SQUARED_DIFFERENCE":
        maker.operator(name, [one, other], [output], "SquaredDifferenceOptions")
    else:
        options = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}[name]
        maker.operator(name, [one, other], [output], options, fusedActivationFunction=activation)
    compared(maker.bytes_of([one] if constant else [one, other], [output]), seed)


@given(
    seed=SEEDS,
    shape=st.lists(st.integers(1, 7), min_size=2, max_size=4),
    span=st.tuples(st.integers(0, 3), st.integers(1, 3)),
    keep=st.booleans(),
    scales=st.tuples(SCALES, SCALES),
    zeros=st.tuples(ZEROS, ZEROS),
)
@settings(max_examples=60)
def test_mean(seed, shape, span, keep, scales, zeros):
    first = span[0] % len(shape)
    axes = list(range(first, min(first + span[1], len(shape))))
    kept = [1 if axis in axes else size for axis, size in enumerate(shape)]
    maker = Maker()
    entry = maker.tensor(shape, scales=scales[:1], zero=zeros[0])
    out_shape = kept if keep else [size for axis, size in enumerate(shape) if axis not in axes]
    output = maker.tensor(out_shape, scales=scales[1:], zero=zeros[1])
    maker.operator("MEAN", [entry, maker.ints(axes)], [output], "ReducerOptions", keepDims=keep)
    compared(maker.bytes_of([entry], [output]), seed)


@given(
    seed=SEEDS,
    largest=st.booleans(),
    size=st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 5)),
    kernel=st.tuples(SIDES, SIDES),
    stride=st.integers(1, 3),
    same=st.booleans(),
    scale=SCALES,
    zero=ZEROS,
)
@settings(max_examples=40)
def test_pools(seed, largest, size, kernel, stride, same, scale, zero):
    (in_h, in_w, channels), (kernel_h, kernel_w) = size, kernel
    if not same:
        in_h, in_w = max(in_h, kernel_h), max(in_w, kernel_w)
    out = [-(-n // stride) if same else (n - k) // stride + 1 for n, k in zip((in_h, in_w), kernel, strict=True)]
    maker = Maker()
    entry = maker.tensor((1, in_h, in_w, channels), scales=[scale], zero=zero)
    output = maker.tensor((1, *out, channels), scales=[scale], zero=zero)
    options = dict(
        padding=0 if same else 1, strideH=stride, strideW=stride, filterHeight=kernel_h, filterWidth=kernel_w
    )
    name = "MAX_POOL_2D" if largest else "AVERAGE_POOL_2D"
    maker.operator(name, [entry], [output], "Pool2DOptions", **options)
    compared(maker.bytes_of([entry], [output]), seed)


@given(seed=SEEDS, shape=st.lists(SIDES, min_size=2, max_size=4), order=st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_transpose_slice_pad_and_concatenation(seed, shape, order):
    """In a row, so that views of views are read too."""
    random, maker, scale = np.random.default_rng(seed), Maker(), [0.1]
    axes = list(range(len(shape)))
    order.shuffle(axes)
    turned = [shape[axis] for axis in axes]
    begin = [int(random.integers(0, size)) for size in turned]
    cut = [int(random.integers(1, size - start + 1)) for size, start in zip(turned, begin, strict=True)]
    amounts = random.integers(0, 3, (len(shape), 2))
    padded = [size + int(pair.sum()) for size, pair in zip(cut, amounts, strict=True)]
    entry = maker.tensor(shape, scales=scale, zero=5)
    one, two, three, both = (maker.tensor(each, scales=scale, zero=5)
                             for each in (turned, cut, padded, [2 * padded[0], *padded[1:]]))  # fmt: skip
    maker.operator("TRANSPOSE", [entry, maker.ints(axes)], [one], "TransposeOptions")
    maker.operator("SLICE", [one, maker.ints(begin), maker.ints(cut)], [two], "SliceOptions")
    pads = maker.tensor((len(shape), 2), kind="INT32", data=amounts.astype(np.int32))
    maker.operator("PAD", [two, pads], [three], "PadOptions")
    maker.operator("CONCATENATION", [three, three], [both], "ConcatenationOptions", axis=0)
    compared(maker.bytes_of([entry], [both]), seed)


@given(seed=SEEDS, size=st.integers(2, 12), start=st.integers(0, 1), step=st.integers(1, 3))
@settings(max_examples=20)
def test_strided_slice_and_reshape(seed, size, start, step):
    maker = Maker()
    taken = -(-(size - start) // step)
    entry = maker.tensor((size, 3), scales=[0.1])
    part = maker.tensor((taken, 3), scales=[0.1])
    flat = maker.tensor((3 * taken,), scales=[0.1])
    inputs = [entry, maker.ints([start, 0]), maker.ints([size, 3]), maker.ints([step, 1])]
    maker.operator("STRIDED_SLICE", inputs, [part], "StridedSliceOptions")
    maker.operator("RESHAPE", [part, maker.ints([3 * taken])], [flat], "ReshapeOptions")
    compared(maker.bytes_of([entry], [flat]), seed)


@given(seed=SEEDS, rows=SIDES, depth=st.integers(1, 40), scale=SCALES, zero=ZEROS, beta=st.sampled_from([0.5, 1.0]))
@settings(max_examples=50)
def test_softmax(seed, rows, depth, scale, zero, beta):
    maker = Maker()
    entry = maker.tensor((rows, depth), scales=[scale], zero=zero)
    output = maker.tensor((rows, depth), scales=[1 / 256], zero=-128)
    maker.operator("SOFTMAX", [entry], [output], "SoftmaxOptions", beta=beta)
    compared(maker.bytes_of([entry], [output]), seed)


@given(
    seed=SEEDS,
    sizes=st.tuples(st.integers(1, 3), SIDES, st.integers(1, 20), SIDES),
    turned=st.booleans(),
    scales=st.tuples(SCALES, SCALES, SCALES),
    zeros=st.tuples(ZEROS, ZEROS, ZEROS),
)
@settings(max_examples=30)
def test_batch_matmul(seed, sizes, turned, scales, zeros):
    batches, rows, depth, columns = sizes
    maker = Maker()
    one = maker.tensor((batches, rows, depth), scales=scales[:1], zero=zeros[0])
    shape = (batches, columns, depth) if turned else (batches, depth, columns)
    other = maker.tensor(shape, scales=scales[1:2], zero=zeros[1])
    output = maker.tensor((batches, rows, columns), scales=scales[2:], zero=zeros[2])
    maker.operator("BATCH_MATMUL", [one, other], [output], "BatchMatMulOptions", adjX=False, adjY=turned)
    compared(maker.bytes_of([one, other], [output]), seed)


UNARY = {
    "ABS": "AbsOptions",
    "EXP": "ExpOptions",
    "GELU": "GeluOptions",
    "HARD_SWISH": "HardSwishOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "LOG": None,
    "LOGISTIC": None,
    "NEG": "NegOptions",
    "QUANTIZE": "QuantizeOptions",
    "RELU": None,
    "RELU6": None,
    "RELU_N1_TO_1": None,
    "RSQRT": None,
    "TANH": None,
}
THROUGH_FLOATS = {
    "COS": "CosOptions",
    "SIN": None,
    "SQRT": None,
    "SQUARE": "SquareOptions",
}
"""LiteRT has them for floats alone: they stand between DEQUANTIZE and QUANTIZE."""


@given(
    name=st.sampled_from(sorted(UNARY)),
    scales=st.tuples(SCALES, SCALES),
    zeros=st.tuples(st.integers(-128, 100), ZEROS),
)
@settings(max_examples=60)
def test_functions_of_one_value(name, scales, zeros):
    if name in ("LOGISTIC", "TANH"):
        scales, zeros = (scales[0], 1 / 256 if name == "LOGISTIC" else 1 / 128), (zeros[0], -128 * (name == "LOGISTIC"))
    maker = Maker()
    entry = maker.tensor((256,), scales=scales[:1], zero=zeros[0])
    output = maker.tensor((256,), scales=scales[1:], zero=zeros[1])
    maker.operator(name, [entry], [output], UNARY[name])
    content = maker.bytes_of([entry], [output])
    values = np.arange(-128, 128).astype(np.int8)
    if name in ("RSQRT", "LOG"):
        values = np.maximum(values, zeros[0] + 1).astype(np.int8)  # LiteRT refuses values below the zero point
    session = FirmwareSession(compile_graph(parse_graph(content, "model"), "model"))
    np.testing.assert_array_equal(session([values])[0], reference(content, [values])[0])


@given(
    name=st.sampled_from(sorted(THROUGH_FLOATS)),
    scales=st.tuples(SCALES, SCALES),
    zeros=st.tuples(ZEROS, ZEROS),
)
@settings(max_examples=20)
def test_functions_of_one_value_through_floats(name, scales, zeros):
    maker = Maker()
    entry = maker.tensor((256,), scales=scales[:1], zero=zeros[0])
    real, result = (maker.tensor((256,), kind="FLOAT32") for _ in range(2))
    output = maker.tensor((256,), scales=scales[1:], zero=zeros[1])
    maker.operator("DEQUANTIZE", [entry], [real])
    maker.operator(name, [real], [result], THROUGH_FLOATS[name])
    maker.operator("QUANTIZE", [result], [output], "QuantizeOptions")
    content = maker.bytes_of([entry], [output])
    values = np.arange(-128, 128).astype(np.int8)
    if name == "SQRT":
        values = np.maximum(values, zeros[0]).astype(np.int8)  # the root of less is no number
    session = FirmwareSession(compile_graph(parse_graph(content, "model"), "model"))
    np.testing.assert_array_equal(session([values])[0], reference(content, [values])[0])


@given(seed=SEEDS, shape=st.lists(SIDES, min_size=1, max_size=3), value=ZEROS)
@settings(max_examples=20)
def test_dimensions_of_one_and_padding_with_a_value(seed, shape, value):
    maker, scale = Maker(), [0.1]
    amounts = np.random.default_rng(seed).integers(0, 3, (len(shape) + 1, 2))
    padded = [size + int(pair.sum()) for size, pair in zip([1, *shape], amounts, strict=True)]
    entry, wider, output = (maker.tensor(each, scales=scale, zero=5) for each in (shape, [1, *shape], padded))
    maker.operator("EXPAND_DIMS", [entry, maker.ints([0])], [wider], "ExpandDimsOptions")
    pads = maker.tensor((len(shape) + 1, 2), kind="INT32", data=amounts.astype(np.int32))
    filling = maker.tensor((1,), scales=scale, zero=5, data=np.array([value], np.int8))
    maker.operator("PADV2", [wider, pads, filling], [output], "PadV2Options")
    outputs = [output]
    if padded[0] == 1:
        outputs = [maker.tensor(padded[1:], scales=scale, zero=5)]
        maker.operator("SQUEEZE", [output], outputs, "SqueezeOptions", squeezeDims=[0])
    compared(maker.bytes_of([entry], outputs), seed)


def test_a_chain_through_floats_is_one_table():
    maker = Maker()
    entry = maker.tensor((4, 4), scales=[0.05], zero=3)
    real, positive = (maker.tensor((4, 4), kind="FLOAT32") for _ in range(2))
    output = maker.tensor((4, 4), scales=[0.04], zero=-128)
    maker.operator("DEQUANTIZE", [entry], [real])
    maker.operator("ABS", [real], [positive], "AbsOptions")
    maker.operator("QUANTIZE", [positive], [output], "QuantizeOptions")
    content = maker.bytes_of([entry], [output])
    compiled = compile_graph(parse_graph(content, "model"), "model")
    assert [layer.operator for layer in compiled.layers] == ["ABS"]
    assert compiled.arena_bytes == 16
    compared(content, 1)


@given(seed=SEEDS, new=st.integers(1, 6), channels=st.integers(1, 4), width=st.integers(1, 6), taps=st.integers(2, 9))
@settings(max_examples=20)
def test_variables_of_a_streaming_model(seed, new, channels, width, taps):
    content = streaming_model(seed, new, channels, width, taps)
    compiled = compile_graph(parse_graph(content, "model"), "model")
    random = np.random.default_rng(seed)
    calls = [[random.integers(-128, 128, port.shape).astype(np.int8) for port in compiled.inputs] for _ in range(5)]
    expected = reference_of_calls(content, calls)
    session = FirmwareSession(compiled)
    for _ in range(2):
        for given_, wanted in zip(calls, expected, strict=True):
            for got, want in zip(session(given_), wanted, strict=True):
                np.testing.assert_array_equal(got, want.reshape(-1))
        session.reset()


def read_alone(maker, handle, scale):
    output = maker.tensor((2, 3), scales=[scale])
    maker.operator("READ_VARIABLE", [handle], [output], "ReadVariableOptions")
    return maker.bytes_of([], [output])


def test_a_variable_without_a_beginning_or_of_another_form_is_refused():
    maker = Maker()
    with pytest.raises(BadInput, match=r"variable 'state' without a value to begin with"):
        compile_graph(parse_graph(read_alone(maker, maker.handle("state"), 0.1), "model"), "model")
    maker = Maker()
    handle = maker.variable("state", np.zeros((2, 3), np.int8), scales=[0.2])
    with pytest.raises(BadInput, match=r"another form than variable 'state'"):
        compile_graph(parse_graph(read_alone(maker, handle, 0.1), "model"), "model")


def test_a_subgraph_that_sets_no_variable_is_refused():
    maker = Maker()
    entry, output = (maker.tensor((2, 3), scales=[0.1]) for _ in range(2))
    maker.operator("RELU", [entry], [output])
    other = Maker()
    other.bytes_of([other.tensor((1,), scales=[0.1])], [])
    maker.model.subgraphs = other.model.subgraphs
    with pytest.raises(BadInput, match="2 subgraphs"):
        parse_graph(maker.bytes_of([entry], [output]), "model")


EXACT = {
    "CONV_2D": test_convolutions,
    "DEPTHWISE_CONV_2D": test_convolutions,
    "FULLY_CONNECTED": test_fully_connected,
    **dict.fromkeys(("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE"), test_two_operands),
    "MEAN": test_mean,
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), test_pools),
    **dict.fromkeys(("TRANSPOSE", "SLICE", "PAD", "CONCATENATION"), test_transpose_slice_pad_and_concatenation),
    **dict.fromkeys(("STRIDED_SLICE", "RESHAPE"), test_strided_slice_and_reshape),
    "SOFTMAX": test_softmax,
    **dict.fromkeys(
        ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"), test_variables_of_a_streaming_model
    ),
    "BATCH_MATMUL": test_batch_matmul,
    **dict.fromkeys(UNARY, test_functions_of_one_value),
    **dict.fromkeys(THROUGH_FLOATS, test_functions_of_one_value_through_floats),
    **dict.fromkeys(("EXPAND_DIMS", "SQUEEZE", "PADV2"), test_dimensions_of_one_and_padding_with_a_value),
    "DEQUANTIZE": test_a_chain_through_floats_is_one_table,
}
"""Operator -> the test that shows it equal to LiteRT's."""


def test_every_operator_that_is_accepted_is_shown_to_be_exact_and_told_of():
    assert EXACT.keys() == set(ACCEPTED)
    page = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()
    rows = re.findall(r"^\| (`[A-Z0-9_`, ]+`) \|", page, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(ACCEPTED)
