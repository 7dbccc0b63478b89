"""The number formats in a .tflite file."""

from typing import Any

from edgeacc.export.precision import DYNAMIC, Operation, Reader, Stored, packed_bytes
from edgeacc.export.tflite.flatbuffer import tree

_BITS = {"FLOAT32": 32, "FLOAT16": 16, "INT4": 4, "INT8": 8, "INT16": 16, "INT32": 32, "INT64": 64}
_CHANGES = ("QUANTIZE", "DEQUANTIZE", "CAST")
_PLACEHOLDER = 1
"""An offset of the schema for data that lies in the flatbuffer; larger ones point behind it."""


def operations(model: bytes) -> tuple[Operation, ...]:
    """All operations of a .tflite file that take a value, one subgraph after another."""
    from ai_edge_litert.tools import flatbuffer_utils

    file, reader = tree(model), Reader()
    for graph in file.subgraphs:
        fixed = {number for number, tensor in enumerate(graph.tensors) if _is_fixed(file.buffers[tensor.buffer])}
        weights = {number: _stored(graph.tensors[number]) for number in fixed if _is_weight(graph.tensors[number])}
        unpacked: set[int] = set()
        for each in graph.operators:
            operator = flatbuffer_utils.opcode_to_name(file, each.opcodeIndex)
            taken = [int(number) for number in each.inputs if number >= 0]
            flowing = [number for number in taken if number not in fixed | unpacked]
            if operator in _CHANGES and not flowing:
                weights[int(each.outputs[0])] = weights[taken[0]]
                unpacked.add(int(each.outputs[0]))
            elif operator not in _CHANGES and flowing and len(each.outputs):
                computes = _format(graph.tensors[flowing[0]])
                packed = [weights[number] for number in taken if number in weights and number not in unpacked]
                if computes == "fp32" and any("int8" in constant.bytes_of for constant in packed):
                    computes = DYNAMIC
                result = graph.tensors[each.outputs[0]].name.decode()
                reader.add(operator, result, computes, [weights[number] for number in taken if number in weights])
    return tuple(reader.operations)


def _is_fixed(buffer: Any) -> bool:  # noqa: ANN401
    return buffer.data is not None or buffer.offset > _PLACEHOLDER


def _is_weight(tensor: Any) -> bool:  # noqa: ANN401
    """Not a shape, nor a list of axes: those have no scale."""
    has_scale = tensor.quantization is not None and tensor.quantization.scale is not None
    return has_scale or _format(tensor).startswith("fp")


def _stored(tensor: Any) -> Stored:  # noqa: ANN401
    shape = [] if tensor.shape is None else [int(size) for size in tensor.shape]
    return Stored(str(tensor.buffer), {_format(tensor): packed_bytes(shape, _BITS[_type(tensor)])})


def _format(tensor: Any) -> str:  # noqa: ANN401
    return _type(tensor).lower().replace("float", "fp")


def _type(tensor: Any) -> str:  # noqa: ANN401
    from ai_edge_litert.schema_py_generated import TensorType

    return str(next(name for name, number in vars(TensorType).items() if number == tensor.type))
