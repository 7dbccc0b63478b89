"""What is inside a .tflite file: operators, and where its weights lie.

ai-edge-quantizer puts the weights of larger models behind the flatbuffer. LiteRT finds them there; TensorFlow Lite
Micro computes on memory that was never written, without an error: every model is inlined.
"""

from typing import Any

import numpy as np

from edgeacc.bundle.manifest import Needs

OLDEST_RUNTIME = "min_runtime_version"
"""What converters call the oldest TensorFlow Lite that has all operators of the file, in its metadata."""


def inlined(model: bytes) -> bytes:
    """The same model with every weight inside the flatbuffer."""
    from ai_edge_litert.tools import flatbuffer_utils

    file = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    for buffer in file.buffers:
        if buffer.data is not None:
            buffer.data = np.frombuffer(bytes(buffer.data), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


def external_buffers(model: bytes) -> int:
    """How many weights lie behind the flatbuffer instead of in it (an offset of 1 is a placeholder of the schema)."""
    return sum(1 for buffer in tree(model).buffers if buffer.offset > 1)


def custom_operators(model: bytes) -> list[str]:
    """Operators that are not TFLite builtins, by name."""
    names = {code.customCode for code in tree(model).operatorCodes if code.customCode}
    return sorted(name.decode() if isinstance(name, bytes) else name for name in names)


def operators(model: bytes) -> list[tuple[str, str]]:
    """(operator, the name of its first result) of the first subgraph, in the order of computation."""
    from ai_edge_litert.tools import flatbuffer_utils

    file = tree(model)
    graph = file.subgraphs[0]
    return [
        (flatbuffer_utils.opcode_to_name(file, each.opcodeIndex), graph.tensors[each.outputs[0]].name.decode())
        for each in graph.operators
    ]


def needs(model: bytes) -> Needs:
    """Schema and oldest runtime that the file tells, and its operators with their versions.

    The oldest runtime is told of files in float only: quantizers leave in it what the float file needed.
    """
    from ai_edge_litert.schema_py_generated import TensorType
    from ai_edge_litert.tools import flatbuffer_utils

    file = tree(model)
    told = {entry.name.decode(): file.buffers[entry.buffer].data for entry in file.metadata or ()}
    quantized = {TensorType.INT4, TensorType.INT8, TensorType.INT16}
    in_float = not any(tensor.type in quantized for graph in file.subgraphs for tensor in graph.tensors)
    oldest = bytes(told.get(OLDEST_RUNTIME, b"")).rstrip(b"\0").decode()
    codes = enumerate(file.operatorCodes)
    operators = {f"{flatbuffer_utils.opcode_to_name(file, number)} {code.version}" for number, code in codes}
    versions = {"schema": str(file.version), **({OLDEST_RUNTIME: oldest} if oldest and in_float else {})}
    return Needs(format=versions, operators=tuple(sorted(operators)))


def tree(model: bytes) -> Any:  # noqa: ANN401
    """The whole file as the objects of its schema."""
    from ai_edge_litert.tools import flatbuffer_utils

    return flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
