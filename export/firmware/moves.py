"""Operators that only move values."""

from edgeacc.export.firmware.checks import constants, refusal, require_shape
from edgeacc.export.firmware.graph import Operator, Tensor, variable_of
from edgeacc.export.firmware.layers import Constant, Place
from edgeacc.export.firmware.lower import Lowering, View, dense


def alias(state: Lowering, operator: Operator) -> None:
    """RESHAPE and kin: the same memory."""
    entry, output = state.activation(operator.inputs[0], operator), state.activation(operator.outputs[0], operator)
    place = state.place(entry.index)
    if not isinstance(place, Place) or entry.size != output.size:
        raise refusal(operator, f"{entry.shape} to {output.shape}", "computed values, none lost")
    state.views[output.index] = View(place.buffer, place.offset, dense(output.shape))
    state.uses[output.index] = state.uses.get(output.index, 0) + state.uses[entry.index] - 1
    state.uses[entry.index] = 0


def _view_of(state: Lowering, tensor: Tensor, operator: Operator) -> View:
    if tensor.data is not None:
        raise refusal(operator, "a constant input", "a computed one")
    return state.views[tensor.index]


def transpose(state: Lowering, operator: Operator) -> None:
    """TRANSPOSE: a copy."""
    entry, output = state.activation(operator.inputs[0], operator), state.activation(operator.outputs[0], operator)
    view, order = _view_of(state, entry, operator), constants(state, operator, 1)
    if sorted(order) != list(range(len(entry.shape))):
        raise refusal(operator, f"order {order}", f"the axes of {entry.shape}")
    require_shape(operator, output, [entry.shape[axis] for axis in order])
    target = state.new(output.index)
    strides = [view.strides[axis] for axis in order]
    source = Place(view.buffer, view.offset)
    state.emit_copy(source, strides, target, dense(output.shape), output.shape, operator.name, name=output.name)


def cut(state: Lowering, operator: Operator) -> None:
    """SLICE and STRIDED_SLICE: a view; whoever needs it in one piece copies it."""
    entry, output = state.activation(operator.inputs[0], operator), state.activation(operator.outputs[0], operator)
    view, begin = _view_of(state, entry, operator), constants(state, operator, 1)
    steps = [1] * len(begin)
    if operator.name == "STRIDED_SLICE":
        o, steps = operator.options, constants(state, operator, 3)
        if o.ellipsisMask or o.newAxisMask or o.shrinkAxisMask or any(step < 1 for step in steps):
            raise refusal(operator, "masks or steps backwards", "begin, end, and steps from 1 on")
        begin = [0 if o.beginMask >> axis & 1 else start for axis, start in enumerate(begin)]
        begin = [start + size if start < 0 else start for start, size in zip(begin, entry.shape, strict=True)]
    ends = constants(state, operator, 2)
    if operator.name == "SLICE":
        taken = [size - start if end == -1 else end for start, end, size in zip(begin, ends, entry.shape, strict=True)]
    else:
        masked = [operator.options.endMask >> axis & 1 for axis in range(len(ends))]
        ends = [size if mask else end + size if end < 0 else min(end, size)
                for mask, end, size in zip(masked, ends, entry.shape, strict=True)]  # fmt: skip
        taken = [-(-(end - start) // step) for start, end, step in zip(begin, ends, steps, strict=True)]
    require_shape(operator, output, taken)
    reached = [start + (size - 1) * step for start, size, step in zip(begin, output.shape, steps, strict=True)]
    if any(start < 0 or last >= size for start, last, size in zip(begin, reached, entry.shape, strict=True)):
        raise refusal(operator, f"from {begin}, {output.shape} of {entry.shape}", "a part of the input")
    offset = view.offset + sum(start * stride for start, stride in zip(begin, view.strides, strict=True))
    strides = tuple(step * stride for step, stride in zip(steps, view.strides, strict=True))
    state.views[output.index] = View(view.buffer, offset, strides)


def pad(state: Lowering, operator: Operator) -> None:
    """PAD and PADV2: fill, then copy."""
    entry, output = state.activation(operator.inputs[0], operator), state.activation(operator.outputs[0], operator)
    view, amounts = _view_of(state, entry, operator), constants(state, operator, 1)
    if len(amounts) != 2 * len(entry.shape) or any(amount < 0 for amount in amounts):
        raise refusal(operator, f"amounts {amounts}", f"before and after each axis of {entry.shape}")
    grown = zip(entry.shape, amounts[::2], amounts[1::2], strict=True)
    require_shape(operator, output, [size + before + after for size, before, after in grown])
    value = output.zero_point
    if operator.name == "PADV2":
        constant = state.tensor(operator.inputs[2])
        if constant.data is None:
            raise refusal(operator, "a computed value to pad with", "a constant")
        value = int(constant.data.reshape(-1)[0])
    target, strides = state.new(output.index), dense(output.shape)
    offset = sum(before * stride for before, stride in zip(amounts[::2], strides, strict=True))
    source, inner = Place(view.buffer, view.offset), Place(target.buffer, offset)
    fill = (output.size, value)
    state.emit_copy(source, view.strides, inner, strides, entry.shape, operator.name, name=output.name, fill=fill)


def concatenation(state: Lowering, operator: Operator) -> None:
    """CONCATENATION: a copy of each part."""
    output = state.activation(operator.outputs[0], operator)
    axis = operator.options.axis % len(output.shape)
    parts = [state.tensor(number).shape for number in operator.inputs]
    joined = [*parts[0][:axis], sum(part[axis] for part in parts), *parts[0][axis + 1 :]]
    if any((*part[:axis], *part[axis + 1 :]) != (*joined[:axis], *joined[axis + 1 :]) for part in parts):
        raise refusal(operator, f"parts {parts}", f"parts that differ along axis {axis} alone")
    require_shape(operator, output, joined)
    target, strides, start = state.new(output.index), dense(output.shape), 0
    for number in operator.inputs:
        part = state.activation(number, operator)
        if (part.scale, part.zero_point) != (
            output.scale,
            output.zero_point,
        ) or operator.options.fusedActivationFunction:
            raise refusal(operator, f"{part.name!r} has another scale than the output", "one scale, no activation")
        place = Place(target.buffer, start * strides[axis])
        if part.data is not None:
            source: Place | Constant = Constant(part.data)
            strides_from = dense(part.shape)
        else:
            view = state.views[number]
            source, strides_from = Place(view.buffer, view.offset), view.strides
        state.emit_copy(source, strides_from, place, strides, part.shape, operator.name, name=output.name)
        start += part.shape[axis]


def handle(state: Lowering, operator: Operator) -> None:
    """VAR_HANDLE: nothing is moved."""
    state.handles[operator.outputs[0]] = variable_of(operator)


def _variable(state: Lowering, operator: Operator, tensor: Tensor) -> Place:
    name = state.handles[operator.inputs[0]]
    if name not in state.variables:
        raise refusal(operator, f"variable {name[1]!r} without a value to begin with", "one that CALL_ONCE sets")
    place = Place(state.variables[name])
    begins = state.graph.variables[name]
    if (tensor.shape, tensor.scale, tensor.zero_point) != (begins.shape, begins.scale, begins.zero_point):
        raise refusal(operator, f"{tensor.name!r} has another form than variable {name[1]!r}", "one shape and scale")
    return place


def read_variable(state: Lowering, operator: Operator) -> None:
    """READ_VARIABLE: a copy, since the variable may be assigned before its value is used."""
    output = state.activation(operator.outputs[0], operator)
    source, strides = _variable(state, operator, output), dense(output.shape)
    state.emit_copy(source, strides, state.new(output.index), strides, output.shape, operator.name, name=output.name)


def assign_variable(state: Lowering, operator: Operator) -> None:
    """ASSIGN_VARIABLE: a copy."""
    value = state.activation(operator.inputs[1], operator)
    target, view = _variable(state, operator, value), _view_of(state, value, operator)
    source = Place(view.buffer, view.offset)
    state.emit_copy(source, view.strides, target, dense(value.shape), value.shape, operator.name, name=value.name)


def nothing(state: Lowering, operator: Operator) -> None:
    """CALL_ONCE: what it sets is set by `edgeacc_model_reset`."""
