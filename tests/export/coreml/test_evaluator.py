"""The evaluator on programs written by hand: rounding, constants, refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.errors import BadInput
from edgeacc.export.coreml.evaluator import Evaluator
from edgeacc.export.coreml.operations import OPERATIONS
from edgeacc.export.coreml.package import Output, Program, Ref, Step


def step(operation, output, gives="fp16", **arguments):
    return Step(operation, f"{operation} of {output}", arguments, (Output(output, gives),))


def program(*steps, shape=(1, 3, 4)):
    return Program({"acc": shape}, steps, (steps[-1].outputs[0].name,))


def window(value=1.0, shape=(1, 3, 4)):
    return np.full(shape, value, dtype=np.float32)


@given(value=st.floats(-60_000, 60_000, width=32))
def test_rounds_each_value_that_is_declared_as_16_bits(value):
    evaluator = Evaluator(program(step("cast", "out", x=Ref("acc"), dtype="fp16")))
    assert evaluator(window(value))[0][0, 0, 0] == np.float32(np.float16(np.float32(value)))


def test_rounds_after_each_operation_not_only_at_the_end():
    steps = (
        step("add", "large", x=Ref("acc"), y=2048.0),
        step("sub", "small", x=Ref("large"), y=2048.0),
    )
    assert Evaluator(program(*steps))(window(0.25))[0].max() == 0


def test_keeps_what_is_declared_as_32_bits():
    steps = (
        step("add", "large", gives="fp32", x=Ref("acc"), y=2048.0),
        step("sub", "small", gives="fp32", x=Ref("large"), y=2048.0),
    )
    assert Evaluator(program(*steps))(window(0.25))[0].min() == 0.25


@pytest.mark.parametrize(("gives", "zero_point", "span"), [("int8", -5, (-123, 132)), ("uint8", 5, (-5, 250))])
@given(values=st.lists(st.floats(-300, 300, width=16), min_size=12, max_size=12))
def test_8_bits_keep_whole_steps_within_their_range(gives, zero_point, span, values):
    steps = (
        step("quantize", "whole", gives=gives, input=Ref("acc"), scale=0.5, zero_point=zero_point, output_dtype=gives),
        step("reshape", "moved", gives=gives, x=Ref("whole"), shape=(12,)),
        step("dequantize", "out", gives="fp32", input=Ref("moved"), scale=0.5, zero_point=zero_point),
    )
    acc = np.array(values, np.float32).reshape(1, 3, 4)
    expected = 0.5 * np.clip(np.round(acc.flatten() / 0.5), *span)
    np.testing.assert_array_equal(Evaluator(program(*steps))(acc)[0], expected)


def test_an_overflow_of_16_bits_is_seen():
    assert np.isinf(Evaluator(program(step("mul", "out", x=Ref("acc"), y=70_000.0)))(window())[0]).all()


def test_gives_each_part_of_a_split_its_name():
    parts = Step(
        "split", "split", {"x": Ref("acc"), "axis": 1, "num_splits": 3}, tuple(Output(n, "fp32") for n in "abc")
    )
    back = step("concat", "out", values=(Ref("c"), Ref("a")), axis=1)
    acc = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    np.testing.assert_array_equal(Evaluator(program(parts, back))(acc)[0], acc[:, [2, 0]])


def test_unpacks_weights_once_and_rounds_them(monkeypatch):
    data = torch.full((2, 4), 3, dtype=torch.int8)
    weights = step("constexpr_blockwise_shift_scale", "w", data=data, scale=torch.tensor([[1 / 3], [1.0]]))
    evaluator = Evaluator(program(weights, step("linear", "out", gives="fp32", x=Ref("acc"), weight=Ref("w"))))
    monkeypatch.delitem(OPERATIONS, "constexpr_blockwise_shift_scale")

    (first,), (second,) = evaluator(window()), evaluator(window())

    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first[0, 0], [4.0, 12.0])


def test_does_not_change_the_window():
    acc = window(-1.0)
    Evaluator(program(step("relu", "out", x=Ref("acc"))))(acc)
    assert (acc == -1.0).all()


def test_names_everything_that_it_does_not_know_at_once():
    steps = (
        step("lstm", "a", x=Ref("acc")),
        step("relu", "b", x=Ref("a"), sideways=True),
        step("softmax", "c"),
        step("relu", "d", gives="int32", x=Ref("acc")),
        step("add", "e", gives="int8", x=Ref("acc"), y=1.0),
    )
    with pytest.raises(BadInput) as error:
        Evaluator(program(*steps))
    for part in ("5 mistake", "'lstm'", "'sideways'", "without argument 'x'", "gives int32", "gives int8"):
        assert part in str(error.value)


def test_refuses_a_window_of_another_shape():
    evaluator = Evaluator(program(step("relu", "out", x=Ref("acc"))))
    with pytest.raises(BadInput, match="shape"):
        evaluator(window(shape=(2, 3, 4)))


def test_a_state_is_kept_from_call_to_call_and_is_each_evaluator_s_own():
    steps = (
        step("read_state", "before", input=Ref("total")),
        step("add", "after", x=Ref("before"), y=Ref("acc")),
        step("coreml_update_state", "kept", state=Ref("total"), value=Ref("after")),
        step("mul", "out", x=Ref("before"), y=1.0),
    )
    summing = Program({"acc": (1, 3, 4)}, steps, ("out",), {"total": (1, 3, 4)})
    evaluator = Evaluator(summing)
    assert [evaluator(window(value))[0][0, 0, 0] for value in (1.0, 2.0, 4.0)] == [0.0, 1.0, 3.0]
    assert Evaluator(summing)(window())[0].max() == 0
