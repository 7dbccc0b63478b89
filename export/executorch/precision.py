"""The number formats in a .pte file: in what is delegated to XNNPACK, and in the kernels outside."""

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgeacc.export.precision import DYNAMIC, Operation, Reader, Stored, packed_bytes
from edgeacc.export.quiet import contained

_CHANGES = ("Convert",)
_KERNEL_FORMATS = {"FLOAT": "fp32", "HALF": "fp16", "CHAR": "int8", "INT": "int32", "LONG": "int64"}
_BITS = {"fp32": 32, "fp16": 16, "int32": 32, "int8": 8, "int4": 4}


def operations(program: Any) -> tuple[Operation, ...]:  # noqa: ANN401
    """All operations of a .pte file, one method after another; `program` is what ExecuTorch's schema calls so."""
    reader = Reader()
    for plan in program.execution_plan:
        for chain in plan.chains:
            for number, instruction in enumerate(chain.instructions):
                call = instruction.instr_args
                match type(call).__name__:
                    case "DelegateCall":
                        place = plan.delegates[call.delegate_index].processed.index
                        _add_delegated(reader, _graph(bytes(program.backend_delegate_data[place].data)))
                    case "KernelCall":
                        kind = plan.values[call.args[0]].val.scalar_type.name
                        operator = plan.operators[call.op_index].name
                        reader.add(operator, f"{plan.name} {number}", _KERNEL_FORMATS.get(kind, kind.lower()), ())
    return tuple(reader.operations)


def _graph(payload: bytes) -> dict[str, Any]:
    """What XNNPACK is handed, by ExecuTorch's own schema and reader."""
    with contained(), tempfile.TemporaryDirectory() as name:
        from executorch.backends.xnnpack.serialization.xnnpack_graph_serialize import XNNHeader, _get_schema_bytes
        from executorch.exir._serialize._flatbuffer import _flatc_decompile

        header = XNNHeader.from_bytes(payload[: XNNHeader.EXPECTED_LENGTH])
        folder = Path(name)
        schema, graph = folder / "schema.fbs", folder / "graph.bin"
        schema.write_bytes(_get_schema_bytes())
        graph.write_bytes(payload[header.flatbuffer_offset :][: header.flatbuffer_size])
        _flatc_decompile(name, str(schema), str(graph), ["--raw-binary"])
        text = graph.with_suffix(".json").read_text()
    read: dict[str, Any] = json.loads(re.sub(r": (-?)inf\b", r": \1Infinity", text))
    return read


def _add_delegated(reader: Reader, graph: Mapping[str, Any]) -> None:
    values = {}
    for each in graph["xvalues"]:
        value = each["xvalue_union"]
        tensor = value.get("tensor_value", value)
        values[tensor["id_out"]] = tensor | {"scales": value.get("quant_params", {})}
    for node in graph["xnodes"]:
        operator, said = node["xnode_union_type"].removeprefix("XNN"), node["xnode_union"]
        if operator in _CHANGES:
            continue
        taken = [values[said[name]] for name in said if _is_input(name) and said[name] in values]
        constants = [tensor for tensor in taken if tensor["constant_buffer_idx"]]
        flowing = next(tensor for tensor in taken if not tensor["constant_buffer_idx"])
        weights = [stored for tensor in constants for stored in _stored(tensor, graph["constant_data"])]
        computes = DYNAMIC if "_qd" in flowing["datatype"] else _format(flowing)
        reader.add(operator, str(said.get("output_id", said.get("output1_id"))), computes, weights)


def _is_input(field: str) -> bool:
    return field.endswith("_id") and not field.startswith("output")


def _stored(tensor: Mapping[str, Any], constants: list[Mapping[str, Any]]) -> Iterator[Stored]:
    """A constant of the graph, and the scales of its channels."""
    kind, scales = _format(tensor), tensor["scales"]
    yield Stored(_key(constants, tensor["constant_buffer_idx"]), {kind: packed_bytes(tensor["dims"], _BITS[kind])})
    if scales.get("scale_buffer_idx"):
        yield Stored(_key(constants, scales["scale_buffer_idx"]), {"fp32": 4 * scales["num_scales"]})


def _key(constants: list[Mapping[str, Any]], place: int) -> str:
    """Data of one content has one name in the whole file; what lies in the graph itself has its place there."""
    said = constants[place]
    return said["named_key"] or f"{id(constants)}/{place}"


def _format(tensor: Mapping[str, Any]) -> str:
    """`int8` of `xnn_datatype_qcint8`: q quantized, c by channel, b by block, d by the range of the window."""
    return str(tensor["datatype"]).removeprefix("xnn_datatype_").removeprefix("q").lstrip("cbd")
