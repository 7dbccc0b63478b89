"""Resource variables in a .tflite: what litert-torch can write only as inputs and outputs, kept inside."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def with_variables(model: bytes, signature: str, names: Sequence[str]) -> bytes:
    """The same model, in which one signature keeps some of its values from call to call.

    Args:
        model: with a signature that has an input and an output of each name, of one shape, float32.
        signature: its key.
        names: of the values; they begin as zeros.
    """
    from ai_edge_litert.tools import flatbuffer_utils

    tree = flatbuffer_utils.read_model_from_bytearray(bytearray(model))
    (signed,) = (each for each in tree.signatureDefs if each.signatureKey == signature.encode())
    _Variables(tree, tree.subgraphs[signed.subgraphIndex]).keep(signed, names)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


class _Variables:
    """Edits one graph, and the graph beside it that sets the variables once."""

    def __init__(self, tree: Any, graph: Any) -> None:  # noqa: ANN401
        from ai_edge_litert import schema_py_generated as schema

        self._schema, self._tree, self._graph = schema, tree, graph
        self._beginning = schema.SubGraphT()
        self._beginning.name, self._beginning.tensors, self._beginning.operators = b"begin", [], []
        self._beginning.inputs = self._beginning.outputs = np.array([], np.int32)

    def keep(self, signed: Any, names: Sequence[str]) -> None:  # noqa: ANN401
        given = {each.name.decode(): each.tensorIndex for each in signed.inputs}
        kept = {each.name.decode(): each.tensorIndex for each in signed.outputs}
        self._tree.subgraphs.append(self._beginning)
        once = self._operator("CALL_ONCE", [], [], "CallOnce", initSubgraphIndex=len(self._tree.subgraphs) - 1)
        before, after = [once], []
        for name in names:
            self._begin(name, self._graph.tensors[given[name]].shape)
            handle, making = self._handle(self._graph, name)
            before += [making, self._operator("READ_VARIABLE", [handle], [given[name]], "ReadVariable")]
            after.append(self._operator("ASSIGN_VARIABLE", [handle, kept[name]], [], "AssignVariable"))
        self._graph.operators = [*before, *self._graph.operators, *after]
        signed.inputs = [each for each in signed.inputs if each.name.decode() not in names]
        signed.outputs = [each for each in signed.outputs if each.name.decode() not in names]
        self._graph.inputs = _without(self._graph.inputs, [given[name] for name in names])
        self._graph.outputs = _without(self._graph.outputs, [kept[name] for name in names])

    def _begin(self, name: str, shape: Sequence[int]) -> None:
        zeros = self._schema.BufferT()
        zeros.data = np.zeros(4 * int(np.prod(shape)), np.uint8)
        self._tree.buffers.append(zeros)
        handle, making = self._handle(self._beginning, name)
        value = self._tensor(self._beginning, shape, "FLOAT32", len(self._tree.buffers) - 1)
        assigning = self._operator("ASSIGN_VARIABLE", [handle, value], [], "AssignVariable")
        self._beginning.operators += [making, assigning]

    def _handle(self, graph: Any, name: str) -> tuple[int, Any]:  # noqa: ANN401
        handle = self._tensor(graph, (), "RESOURCE", 0)
        return handle, self._operator("VAR_HANDLE", [], [handle], "VarHandle", container="", sharedName=name)

    def _tensor(self, graph: Any, shape: Sequence[int], kind: str, buffer: int) -> int:  # noqa: ANN401
        made = self._schema.TensorT()
        made.shape, made.type, made.buffer = np.array(shape, np.int32), getattr(self._schema.TensorType, kind), buffer
        made.name = f"{kind.lower()}_{len(graph.tensors)}".encode()
        graph.tensors.append(made)
        return len(graph.tensors) - 1

    def _operator(self, name: str, inputs: Sequence[int], outputs: Sequence[int], kind: str, **members: object) -> Any:  # noqa: ANN401
        code = self._schema.OperatorCodeT()
        code.builtinCode, code.version = getattr(self._schema.BuiltinOperator, name), 1
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        self._tree.operatorCodes.append(code)
        made = self._schema.OperatorT()
        made.opcodeIndex = len(self._tree.operatorCodes) - 1
        made.inputs, made.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
        made.builtinOptionsType = getattr(self._schema.BuiltinOptions, f"{kind}Options")
        made.builtinOptions = getattr(self._schema, f"{kind}OptionsT")()
        vars(made.builtinOptions).update(members)
        return made


def _without(indices: Sequence[int], left_out: Sequence[int]) -> Any:  # noqa: ANN401
    return np.array([index for index in indices if index not in left_out], np.int32)
