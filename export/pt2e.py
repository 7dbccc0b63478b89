"""Static int8 by PT2E: XNNPACK's quantizer places observers, calibration windows set them, torchao converts.

ExecuTorch and Core ML start from this one graph: what is int8 in one of them is int8 in the other.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import GraphModule
from torch.utils._pytree import tree_leaves

from edgeacc.compression.recipe import Recipe
from edgeacc.export.mixed import layers_of, require_layers
from edgeacc.export.quiet import refusing
from edgeacc.export.registry import require_packages
from edgeacc.models.deploy import export_like
from edgeacc.models.graph import attends, operation_of

_ELEMENT_BY_ELEMENT = frozenset(("add", "mul"))
"""What XNNPACK's quantizer would take of attention besides its products by weights."""


def static_int8(program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor) -> ExportedProgram:
    """The program with int8 weights (symmetric, per output channel) and static int8 activations; heads stay in float.

    Of a network with attention, the convolutions and linear layers (`edgeacc.models.graph.attends`).

    A head has one output and as many weights as the embedding is wide: int8 would save little, and cost it up to 3.3 dB
    (`rmssd_ms` of conv-s). So do the layers that the recipe leaves in float.

    Args:
        program: (1, 3, T) -> (1, D); left as it is.
        recipe: says which.
        calibration_BCT: prepared windows (B, 3, T).

    Raises:
        BadInput: the recipe names a layer that is not there.
        NotPossibleHere: the quantizer refused, with its message, or is not installed (extra `executorch`).
    """
    require_packages("executorch", "convert")
    with refusing("XNNPACK's quantizer", "quantize the network"), torch.no_grad():
        from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
            XNNPACKQuantizer,
            get_symmetric_quantization_config,
        )
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

        network = program.module()
        in_float = _heads(network) | _in_float(program, recipe) | _beside_products(program)
        quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
        quantizer.set_filter_function(lambda node: node.name not in in_float)
        quantizer.annotate = _sparing(quantizer.annotate, in_float)
        observed = prepare_pt2e(network, quantizer)
        for window_CT in calibration_BCT:
            observed(window_CT[None])
        return export_like(program, convert_pt2e(observed))


def _sparing(
    annotate: Callable[[GraphModule], GraphModule], in_float: set[str]
) -> Callable[[GraphModule], GraphModule]:
    """XNNPACK's quantizer annotates a concatenation whatever its filter says, and what moves its result."""

    def spared(network: GraphModule) -> GraphModule:
        network = annotate(network)
        for node in network.graph.nodes:
            if node.name in in_float:
                node.meta.pop("quantization_annotation", None)
        return network

    return spared


def _heads(network: GraphModule) -> set[str]:
    """Names of the linear layers that read the embedding, the network's first output."""
    embedding = tree_leaves(network.graph.output_node().args)[0]
    return {node.name for node in embedding.users if node.target is torch.ops.aten.linear.default}


def _beside_products(program: ExportedProgram) -> set[str]:
    if not attends(program.graph):
        return set()
    return {node.name for node in program.graph.nodes if operation_of(node) in _ELEMENT_BY_ELEMENT}


def _in_float(program: ExportedProgram, recipe: Recipe) -> set[str]:
    layers = layers_of(program)
    require_layers(recipe, layers)
    return {node.name for name in recipe.layers for node in layers[name]}
