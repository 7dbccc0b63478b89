"""From a graph to layers: chains of one value become tables, slices become views, the rest one layer per operator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgeacc.errors import BadInput, unknown
from edgeacc.export.firmware.graph import Graph, Operator, Tensor
from edgeacc.export.firmware.layers import Constant, KernelLayer, Place, Program, Word
from edgeacc.export.firmware.tables import table_of

UNARY = (
    "ABS", "EXP", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG", "QUANTIZE", "RELU", "RELU6",
    "RELU_N1_TO_1", "RSQRT", "SIN", "COS", "SQRT", "SQUARE", "TANH",
)  # fmt: skip
"""Functions of one value: any chain of them is a table."""
ALIASES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")


@dataclass(frozen=True)
class View:
    """Where a tensor lies: bytes from `offset` of a buffer, with a stride in bytes for each dimension."""

    buffer: int
    offset: int
    strides: tuple[int, ...]


def dense(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of a tensor without gaps, the last dimension first in memory."""
    return tuple(int(np.prod(shape[place + 1 :], dtype=np.int64)) for place in range(len(shape)))


@dataclass
class Lowering:
    """The program so far, and where each tensor lies."""

    graph: Graph
    program: Program = field(default_factory=Program)
    views: dict[int, View] = field(default_factory=dict)
    uses: dict[int, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    variables: dict[tuple[str, str], int] = field(default_factory=dict)
    handles: dict[int, tuple[str, str]] = field(default_factory=dict)

    def tensor(self, number: int) -> Tensor:
        """By number."""
        return self.graph.tensors[number]

    def activation(self, number: int, operator: Operator) -> Tensor:
        """A tensor that must be int8 and quantized with one scale.

        Raises:
            BadInput: it is not.
        """
        tensor = self.tensor(number)
        if tensor.type != "int8" or len(tensor.scales) != 1:
            raise BadInput(
                f"operator {operator.index}, {operator.name}: tensor {tensor.name!r} is {tensor.type}",
                valid="static int8, one scale per activation",
            )
        return tensor

    def new(self, number: int) -> Place:
        """Memory for a tensor that a layer writes."""
        tensor = self.tensor(number)
        buffer = self.program.buffer(tensor.size)
        self.views[number] = View(buffer, 0, dense(tensor.shape))
        return Place(buffer)

    def take_over(self, number: int, source: int) -> Place:
        """Memory for a tensor of the size of `source`: its own, if nothing else reads it and it is no output."""
        view = self.views.get(source)
        alone = sum(
            self.uses.get(each, 0) for each, other in self.views.items() if view and other.buffer == view.buffer
        )
        place = self.new(number)
        whole = view is not None and self.program.buffer_bytes[view.buffer] == self.tensor(number).size
        if view is not None and whole and alone == 1 and view.strides == dense(self.tensor(source).shape):
            self.program.same[place.buffer] = view.buffer
        return place

    def place(self, number: int) -> Place | Constant:
        """Where a tensor can be read in one piece; a view is copied first."""
        tensor = self.tensor(number)
        if tensor.data is not None:
            return Constant(tensor.data)
        view = self.views[number]
        if view.strides != dense(tensor.shape):
            self.copy(number, view, tensor.shape)
            view = self.views[number]
        return Place(view.buffer, view.offset)

    def copy(self, number: int, view: View, shape: Sequence[int]) -> None:
        """Bring a tensor into one piece of its own."""
        place = self.new(number)
        source, name = Place(view.buffer, view.offset), self.tensor(number).name
        self.emit_copy(source, view.strides, place, dense(shape), shape, "COPY", name=name)

    def emit_copy(
        self,
        source: Place | Constant,
        strides_from: Sequence[int],
        target: Place,
        strides_to: Sequence[int],
        shape: Sequence[int],
        operator: str,
        *,
        name: str,
        fill: tuple[int, int] = (0, 0),
    ) -> None:
        """A layer that copies between strides; `fill` is bytes and value of what is filled before."""
        sizes, one, other = _merged(shape, strides_from, strides_to)
        if len(sizes) > 5:
            raise BadInput(f"{operator} {name!r} moves {len(sizes)} dimensions", valid="at most 5")
        lead = 5 - len(sizes)
        base = Place(target.buffer, 0)
        words: list[Word] = [source, target, base, *fill]
        words += [*[1] * lead, *sizes, *[0] * lead, *one, *[0] * lead, *other]
        self._add("copy", words, operator, name, target.buffer)

    def emit(self, kernel: str, words: Sequence[Word], operator: str, number: int, writes: int, macs: int = 0) -> None:
        """Add a layer; what it reads are the places among its words."""
        self._add(kernel, words, operator, self.tensor(number).name, writes, macs)

    def _add(self, kernel: str, words: Sequence[Word], operator: str, name: str, writes: int, macs: int = 0) -> None:
        reads = tuple({word.buffer for word in words if isinstance(word, Place)} - {writes})
        self.program.layers.append(KernelLayer(kernel, tuple(words), reads, writes, operator, name, macs))


def _merged(shape: Sequence[int], one: Sequence[int], other: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """The same walk over fewer dimensions: those of size 1 go, neighbours that follow one another in both are one."""
    sizes: list[int] = []
    strides: list[tuple[int, int]] = []
    for size, stride, into in zip(shape, one, other, strict=True):
        if size == 1:
            continue
        if sizes and strides[-1] == (stride * size, into * size):
            sizes[-1] *= size
            strides[-1] = (stride, into)
        else:
            sizes.append(size)
            strides.append((stride, into))
    if not sizes:
        return [1], [1], [1]
    return sizes, [each for each, _ in strides], [each for _, each in strides]


Handler = Callable[[Lowering, Operator], None]


def lower(graph: Graph, handlers: dict[str, Handler]) -> Lowering:
    """Make layers of all operators.

    Raises:
        BadInput: an operator that the runtime lacks, or one in a form that it lacks; index and name are told.
    """
    state = Lowering(graph)
    for number in (*(each for operator in graph.operators for each in operator.inputs), *graph.outputs):
        state.uses[number] = state.uses.get(number, 0) + 1
    _set_variables(state)
    for number in graph.inputs:
        if state.tensor(number).type == "int8":
            state.new(number)
    for operator in graph.operators:
        if operator.index not in state.done:
            _lower_one(state, operator, handlers)
    return state


def _set_variables(state: Lowering) -> None:
    """A buffer for each variable, and the layers that set it to what it begins with."""
    for name, value in state.graph.variables.items():
        if value.type != "int8" or value.data is None:
            raise BadInput(f"variable {name[1]!r} is {value.type}", valid="int8")
        buffer = state.program.buffer(value.size)
        state.variables[name] = buffer
        state.program.state.append(buffer)
        strides = dense(value.shape)
        state.emit_copy(
            Constant(value.data), strides, Place(buffer), strides, value.shape, "CALL_ONCE", name=value.name
        )
    state.program.resets = len(state.program.layers)


def _lower_one(state: Lowering, operator: Operator, handlers: dict[str, Handler]) -> None:
    if _is_float_port(state, operator):
        return
    chain = _chain_from(state, operator)
    if chain:
        _lower_chain(state, chain)
    elif operator.name in handlers:
        handlers[operator.name](state, operator)
    else:
        known = [*handlers, *UNARY, "DEQUANTIZE"]
        raise unknown(f"operator {operator.index} for firmware:", operator.name, known)


def _is_float_port(state: Lowering, operator: Operator) -> bool:
    """A QUANTIZE of a float input, a DEQUANTIZE to a float output: the caller does it by the manifest."""
    graph = state.graph
    if operator.name == "QUANTIZE" and operator.inputs[0] in graph.inputs:
        if state.tensor(operator.inputs[0]).type == "float32" and state.uses[operator.inputs[0]] == 1:
            state.activation(operator.outputs[0], operator)
            state.new(operator.outputs[0])
            return True
    if operator.name == "DEQUANTIZE" and operator.outputs[0] in graph.outputs and state.uses[operator.outputs[0]] == 1:
        state.activation(operator.inputs[0], operator)
        return True
    return False


def _chain_from(state: Lowering, operator: Operator) -> list[Operator]:
    """Operators from an int8 tensor to an int8 tensor, each of one value, nobody else reading what is between."""
    if operator.name not in (*UNARY, "DEQUANTIZE") or state.tensor(operator.inputs[0]).type != "int8":
        return []
    chain, followers = [operator], {each.inputs[0]: each for each in state.graph.operators if each.inputs}
    while state.tensor(chain[-1].outputs[0]).type == "float32":
        result = chain[-1].outputs[0]
        follower = followers.get(result)
        if follower is None or state.uses.get(result) != 1 or follower.name not in UNARY:
            return []
        chain.append(follower)
    return chain if state.tensor(chain[-1].outputs[0]).type == "int8" else []


def _lower_chain(state: Lowering, chain: Sequence[Operator]) -> None:
    first, last = chain[0], chain[-1]
    state.activation(first.inputs[0], first)
    state.activation(last.outputs[0], last)
    for each in chain:
        if state.tensor(each.outputs[0]).shape != state.tensor(first.inputs[0]).shape:
            raise BadInput(
                f"operator {each.index}, {each.name}: input and output differ in shape", valid="the same shape"
            )
    table = table_of(state.graph, chain)
    source = state.place(first.inputs[0])
    target = state.take_over(last.outputs[0], first.inputs[0])
    size = state.tensor(last.outputs[0]).size
    names = [each.name for each in chain if each.name not in ("QUANTIZE", "DEQUANTIZE")] or ["QUANTIZE"]
    state.emit("table", [source, target, size, Constant(table)], names[0], last.outputs[0], target.buffer)
    state.done.update(each.index for each in chain)
