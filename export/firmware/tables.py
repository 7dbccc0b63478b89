"""The 256 results of a chain of operators on one int8 value, computed by LiteRT's own reference kernels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeacc.errors import BadInput
from edgeacc.export.firmware.graph import Graph, Operator
from edgeacc.export.quiet import contained

VALUES = np.arange(-128, 128).astype(np.int8)


def table_of(graph: Graph, chain: Sequence[Operator]) -> npt.NDArray[np.int8]:
    """Results for -128 to 127.

    A reference kernel that has no result for values below the zero point (RSQRT, SQRT, LOG) refuses them; they get the
    result of the zero point.

    Args:
        graph: where the operators come from.
        chain: each takes the result of the one before; one input (and constants) each.

    Raises:
        BadInput: LiteRT does not compute it.
    """
    model = _cut(graph, chain)
    try:
        return _run(model, VALUES)
    except (ValueError, RuntimeError):
        zero_point = graph.tensors[_entry(graph, chain[0])].zero_point
        for least in (zero_point, zero_point + 1):
            try:
                return _run(model, np.maximum(VALUES, min(least, 127)).astype(np.int8))
            except (ValueError, RuntimeError):
                continue
        raise BadInput(f"LiteRT cannot compute operator {chain[0].index}, {chain[0].name}") from None


def _run(model: bytes, values: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    with contained():
        interpreter = Interpreter(
            model_content=model, num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        )
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
        interpreter.invoke()
        results: npt.NDArray[np.int8] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return results.copy()


def _entry(graph: Graph, operator: Operator) -> int:
    return next(number for number in operator.inputs if number >= 0 and graph.tensors[number].data is None)


def _cut(graph: Graph, chain: Sequence[Operator]) -> bytes:
    """The chain alone, as a model of 256 elements."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    source = graph.tree.subgraphs[0]
    model, subgraph = schema.ModelT(), schema.SubGraphT()
    model.version, model.operatorCodes, model.buffers = 3, [], [schema.BufferT()]
    subgraph.tensors, subgraph.operators, subgraph.name = [], [], b"main"
    numbers: dict[int, int] = {}

    def tensor(number: int) -> int:
        if number not in numbers:
            original: Any = source.tensors[number]
            copied = schema.TensorT()
            copied.type, copied.quantization, copied.name = original.type, original.quantization, original.name
            copied.shape, copied.buffer = original.shape, 0
            if graph.tensors[number].data is None:
                copied.shape = np.array([256], np.int32)
            else:
                buffer = schema.BufferT()
                buffer.data = graph.tree.buffers[original.buffer].data
                model.buffers.append(buffer)
                copied.buffer = len(model.buffers) - 1
            subgraph.tensors.append(copied)
            numbers[number] = len(subgraph.tensors) - 1
        return numbers[number]

    for operator in chain:
        original = source.operators[operator.index]
        copied = schema.OperatorT()
        model.operatorCodes.append(graph.tree.operatorCodes[original.opcodeIndex])
        copied.opcodeIndex = len(model.operatorCodes) - 1
        copied.inputs = np.array([tensor(number) for number in operator.inputs], np.int32)
        copied.outputs = np.array([tensor(number) for number in operator.outputs], np.int32)
        copied.builtinOptions, copied.builtinOptionsType = original.builtinOptions, original.builtinOptionsType
        copied.builtinOptions2, copied.builtinOptions2Type = original.builtinOptions2, original.builtinOptions2Type
        subgraph.operators.append(copied)
    subgraph.inputs = np.array([numbers[_entry(graph, chain[0])]], np.int32)
    subgraph.outputs = np.array([numbers[chain[-1].outputs[0]]], np.int32)
    model.subgraphs = [subgraph]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
