"""Which operators of a converted model compute which layer of the network.

litert-torch keeps no module's name, but the order of computation. So layers are found from both ends, as far as the
operators follow one another as in the network. What lies between is not told apart: attention becomes many operators.
"""

from collections.abc import Sequence

from torch.export import ExportedProgram

from edgeacc.compression.recipe import Recipe
from edgeacc.export.mixed import PASSIVE, layers_of, require_layers
from edgeacc.export.tflite.flatbuffer import operators
from edgeacc.models.graph import operation_of

_KINDS = {
    "conv2d": ("CONV_2D", "DEPTHWISE_CONV_2D"),
    "linear": ("FULLY_CONNECTED",),
    "mean": ("MEAN",),
    "add": ("ADD",),
    "sub": ("SUB",),
    "abs": ("ABS",),
    "cat": ("CONCATENATION",),
}
_MOVES = frozenset("RESHAPE TRANSPOSE SLICE STRIDED_SLICE PAD SPLIT EXPAND_DIMS SQUEEZE GATHER PACK".split())


def results_of(model: bytes, program: ExportedProgram, recipe: Recipe) -> list[str]:
    """Names of the results of all operators that compute the recipe's layers.

    Args:
        model: the program, converted.
        program: (1, 3, T) -> (1, D).
        recipe: names the layers.

    Raises:
        BadInput: a layer that is not there, or not told apart in the model.
    """
    if not recipe.layers:
        return []
    known = by_layer(model, program)
    require_layers(recipe, known)
    return [name for layer in recipe.layers for name in known[layer]]


def by_layer(model: bytes, program: ExportedProgram) -> dict[str, list[str]]:
    """Layer that is told apart -> names of the results of its operators, those that only move values included."""
    layers = layers_of(program)
    kinds = [(operation_of(node), layer) for layer, nodes in layers.items() for node in nodes]
    kinds = [(kind, layer) for kind, layer in kinds if kind not in PASSIVE]
    found = operators(model)
    computing = [place for place, (name, _) in enumerate(found) if name not in _MOVES]
    names = [found[place][0] for place in computing]
    head = _alike(kinds, names)
    tail = _alike(kinds[::-1], names[::-1]) if head < len(kinds) or len(kinds) != len(names) else 0
    layer_at = {computing[number]: kinds[number][1] for number in range(head)}
    layer_at |= {computing[-1 - number]: kinds[-1 - number][1] for number in range(tail)}
    told: dict[str, list[str]] = {}
    now = kinds[0][1] if head else None
    for place, (name, result) in enumerate(found):
        now = layer_at.get(place, now if name in _MOVES else None)
        if now is not None:
            told.setdefault(now, []).append(result)
    whole = {layer: sum(each == layer for _, each in kinds) for layer in layers}
    has = {layer: sum(each == layer for each in layer_at.values()) for layer in layers}
    return {layer: results for layer, results in told.items() if whole[layer] == has[layer]}


def _alike(kinds: Sequence[tuple[str, str]], names: Sequence[str]) -> int:
    """How many of the first are computed by operators of their kind, one by one."""
    count = 0
    for (kind, _), name in zip(kinds, names, strict=False):
        if name not in _KINDS.get(kind, ()):
            break
        count += 1
    return count
