"""The layers of a network, as `mixed` recipes name them: `tokenizer.0`, ..., `blocks.0`, ..., and `summary`.

A layer is what one module of the tokenizer or one transformer block computes, its activation and what else lies between
it and the next included; the summary is all that follows the last of them.
"""

from collections.abc import Mapping, Sequence

from torch.export import ExportedProgram
from torch.fx import Node

from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput
from edgeacc.models.graph import ACTIVATIONS, MOVES, module_of, operation_of

SUMMARY = "summary"
PASSIVE = ACTIVATIONS | MOVES
"""Operations that belong to the layer before."""
_NAMED = ("tokenizer", "blocks")


def layers_of(network: ExportedProgram) -> dict[str, list[Node]]:
    """Layer -> the nodes that compute it or move its values, in the order of computation."""
    nodes = [node for node in network.graph.nodes if node.op == "call_function"]
    names = ["" if operation_of(node) in PASSIVE else _name(module_of(node)) for node in nodes]
    last = max((place for place, name in enumerate(names) if name), default=-1)
    found: dict[str, list[Node]] = {}
    now = next((name for name in names if name), SUMMARY)
    for place, (node, name) in enumerate(zip(nodes, names, strict=True)):
        ended = place > last and operation_of(node) not in PASSIVE
        now = SUMMARY if ended else name or now
        found.setdefault(now, []).append(node)
    return found


def weights_of(network: ExportedProgram, fewest: int) -> dict[str, list[str]]:
    """Layer -> its parameters of so many values at least, vectors left out, by their names in the program."""
    names = network.graph_signature.inputs_to_parameters
    found: dict[str, list[str]] = {}
    for given, parameter in names.items():
        value, layer = network.state_dict[parameter], _name(parameter)
        if layer and value.ndim > 1 and value.numel() >= fewest:
            found.setdefault(layer, []).append(given)
    return found


def require_layers(recipe: Recipe, known: Mapping[str, object] | Sequence[str]) -> None:
    """Raise BadInput where a recipe gives a format to a layer that is not known."""
    unknown = [name for name in recipe.layers if name not in known]
    if unknown:
        raise BadInput(
            f"recipe {recipe.name}: no such layer here: {', '.join(unknown)}", valid=", ".join(known) or "none"
        )


def _name(path: str) -> str:
    """`tokenizer.10` of `network.tokenizer.10.moment.weight`; empty where the path names no layer."""
    parts = path.split(".")
    first = next((place for place, part in enumerate(parts[:-1]) if part in _NAMED), None)
    return "" if first is None else ".".join(parts[first : first + 2])
