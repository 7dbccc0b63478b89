"""The number formats in a Core AI asset."""

import re
from pathlib import Path
from typing import Any

from edgeacc.export.precision import Operation, Reader, Stored, packed_bytes
from edgeacc.export.quiet import contained

_CHANGES = ("cast", "dequantize", "quantize")
_MOVES = ("concat", "pad", "reshape", "slice", "split", "transpose")
"""What gives values that were rounded as they came."""
_TENSOR = re.compile(r"tensor<((?:\d+x)*)(?:f(\d+)|[su]i(\d+))>")
_WIDEST = 16
"""Bits of integers that are weights; wider ones are shapes."""


def operations(asset: Path) -> tuple[Operation, ...]:
    """All operations of an asset's function `main` that take more than shapes.

    What a chip computes in is its own choice: `int8` says that what flows into an operation was rounded to it.
    """
    with contained():
        from coreai.authoring import AIModelAsset

        program = AIModelAsset.load(asset).program  # kept: its graph lives no longer
        graph = program._get_graph("main")
        reader = Reader()
        constants: dict[Any, list[Stored]] = {}
        rounded: dict[Any, str] = {}
        for number, each in enumerate(graph.entry_block.operations):
            operator, taken = each.operation.name.rpartition(".")[2], list(each.operands)
            flowing = [value for value in taken if value not in constants]
            weights = [stored for value in taken for stored in constants.get(value, ())]
            if operator == "constant":
                constants[each.results[0]] = _stored(each.results[0], str(number))
            elif not flowing:
                named = [_named(stored) for stored in weights] if operator == "lut_to_dense" else weights
                constants.update((result, named) for result in each.results)
            elif operator == "dequantize":
                rounded[each.results[0]] = _read(flowing[0])[1]
            elif operator not in _CHANGES and each.results:
                computes = rounded.get(flowing[0]) or _read(flowing[0])[1]
                if operator in _MOVES and flowing[0] in rounded:
                    rounded |= dict.fromkeys(each.results, computes)
                if computes:
                    reader.add(operator, str(number), computes, weights)
        return tuple(reader.operations)


def _stored(value: Any, key: str) -> list[Stored]:  # noqa: ANN401
    shape, kind = _read(value)
    return [Stored(key, {kind: packed_bytes(shape, int(kind.lstrip("fpint")))})] if shape and kind else []


def _named(stored: Stored) -> Stored:
    """Integers that are indices into a table are called so: `pal4` are those of four bits."""
    (kind, size_bytes), *_ = stored.bytes_of.items()
    return Stored(stored.key, {kind.replace("int", "pal"): size_bytes})


def _read(value: Any) -> tuple[list[int], str]:  # noqa: ANN401
    """Shape and format of a value; no format where it is no tensor, or one of shapes."""
    found = _TENSOR.fullmatch(str(value.type))
    if found is None:
        return [], ""
    shape, floating, integer = found.groups()
    kind = f"fp{floating}" if floating else f"int{integer}" if int(integer) <= _WIDEST else ""
    return [int(size) for size in shape.split("x") if size], kind
