"""The number formats in an ONNX file."""

from pathlib import Path

from edgeacc.export.precision import DYNAMIC, Operation, Reader, Stored, packed_bytes
from edgeacc.export.quiet import contained

_FORMATS = {"FLOAT": ("fp32", 32), "FLOAT16": ("fp16", 16), "INT8": ("int8", 8), "UINT8": ("int8", 8)}
"""What weights have; shapes are INT64."""
_CHANGES = ("Cast", "DequantizeLinear", "DynamicQuantizeLinear", "QuantizeLinear")
_INTEGER = ("ConvInteger", "MatMulInteger")


def operations(model: Path) -> tuple[Operation, ...]:
    """All operations of an ONNX file that take a value.

    Those of integers have their results put back into float by several operations of their own, which are told too.
    """
    with contained():
        import onnx

        graph = onnx.load(model).graph
    reader = Reader()
    fixed = {each.name for each in graph.initializer}
    weights: dict[str, list[Stored]] = {}
    for each in graph.initializer:
        kind = onnx.TensorProto.DataType.Name(each.data_type)
        if kind in _FORMATS:
            name, bits = _FORMATS[kind]
            weights[each.name] = [Stored(each.name, {name: packed_bytes(each.dims, bits)})]
    for node in graph.node:
        taken = [name for name in node.input if name]
        constants = [constant for name in taken for constant in weights.get(name, ())]
        if fixed.issuperset(taken):
            fixed.update(node.output)
            weights |= dict.fromkeys(node.output, constants)
        elif node.op_type not in _CHANGES:
            computes = DYNAMIC if node.op_type in _INTEGER else "fp32"
            reader.add(node.op_type, node.output[0], computes, constants)
    return tuple(reader.operations)
