"""A .tflite file as a small typed graph. The file is somebody's: whatever is wrong with it is one BadInput."""

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeacc.errors import BadInput
from edgeacc.export.quiet import UNREADABLE, contained

LARGEST_BYTES = 1 << 28
"""Of a file; our choice, a hundred times what fits a microcontroller."""
LONGEST_NAME = 60
"""Characters of a tensor's name that an error shows; converters join the names of all that was fused."""
_TYPES = {0: "float32", 2: "int32", 9: "int8"}
"""Of the schema's TensorType, those that are read."""
DAMAGED: tuple[type[Exception], ...] = (*UNREADABLE, struct.error)
"""What the schema's Python classes raise at an offset that leads nowhere, and what senseless numbers lead to."""


@dataclass(frozen=True)
class Tensor:
    """One tensor.

    Attributes:
        index: its number.
        name: as in the file.
        shape: sizes, each 1 or more.
        type: `int8`, `int32`, `float32`, or `other`.
        scales: one, or one per channel; none where it is not quantized.
        zero_point: of all channels.
        data: constants; None for what is computed.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    type: str
    scales: npt.NDArray[np.float32]
    zero_point: int
    data: npt.NDArray[Any] | None

    @property
    def size(self) -> int:
        """Elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def scale(self) -> float:
        """Of a tensor with one scale."""
        return float(self.scales[0])


@dataclass(frozen=True)
class Operator:
    """One operator: its place, TFLite's name, tensors (-1 for one that is left out), and options."""

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any


@dataclass(frozen=True)
class Graph:
    """One subgraph, its operators in the order in which they run.

    Attributes:
        tensors: by number.
        operators: in order.
        inputs: numbers of tensors.
        outputs: numbers of tensors.
        variables: by the names that VAR_HANDLE tells, the values that a streaming model begins with (CALL_ONCE).
        tree: the file in the classes of the schema, for cutting pieces out.
        sha256: of the file.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    variables: dict[tuple[str, str], Tensor]
    tree: Any
    sha256: str


def read_graph(path: Path) -> Graph:
    """Read a model.

    Raises:
        BadInput: missing, damaged, of more subgraphs than one and what it calls once to set its variables, or with
            shapes that are not fixed.
        NotPossibleHere: ai-edge-litert is not installed.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadInput(f"{path} has {path.stat().st_size} bytes", valid=f"at most {LARGEST_BYTES}")
        content = path.read_bytes()
    except OSError as error:
        told = f"cannot read {path}: {error.strerror or error}"
        raise BadInput(told, valid="a bundle, or a static-int8 .tflite file") from error
    return parse_graph(content, str(path))


def parse_graph(content: bytes, where: str) -> Graph:
    """Read a model from memory; `where` is what errors call it. Raises as `read_graph`."""
    _require_sound(content, where)
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    try:
        tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
        return _graph(tree, names, content)
    except BadInput as error:
        raise BadInput(f"{where}: {error.problem}", valid=error.valid) from error
    except DAMAGED as error:
        raise BadInput(
            f"{where} is a damaged TFLite file: {type(error).__name__}", valid="a whole .tflite file"
        ) from error


def _require_sound(content: bytes, where: str) -> None:
    """LiteRT verifies every offset before it builds an interpreter; the schema's Python classes do not."""
    if content[4:8] != b"TFL3":
        raise BadInput(f"{where} is no TFLite file", valid="a file of the TFLite schema, version 3")
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        with contained():
            Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    except (ValueError, RuntimeError) as error:
        told = " ".join(str(error).split())
        raise BadInput(f"LiteRT cannot open {where}: {told}", valid="a whole .tflite file") from error


def _graph(tree: Any, names: dict[int, str], content: bytes) -> Graph:  # noqa: ANN401
    subgraph, *others = tree.subgraphs
    tensors = tuple(_tensor(number, each, tree, content) for number, each in enumerate(subgraph.tensors))
    operators = _operators(subgraph, tree, names)
    called = {each.options.initSubgraphIndex for each in operators if each.name == "CALL_ONCE"}
    if called != set(range(1, len(tree.subgraphs))):
        raise BadInput(f"{len(tree.subgraphs)} subgraphs", valid="one, and those that CALL_ONCE calls")
    variables: dict[tuple[str, str], Tensor] = {}
    for other in others:
        held = tuple(_tensor(number, each, tree, content) for number, each in enumerate(other.tensors))
        variables |= _assigned(_operators(other, tree, names), held)
    return Graph(
        tensors=tensors,
        operators=operators,
        inputs=tuple(map(int, subgraph.inputs)),
        outputs=tuple(map(int, subgraph.outputs)),
        variables=variables,
        tree=tree,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _operators(subgraph: Any, tree: Any, names: dict[int, str]) -> tuple[Operator, ...]:  # noqa: ANN401
    operators = []
    for number, each in enumerate(subgraph.operators):
        code = tree.operatorCodes[each.opcodeIndex]
        name = names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "unknown")
        inputs = () if each.inputs is None else tuple(map(int, each.inputs))
        outputs = () if each.outputs is None else tuple(map(int, each.outputs))
        operators.append(Operator(number, name, inputs, outputs, each.builtinOptions))
    return tuple(operators)


def variable_of(handle: Operator) -> tuple[str, str]:
    """The names by which a VAR_HANDLE tells its variable: container and own."""
    names = (handle.options.container, handle.options.sharedName)
    container, own = (name.decode(errors="replace") if isinstance(name, bytes) else name or "" for name in names)
    return container, own


def _assigned(operators: tuple[Operator, ...], tensors: tuple[Tensor, ...]) -> dict[tuple[str, str], Tensor]:
    """Variable -> the constant that a subgraph sets it to; that is all that such a subgraph may do."""
    handles = {each.outputs[0]: variable_of(each) for each in operators if each.name == "VAR_HANDLE"}
    found = {}
    for each in operators:
        if each.name == "VAR_HANDLE":
            continue
        value = tensors[each.inputs[-1]] if each.inputs else None
        if each.name != "ASSIGN_VARIABLE" or value is None or value.data is None:
            raise BadInput(
                f"what CALL_ONCE calls has operator {each.index}, {each.name}", valid="constants assigned to variables"
            )
        found[handles[each.inputs[0]]] = value
    return found


def _tensor(number: int, each: Any, tree: Any, content: bytes) -> Tensor:  # noqa: ANN401
    name = each.name.decode(errors="replace") if isinstance(each.name, bytes) else str(each.name or "")
    kind = _TYPES.get(each.type, "other")
    shape = () if each.shape is None else tuple(map(int, each.shape))
    where = f"tensor {number} ({name[:LONGEST_NAME]!r})"
    if any(size < 1 for size in shape):
        raise BadInput(f"{where} has the shape {shape}", valid="fixed sizes, each 1 or more")
    quantization = each.quantization
    quantized = quantization is not None and quantization.scale is not None and len(quantization.scale) > 0
    zeros = {0} if not quantized or quantization.zeroPoint is None else set(map(int, quantization.zeroPoint))
    if len(zeros) != 1:
        raise BadInput(f"{where} has several zero points", valid="one for all channels")
    scales = np.array(quantization.scale if quantized else [], np.float32)
    if not np.all(np.isfinite(scales)) or np.any(scales < 0):
        raise BadInput(f"{where} has a scale that is no positive number", valid="a whole .tflite file")
    return Tensor(number, name, shape, kind, scales, zeros.pop(), _data(each, kind, shape, tree, content))


def _data(each: Any, kind: str, shape: tuple[int, ...], tree: Any, content: bytes) -> npt.NDArray[Any] | None:  # noqa: ANN401
    buffer = tree.buffers[each.buffer]
    raw = b"" if buffer.data is None else bytes(bytearray(buffer.data))
    if not raw and buffer.offset > 1:
        raw = content[buffer.offset : buffer.offset + buffer.size]
    if not raw or kind == "other":
        return None
    return np.frombuffer(raw, np.dtype(kind).newbyteorder("<")).reshape(shape)
