"""The number formats in a Core ML package."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeacc.export.coreml.package import mil_functions
from edgeacc.export.exporter import EMBED, HEADS
from edgeacc.export.precision import Operation, Reader, Stored, packed_bytes

_BITS = {"fp32": 32, "fp16": 16, "int8": 8, "uint8": 8, "int6": 6, "uint6": 6, "int4": 4, "uint4": 4}
"""What weights have; shapes are int32."""
_CHANGES = ("cast", "dequantize", "quantize")
_UNPACKING = "constexpr_"


def operations(package: Path) -> tuple[Operation, ...]:
    """All operations of a package, one function after another; of two that share their weights, those of all outputs.

    What a chip computes in is its own choice: `int8` says that what flows into an operation was rounded to it.
    """
    functions = mil_functions(package)
    if functions.keys() == {EMBED, HEADS}:
        del functions[EMBED]
    reader = Reader()
    for of, function in functions.items():
        constants: dict[str, list[Stored]] = {}
        for operation in function.operations:
            taken, result = list(_taken(operation)), operation.outputs[0]
            weights = [stored for variable in taken for stored in constants.get(variable.name, ())]
            if operation.op_type == "const":
                constants[result.name] = _stored(result, f"{of}/{result.name}")
            elif operation.op_type.startswith(_UNPACKING):
                constants[result.name] = [_named(stored, operation) for stored in weights]
            elif operation.op_type not in _CHANGES:
                flowing = next(variable for variable in taken if variable.name not in constants)
                reader.add(operation.op_type, result.name, _computes(flowing), weights)
    return tuple(reader.operations)


def _taken(operation: Any) -> Iterator[Any]:  # noqa: ANN401
    for value in operation.inputs.values():
        if value is not None:
            yield from value if isinstance(value, list | tuple) else (value,)


def _stored(variable: Any, key: str) -> list[Stored]:  # noqa: ANN401
    kind = _format(variable)
    if not variable.shape or kind not in _BITS:
        return []
    return [Stored(key, {kind.removeprefix("u"): packed_bytes(variable.shape, _BITS[kind])})]


def _named(stored: Stored, operation: Any) -> Stored:  # noqa: ANN401
    """Integers that are indices into a table are called so: `pal4` has 16 entries."""
    table = operation.inputs.get("lut")
    if table is None or not any(kind.startswith("int") for kind in stored.bytes_of):
        return stored
    entries = table.shape[0] if len(table.shape) == 1 else table.shape[-2]  # from iOS 18 on a table for each block
    return Stored(stored.key, {f"pal{(entries - 1).bit_length()}": sum(stored.bytes_of.values())})


def _computes(variable: Any) -> str:  # noqa: ANN401
    made_by = variable.op
    if made_by is not None and made_by.op_type == "dequantize":
        variable = made_by.inputs["input"]
    return _format(variable).removeprefix("u")


def _format(variable: Any) -> str:  # noqa: ANN401
    from coremltools.converters.mil.mil.types import builtin_to_string

    return str(builtin_to_string(variable.dtype))
