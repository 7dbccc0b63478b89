"""What is inside a .tflite file: operators, and where its weights lie.

ai-edge-quantizer puts the weights of larger models behind the flatbuffer. LiteRT finds them there; TensorFlow Lite
Micro computes on memory that was never written, without an error: every model is inlined.
"""

from typing import Any

import numpy as np


def inlined(model: bytes) -> bytes:
    """The same model with every weight inside the flatbuffer."""
    from ai_edge_litert.tools import flatbuffer_utils

    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    for buffer in tree.buffers:
        if buffer.data is not None:
            buffer.data = np.frombuffer(bytes(buffer.data), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def external_buffers(model: bytes) -> int:
    """How many weights lie behind the flatbuffer instead of in it (an offset of 1 is a placeholder of the schema)."""
    return sum(1 for buffer in _tree(model).buffers if buffer.offset > 1)


def custom_operators(model: bytes) -> list[str]:
    """Operators that are not TFLite builtins, by name."""
    names = {code.customCode for code in _tree(model).operatorCodes if code.customCode}
    return sorted(name.decode() if isinstance(name, bytes) else name for name in names)


def _tree(model: bytes) -> Any:  # noqa: ANN401
    from ai_edge_litert.tools import flatbuffer_utils

    return flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
