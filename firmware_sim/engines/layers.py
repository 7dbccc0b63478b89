"""The counts of an engine, put to the layers of a program."""

from collections.abc import Sequence

from edgeacc.errors import NotPossibleHere
from edgeacc.firmware_sim.counts import InstructionCounts, LayerRun
from edgeacc.firmware_sim.engines.engine import Program


def layer_runs(program: Program, counts: Sequence[InstructionCounts], where: str) -> tuple[LayerRun, ...]:
    """One `LayerRun` for each layer of the program.

    Raises:
        NotPossibleHere: the engine counted another number of layers.
    """
    if len(counts) != len(program.layers):
        raise NotPossibleHere(f"{len(counts)} of {len(program.layers)} layers were counted ({where})")
    return tuple(
        LayerRun(layer.index, layer.operator, layer.name, layer.macs, count)
        for layer, count in zip(program.layers, counts, strict=True)
    )


def summed(layers: Sequence[LayerRun]) -> InstructionCounts:
    """Over all layers."""
    return sum((layer.counts for layer in layers), InstructionCounts())
