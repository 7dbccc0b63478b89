"""Weights in 4 and 6 bits, rounded so that each layer's result suffers least on calibration windows.

A converter rounds every weight to the nearest value that its format has. Here a program's weights are moved to such
values before (`edgeacc.compression.gptq`), layer after layer, each reading what the rounded ones before it give; what
the converter then finds is rounded already, and it changes nothing. On conv-s that is worth 11 to 13 dB.
"""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import GraphModule, Interpreter, Node
from torch.nn import functional as F

from edgeacc.compression.gptq import BLOCK, in_blocks, in_table, rounded
from edgeacc.compression.recipe import Recipe
from edgeacc.compression.schemes import WEIGHT_BITS, Weights
from edgeacc.export.mixed import require_layers, weights_of
from edgeacc.models.deploy import export_like
from edgeacc.models.graph import operation_of

SMALLEST = 512
"""Values: smaller weights are left as they are by all targets, since a scale or a table takes back what they save (our
estimate; with all of conv-s compressed a Core AI asset has 177 bytes more)."""
FEW_BITS: tuple[Weights, ...] = ("int4", "pal6", "pal4")
_WEIGHTED = ("conv2d", "linear")


def well_rounded(program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor) -> ExportedProgram:
    """The program with those weights moved that the recipe keeps in 4 or 6 bits; itself where there are none.

    Args:
        program: (1, 3, T) -> its outputs; left as it is.
        recipe: says which format each layer has.
        calibration_BCT: prepared windows (B, 3, T); without any the converter rounds by itself.

    Raises:
        BadInput: the recipe names a layer that is not there.
    """
    formats = _formats(program, recipe)
    if not formats or not len(calibration_BCT):
        return program
    network = program.module()
    for name in formats:
        path, _, own = name.rpartition(".")
        setattr(network.get_submodule(path), own, nn.Parameter(network.get_parameter(name).detach().clone()))
    with torch.no_grad():
        _round_in_turn(network, formats, calibration_BCT)
    return export_like(program, network)


def _formats(program: ExportedProgram, recipe: Recipe) -> dict[str, Weights]:
    """Parameter -> its format, of those in few bits."""
    known = weights_of(program, SMALLEST)
    if recipe.layers:
        require_layers(recipe, known)
    parameter_of = program.graph_signature.inputs_to_parameters
    chosen = {layer: recipe.layers.get(layer, recipe.weights) for layer in known}
    return {
        parameter_of[given]: chosen[layer]
        for layer, names in known.items()
        for given in names
        if chosen[layer] in FEW_BITS
    }


def _round_in_turn(network: GraphModule, formats: Mapping[str, Weights], acc_BCT: Tensor) -> None:
    """Compute all windows one operation after another, and round each weight as it is about to be used."""
    runs = [_started(network, acc_1CT) for acc_1CT in acc_BCT.split(1)]
    for node in network.graph.nodes:
        if node.op == "output":
            break
        weight = node.args[1] if operation_of(node) in _WEIGHTED else None
        if isinstance(weight, Node) and str(weight.target) in formats:
            parameter, read = network.get_parameter(str(weight.target)), node.args[0]
            _round(node, parameter, formats[str(weight.target)], (run.env[read] for run in runs))
        for run in runs:
            run.env[node] = run.run_node(node)
            for passed in run.user_to_last_uses.get(node, ()):
                del run.env[passed]


def _started(network: GraphModule, acc_1CT: Tensor) -> Interpreter:
    run = Interpreter(network)
    run.args_iter = iter(network.graph.process_inputs(acc_1CT))
    return run


def _round(node: Node, parameter: Tensor, weights: Weights, read: Iterable[Tensor]) -> None:
    """In place; left as it is where no format fits: a convolution of each channel by itself, or no blocks."""
    channels, taps = parameter.shape[1], prod(parameter.shape[2:])
    if _setting(node, 6, 1) != 1 or (weights == "int4" and channels % BLOCK):
        return
    weight_OI = parameter.flatten(1)
    nearest = in_blocks(weight_OI, taps) if weights == "int4" else in_table(weight_OI, WEIGHT_BITS[weights])
    moment_II = torch.zeros(channels * taps, channels * taps, dtype=torch.float64)
    for x in read:
        rows_NI = _rows(node, x, parameter).double()
        moment_II += rows_NI.T @ rows_NI
    parameter.copy_(rounded(weight_OI, moment_II, nearest).reshape(parameter.shape))


def _rows(node: Node, x: Tensor, parameter: Tensor) -> Tensor:
    """What the weight is multiplied by, at every place of a result, (N, I)."""
    if operation_of(node) == "linear":
        return x.reshape(-1, x.shape[-1])
    stride, padding = _setting(node, 3, [1, 1]), _setting(node, 4, [0, 0])
    return F.unfold(x, parameter.shape[2:], padding=padding, stride=stride).squeeze(0).T


def _setting(node: Node, place: int, default: Any) -> Any:  # noqa: ANN401
    """An argument of a convolution: of an operation with fewer, the default."""
    return node.args[place] if len(node.args) > place else default
