"""Every operation of the evaluator against PyTorch."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from edgeacc.errors import BadInput
from edgeacc.export.coreml.operations import OPERATIONS


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


X = random(2, 4, 1, 12)
Y = random(2, 4, 1, 12, seed=1)
POSITIVE = X.abs() + 0.1
TOKENS = random(2, 6, 8)
QUERY, KEY, VALUE = (random(1, 2, 6, 4, seed=seed) for seed in (2, 3, 4))
WEIGHT, BIAS = random(5, 8, seed=5), random(5, seed=6)
GAMMA, BETA = random(8, seed=7), random(8, seed=8)
KERNEL = random(6, 4, 1, 3, seed=9)
TABLE, ROWS = torch.tensor([1.0, -2.0, 0.5, 4.0]), torch.tensor([[3, 0, 2], [1, 1, 0]])

CASES = {
    "abs": ({"x": X}, torch.abs(X)),
    "add": ({"x": X, "y": Y}, torch.add(X, Y)),
    "add of a number": ({"x": 0.5, "y": X}, torch.add(X, 0.5)),
    "avg_pool": (
        {"x": X, "kernel_sizes": (1, 3), "strides": (1, 2), "pad_type": "custom", "pad": (0, 0, 1, 1)},
        F.avg_pool2d(X, (1, 3), (1, 2), (0, 1), count_include_pad=True),
    ),
    "avg_pool without padding": (
        {
            "x": X,
            "kernel_sizes": (1, 3),
            "strides": (1, 3),
            "pad_type": "custom",
            "pad": (0, 0, 1, 1),
            "exclude_padding_from_average": True,
        },
        F.avg_pool2d(X, (1, 3), (1, 3), (0, 1), count_include_pad=False),
    ),
    "cast": ({"x": X, "dtype": "fp32"}, X.to(torch.float32)),
    "clip": ({"x": X, "alpha": -0.5, "beta": 0.25}, F.hardtanh(X, -0.5, 0.25)),
    "concat": ({"values": (X, Y), "axis": 3}, torch.cat([X, Y], 3)),
    "concat interleaved": (
        {"values": (X, Y), "axis": -1, "interleave": True},
        torch.cat([X[..., None], Y[..., None]], -1).reshape(2, 4, 1, 24),
    ),
    "constexpr_affine_dequantize": (
        {
            "quantized_data": torch.tensor([[-128, 0], [1, 127]], dtype=torch.int8),
            "zero_point": torch.tensor([0, 3], dtype=torch.int8),
            "scale": torch.tensor([0.5, 0.25]),
            "axis": 0,
        },
        torch.fake_quantize_per_channel_affine(
            torch.tensor([[-64.0, 0.0], [-0.5, 31.0]]),
            torch.tensor([0.5, 0.25]),
            torch.tensor([0, 3], dtype=torch.int32),
            0,
            -128,
            127,
        ),
    ),
    "constexpr_blockwise_shift_scale": (
        {
            "data": torch.tensor([[-128, 2], [1, 127]], dtype=torch.int8),
            "scale": torch.tensor([[0.5, 1.0], [0.25, 2.0]]),
            "offset": torch.tensor([[0, 2], [1, 0]], dtype=torch.int8),
        },
        torch.tensor([[-64.0, 0.0], [0.0, 254.0]]),
    ),
    "constexpr_lut_to_dense": (
        {
            "indices": torch.tensor([0b11_10_01_00, 0b10_11], dtype=torch.uint8),
            "lut": TABLE,
            "shape": torch.tensor([2, 3]),
        },
        F.embedding(torch.tensor([[0, 1, 2], [3, 3, 2]]), TABLE[:, None]).squeeze(2),
    ),
    "constexpr_lut_to_dense with a table for each row": (
        {"indices": ROWS.to(torch.uint8), "lut": torch.stack([TABLE, -TABLE])[:, None, :, None]},
        torch.stack([TABLE[ROWS[0]], -TABLE[ROWS[1]]]),
    ),
    "conv": (
        {"x": X, "weight": KERNEL, "strides": (1, 2), "pad_type": "custom", "pad": (0, 0, 2, 1), "dilations": (1, 2)},
        F.conv2d(F.pad(X, (2, 1)), KERNEL, stride=(1, 2), dilation=(1, 2)),
    ),
    "dequantize": (
        {"input": torch.tensor([-128.0, 0.0, 127.0]), "scale": 0.5, "zero_point": -3},
        torch.tensor([-62.5, 1.5, 65.0]),
    ),
    "dequantize around zero": ({"input": torch.tensor([0.0, 255.0]), "scale": 0.5}, torch.tensor([0.0, 127.5])),
    "exp": ({"x": X}, torch.exp(X)),
    "expand_dims": ({"x": TOKENS, "axes": (-1, 1)}, TOKENS[:, None, :, :, None]),
    "gelu": ({"x": X, "mode": "EXACT"}, F.gelu(X)),
    "gelu by tanh": ({"x": X, "mode": "TANH_APPROXIMATION"}, F.gelu(X, approximate="tanh")),
    "gelu by sigmoid": ({"x": X, "mode": "SIGMOID_APPROXIMATION"}, X * torch.sigmoid(1.702 * X)),
    "layer_norm": (
        {"x": TOKENS, "axes": (-1,), "gamma": GAMMA, "beta": BETA, "epsilon": 1e-3},
        F.layer_norm(TOKENS, (8,), GAMMA, BETA, 1e-3),
    ),
    "layer_norm plain": ({"x": TOKENS, "axes": (1, 2)}, F.layer_norm(TOKENS, (6, 8))),
    "linear": ({"x": TOKENS, "weight": WEIGHT, "bias": BIAS}, F.linear(TOKENS, WEIGHT, BIAS)),
    "matmul": ({"x": QUERY, "y": KEY, "transpose_y": True}, torch.einsum("bhpd,bhqd->bhpq", QUERY, KEY)),
    "matmul of transposed": ({"x": QUERY, "y": KEY, "transpose_x": True}, torch.einsum("bhpd,bhpe->bhde", QUERY, KEY)),
    "max_pool": (
        {"x": X, "kernel_sizes": (1, 3), "strides": (1, 2), "pad_type": "custom", "pad": (0, 0, 1, 1)},
        F.max_pool2d(X, (1, 3), (1, 2), (0, 1)),
    ),
    "maximum": ({"x": X, "y": 0.25}, torch.clamp(X, min=0.25)),
    "minimum": ({"x": X, "y": Y}, torch.where(X < Y, X, Y)),
    "mul": ({"x": X, "y": Y[:, :, :, :1]}, torch.mul(X, Y[:, :, :, :1])),
    "pad": (
        {"x": X, "pad": (0, 0, 1, 2), "mode": "constant", "constant_val": 0.5},
        F.pad(X, (1, 2, 0, 0), value=0.5),
    ),
    "pow": ({"x": POSITIVE, "y": 1.5}, torch.pow(POSITIVE, 1.5)),
    "real_div": ({"x": X, "y": POSITIVE}, torch.div(X, POSITIVE)),
    "reduce_max": ({"x": X, "axes": (3,), "keep_dims": True}, torch.max(X, 3, keepdim=True).values),
    "reduce_mean": ({"x": X, "axes": (2, 3)}, F.adaptive_avg_pool2d(X, 1)[:, :, 0, 0]),
    "reduce_mean of all": ({"x": X, "keep_dims": True}, torch.mean(X).reshape(1, 1, 1, 1)),
    "reduce_sum": ({"x": X, "axes": (-1,)}, torch.einsum("bcht->bch", X)),
    "relu": ({"x": X}, F.relu(X)),
    "relu6": ({"x": 9 * X}, F.relu6(9 * X)),
    "reshape": ({"x": TOKENS, "shape": (0, -1)}, torch.flatten(TOKENS, 1)),
    "rsqrt": ({"x": POSITIVE, "epsilon": 1e-3}, torch.rsqrt(POSITIVE + 1e-3)),
    "scaled_dot_product_attention": (
        {"query": QUERY, "key": KEY, "value": VALUE},
        F.scaled_dot_product_attention(QUERY, KEY, VALUE),
    ),
    "quantize": (
        {"input": 9 * X, "scale": 0.1, "zero_point": 7, "output_dtype": "int8"},
        torch.fake_quantize_per_tensor_affine(9 * X, 0.1, 7, -128, 127) / 0.1 + 7,
    ),
    "quantize around zero": (
        {"input": 9 * X, "scale": 0.1, "output_dtype": "uint8"},
        torch.fake_quantize_per_tensor_affine(9 * X, 0.1, 0, 0, 255) / 0.1,
    ),
    "quantize of halves": (
        {"input": torch.tensor([0.5, 1.5, 2.5, -0.5]), "scale": 1.0, "output_dtype": "int8"},
        torch.tensor([0.0, 2.0, 2.0, 0.0]),
    ),
    "read_state": ({"input": X}, X.clone()),
    "coreml_update_state": ({"state": X, "value": Y}, X.clone().copy_(Y)),
    "sigmoid": ({"x": X}, torch.sigmoid(X)),
    "silu": ({"x": X}, F.silu(X)),
    "slice_by_index": (
        {
            "x": X,
            "begin": (1, 1, 0, 2),
            "end": (0, 3, 0, -1),
            "stride": (1, 1, 1, 3),
            "begin_mask": (False, True, False, False),
            "end_mask": (True, False, False, False),
            "squeeze_mask": (False, False, True, False),
        },
        X[1:, :3, 0, 2:-1:3],
    ),
    "softmax": ({"x": TOKENS, "axis": 1}, F.softmax(TOKENS, 1)),
    "split": ({"x": TOKENS, "axis": 2, "num_splits": 4}, torch.chunk(TOKENS, 4, 2)),
    "split by sizes": ({"x": TOKENS, "axis": 1, "split_sizes": (1, 5)}, (TOKENS[:, :1], TOKENS[:, 1:])),
    "sqrt": ({"x": POSITIVE}, torch.sqrt(POSITIVE)),
    "square": ({"x": X}, torch.square(X)),
    "squeeze": ({"x": X, "axes": (2,)}, X[:, :, 0]),
    "squeeze all": ({"x": X[:1]}, X[0, :, 0]),
    "stack": ({"values": (X, Y), "axis": 1}, torch.stack([X, Y], 1)),
    "sub": ({"x": 1.0, "y": X}, torch.sub(1.0, X)),
    "tanh": ({"x": X}, torch.tanh(X)),
    "transpose": ({"x": X, "perm": (0, 3, 1, 2)}, torch.einsum("bcht->btch", X)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_computes_what_pytorch_computes(case):
    arguments, expected = CASES[case]
    torch.testing.assert_close(OPERATIONS[case.split()[0]](**arguments), expected, rtol=1e-5, atol=1e-6)


def test_no_operation_is_left_unchecked():
    assert {case.split()[0] for case in CASES} == OPERATIONS.keys()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_convolutions_of_any_geometry(data):
    draw = data.draw
    groups, kernel, stride, dilation = (draw(st.integers(1, limit)) for limit in (3, 5, 4, 3))
    before, after, height = draw(st.integers(0, 4)), draw(st.integers(0, 4)), draw(st.booleans())
    x, weight = random(1, 2 * groups, 16), random(3 * groups, 2, kernel, seed=1)
    spatial = {"strides": (stride,), "pad": (before, after), "dilations": (dilation,)}
    if height:
        x, weight = x[:, :, None], weight[:, :, None]
        spatial = {"strides": (1, stride), "pad": (0, 0, before, after), "dilations": (1, dilation)}

    got = OPERATIONS["conv"](x=x, weight=weight, pad_type="custom", groups=groups, **spatial)

    layer = torch.nn.Conv1d(2 * groups, 3 * groups, kernel, stride, 0, dilation, groups, bias=False)
    layer.weight.data = weight.reshape(layer.weight.shape)
    expected = layer(F.pad(x.reshape(1, 2 * groups, 16), (before, after))).detach()
    torch.testing.assert_close(got.reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)


@given(begin=st.integers(0, 9), length=st.integers(1, 9), stride=st.integers(1, 4))
@settings(deadline=None)
def test_slices_like_python(begin, length, stride):
    x = torch.arange(10.0)
    got = OPERATIONS["slice_by_index"](x=x, begin=(begin,), end=(begin + length,), stride=(stride,))
    assert got.tolist() == x.tolist()[begin : begin + length : stride]


@given(
    values=st.lists(st.integers(-128, 127), min_size=6, max_size=6),
    zero_point=st.integers(-128, 127),
    scale=st.floats(2**-10, 10, width=32),
)
@settings(deadline=None)
def test_unpacks_bytes_of_any_range(values, zero_point, scale):
    data = torch.tensor(values, dtype=torch.int8).reshape(2, 3)
    got = OPERATIONS["constexpr_affine_dequantize"](quantized_data=data, zero_point=zero_point, scale=scale, axis=0)
    expected = [scale * (value - zero_point) for value in values]
    assert all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(got.flatten().tolist(), expected, strict=True))


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("avg_pool", {"x": X, "kernel_sizes": (1, 3), "pad_type": "valid", "ceil_mode": True}),
        ("avg_pool", {"x": X, "kernel_sizes": (1, 3), "pad_type": "same"}),
        ("cast", {"x": X, "dtype": "int32"}),
        ("conv", {"x": X, "weight": KERNEL, "pad_type": "same"}),
        ("gelu", {"x": X, "mode": "FAST"}),
        ("max_pool", {"x": X, "kernel_sizes": (1, 3), "pad_type": "valid", "ceil_mode": True}),
        ("pad", {"x": X, "pad": (0, 1), "mode": "reflect"}),
        ("quantize", {"input": X, "scale": 0.1, "output_dtype": "int4"}),
        ("slice_by_index", {"x": X, "begin": (0, 0, 0, 9), "end": (1, 1, 1, 0), "stride": (1, 1, 1, -1)}),
        ("split", {"x": X, "axis": 0}),
    ],
)
def test_refuses_what_it_does_not_compute(operation, arguments):
    with pytest.raises(BadInput, match=operation if "pool" not in operation else "pool"):
        OPERATIONS[operation](**arguments)
