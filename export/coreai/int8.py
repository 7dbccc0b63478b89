"""A network that PT2E rounded, in the operations that coreai-torch knows."""

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import GraphModule, Node

from edgeacc.models.graph import operation_of

_QUANTIZE, _DEQUANTIZE = "quantize_per_tensor", "dequantize_per_tensor"
_DEQUANTIZE_WEIGHTS = "dequantize_per_channel"


def in_coreai_operations(program: ExportedProgram) -> ExportedProgram:
    """The same program, its `quantized_decomposed` operations as Core AI's `quantize` and `dequantize`.

    Args:
        program: as `edgeacc.export.pt2e.static_int8` makes it: weights symmetric, so that their zero points are 0.
    """
    from coreai_torch._compression import custom_layers  # registers torch.ops.coreai

    del custom_layers
    network = program.module()
    if not isinstance(network, GraphModule):
        raise TypeError(f"the module of a program is a {type(network).__name__}")
    for node in list(network.graph.nodes):
        if operation_of(node) in (_QUANTIZE, _DEQUANTIZE, _DEQUANTIZE_WEIGHTS):
            with network.graph.inserting_before(node):
                node.replace_all_uses_with(_in_coreai(network, node))
            network.graph.erase_node(node)
    network.recompile()
    return torch.export.export(network, *program.example_inputs)


def _in_coreai(network: GraphModule, node: Node) -> Node:
    value, scale, zero_point, *_ = node.args
    coreai, graph = torch.ops.coreai, network.graph
    if operation_of(node) == _DEQUANTIZE_WEIGHTS:
        axis = node.args[3]
        return graph.call_function(coreai.dequantize.default, (value, scale), {"axis": axis})
    scales = _constant(network, f"{node.name}_scale", torch.tensor(scale))
    zeros = _constant(network, f"{node.name}_zero_point", torch.tensor(zero_point, dtype=torch.int8))
    if operation_of(node) == _QUANTIZE:
        return graph.call_function(coreai.quantize.default, (value, scales, torch.int8), {"zero_point": zeros})
    return graph.call_function(coreai.dequantize.default, (value, scales), {"zero_point": zeros})


def _constant(network: GraphModule, name: str, value: Tensor) -> Node:
    network.register_buffer(name, value)
    return network.graph.get_attr(name)
