"""Memory that an artifact's own file tells of before anything runs: for what it computes, and of its weights."""

from collections.abc import Callable
from pathlib import Path

from edgeacc.benchmarks.results import Arena
from edgeacc.benchmarks.tflm import tflm_arena
from edgeacc.errors import EdgeaccError


def planned_arena(target: str, model: Path) -> Arena:
    """The plan of an artifact; where there is none, why.

    Args:
        target: whose artifact it is, or what else runs `model`.
        model: one that loads.
    """
    plans: dict[str, Callable[[Path], Arena]] = {"executorch": _executorch, "tflite": _tflite, "firmware": _firmware}
    if target not in plans:
        return Arena(size_bytes=None, source=f"{target} has no memory plan in its file")
    try:
        return plans[target](model)
    except EdgeaccError as error:
        return Arena(size_bytes=None, source=error.problem)


def stored_weights(target: str, model: Path) -> dict[str, int]:
    """Bytes of an artifact's weights by their format, the most first; empty where nothing tells.

    Args:
        target: whose artifact it is, or what else runs `model`.
        model: one that loads.
    """
    from edgeacc.export.precision import weight_bytes
    from edgeacc.export.registry import TARGETS, exporter

    return weight_bytes(exporter(target).operations(model)) if target in TARGETS else {}


def _executorch(model: Path) -> Arena:
    from edgeacc.export.executorch.exporter import planned_bytes

    return Arena(
        size_bytes=planned_bytes(model),
        source="the memory plan in the .pte; what its delegate takes for itself is not in it",
    )


def _tflite(model: Path) -> Arena:
    arena = tflm_arena(model)
    return Arena(
        size_bytes=sum(arena),
        source=f"TFLM's allocator: {arena.head:,} bytes of activations, {arena.tail:,} of tensors and operators",
    )


def _firmware(model: Path) -> Arena:
    from edgeacc.export.firmware.artifact import read_artifact

    return Arena(size_bytes=read_artifact(model).arena_bytes, source="edgeacc's plan in the artifact's manifest")
