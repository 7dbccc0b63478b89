"""Which layers can be stored in fewer bits: each alone converted and run for real, and the mixed recipes that follow.

Noise adds up over layers that are rounded independently, so that the noise of a mixture is taken as the sum of what its
layers added alone; the artifact that is kept is measured as a whole.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edgeacc.compression.recipe import RECIPES, Recipe
from edgeacc.compression.schemes import MIXED, TABLE, Formats, Weights
from edgeacc.export.exporter import eager_session, run_session
from edgeacc.export.parity import parity
from edgeacc.export.pipeline import size_bytes
from edgeacc.export.registry import exporter
from edgeacc.export.source import Source
from edgeacc.files import read_model, write_json
from edgeacc.progress import Progress, silent

WINDOWS = 32
"""Calibration windows that a scan runs (our choice)."""
MIXTURES = 4
"""Mixed recipes of one network (our choice): more would lie closer together than their errors can be told apart."""
_LIKE = {"coreml": "coreml-pal4", "tflite": "tflite-w8a8", "executorch": "executorch-w8a8"}
"""Target -> the recipe whose floor, calibration and systems its mixed ones have."""
_EXACT = {"coreml": "coreml-fp16", "tflite": "tflite-fp32", "executorch": "executorch-fp32"}
"""Target -> the recipe that rounds no weights."""


class Alone(BaseModel):
    """One layer in one format, all others in the most exact one.

    Attributes:
        noise: a part of the energy of the embedding about its mean.
        size_bytes: of the artifact.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    noise: float
    size_bytes: int


class Scan(BaseModel):
    """What is known of the layers of one network.

    Attributes:
        of: digest of the network, the target and the windows.
        exact: all layers in the most exact format.
        alone: layer -> lower format -> measured.
    """

    model_config = ConfigDict(extra="forbid")

    of: str
    exact: Alone | None = None
    alone: dict[str, dict[Weights, Alone]] = {}


class Mixture(NamedTuple):
    """A format for every layer, and what that comes to by the scan."""

    layers: dict[str, Weights]
    noise: float
    size_bytes: int


def scan(source: Source, target: str, path: Path, progress: Progress = silent) -> Scan:
    """Measure every layer alone in every format that it can have; what `path` holds of the same network is kept.

    Raises:
        NotPossibleHere: the target's packages are missing, or the converter refuses the network.
    """
    windows = source.calibration.spread(WINDOWS)
    names = (source.checkpoint.sha256, target, windows.record(WINDOWS).sha256)
    digest = hashlib.sha256(" ".join(map(str, names)).encode()).hexdigest()
    found = read_model(path, Scan) if path.exists() else Scan(of=digest)
    if found.of != digest:
        found = Scan(of=digest)
    layers = exporter(target, "convert").layers(source.network)
    exact, *lower = formats(target)
    jobs = [(layer, low) for layer in layers for low in lower]
    expected_BD = run_session(eager_session(source.network), windows.acc_BCT.numpy())[0]
    if found.exact is None:
        found.exact = _measured(source, RECIPES[_EXACT[target]], expected_BD)
    for number, (layer, low) in enumerate(jobs):
        progress(number, len(jobs), f"{source.checkpoint.name}: {layer} in {low}")
        if low not in found.alone.get(layer, {}):
            recipe = mixed(target, "scan", {each: low if each == layer else exact for each in layers})
            found.alone.setdefault(layer, {})[low] = _measured(source, recipe, expected_BD)
            write_json(path, found, force=True)
    progress(len(jobs), len(jobs), f"{source.checkpoint.name}: layers scanned")
    return found


def formats(target: str) -> tuple[Weights, ...]:
    """What a layer can have on a target, from the most exact on."""
    entry = TABLE[target]["mixed"]
    if not isinstance(entry, Formats):
        return ()
    return (*MIXED[target], "int8") if entry.weights == "int8" else (entry.weights, *MIXED[target])


def mixed(target: str, word: str, layers: Mapping[str, Weights]) -> Recipe:
    """The recipe `<target>-mixed-<word>` that gives each layer its format."""
    like = RECIPES[_LIKE[target]]
    entry = TABLE[target]["mixed"]
    if not isinstance(entry, Formats):
        raise TypeError(f"{target} has no mixed recipes")
    return Recipe(
        target=target,
        weights=entry.weights,
        activations=entry.activations,
        name=f"{target}-mixed-{word}",
        min_snr_db=like.min_snr_db,
        calibration_windows=like.calibration_windows,
        minimum_os=like.minimum_os,
        layers={layer: weights for layer, weights in sorted(layers.items()) if weights != entry.weights},
    )


def mixtures(target: str, scanned: Scan) -> list[Mixture]:
    """At most `MIXTURES`, evenly by size, from all layers at their smallest on; those of one format are no mixtures."""
    path = list(_upgraded(formats(target)[0], scanned))
    mixed_ones = [each for each in path if len(set(each.layers.values())) > 1]
    sizes = np.linspace(path[0].size_bytes, path[-1].size_bytes, MIXTURES + 1)[:-1]
    chosen = {
        min(range(len(mixed_ones)), key=lambda at: abs(mixed_ones[at].size_bytes - size))
        for size in sizes
        if mixed_ones
    }
    return [mixed_ones[at] for at in sorted(chosen)]


def _upgraded(exact: Weights, scanned: Scan) -> Iterator[Mixture]:
    """From the smallest on, each time the layer made more exact that takes away the most noise for a byte."""
    if scanned.exact is None:
        raise ValueError("the scan has not begun")
    whole = scanned.exact
    options: dict[str, dict[Weights, Alone]] = {
        layer: {exact: Alone(noise=0.0, size_bytes=whole.size_bytes), **lower}
        for layer, lower in sorted(scanned.alone.items())
    }
    now = {layer: min(every, key=lambda low: every[low].size_bytes) for layer, every in options.items()}
    while True:
        chosen = [options[layer][low] for layer, low in now.items()]
        size = whole.size_bytes - sum(whole.size_bytes - each.size_bytes for each in chosen)
        yield Mixture(dict(now), sum(each.noise for each in chosen), size)
        gains = {
            (layer, low): _gain(options[layer][now[layer]], each)
            for layer, every in options.items()
            for low, each in every.items()
            if each.noise < options[layer][now[layer]].noise
        }
        if not gains:
            return
        layer, low = max(gains, key=lambda pair: gains[pair])
        now[layer] = low


def _gain(now: Alone, then: Alone) -> float:
    """Noise taken away for each byte; a step that saves bytes too comes first."""
    return (now.noise - then.noise) / max(then.size_bytes - now.size_bytes, 1)


def _measured(source: Source, recipe: Recipe, expected_BD: NDArray[np.float32]) -> Alone:
    tool = exporter(recipe.target, "convert")
    calibration_BCT = source.calibration.spread(recipe.calibration_windows).acc_BCT
    with tempfile.TemporaryDirectory() as folder:
        model = tool.convert(source.network, recipe, calibration_BCT, Path(folder))
        got_BD = tool.run(model, source.calibration.spread(WINDOWS).acc_BCT.numpy())[0]
        return Alone(noise=10 ** (-parity(expected_BD, got_BD).snr_db / 10), size_bytes=size_bytes(model))
