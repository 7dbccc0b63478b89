"""What an encoder's embedding loses when units are taken out of a layer: which units matter, and which layers.

Importance of a unit: the squared change of what the network tells when the unit is closed to its average, to first
order (Molchanov et al. 2019, "Importance Estimation for Neural Network Pruning", their Taylor criterion; theirs reads
the change of a loss, which here would be zero, since the whole network makes no error against itself; so the change of
the outputs is taken instead, along random directions).

Sensitivity of a layer: its least important units are really taken out, the BatchNorms given their new statistics, and
the noise measured that this adds to what the network tells. No training comes between.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Generator, Tensor

from edgeacc.compression.channels import Layer, gate_of, inner_layers, macs, shrunk, without
from edgeacc.errors import BadInput
from edgeacc.models.alignment import Deployable, encoder_of, told
from edgeacc.models.config import EncoderConfig
from edgeacc.models.encoder import Encoder, settle_norms
from edgeacc.progress import Progress, silent

WINDOWS = 256
"""Training windows that a scan looks at (our choice: twice as many changed no layer's size on a trained conv-s)."""
SCANNED = (0.25, 0.5, 0.75, 1.0)
"""Parts of a layer that are taken out in a scan, but for its last step; in between, the noise is interpolated."""
_DIRECTIONS = 8
_BATCH = 32
_SEED = 20_241


class Importance(NamedTuple):
    """Of one layer's units.

    Attributes:
        squared_U: squared change of what the network tells, a part of its energy, when the unit is closed.
        mean_UC: what the unit gives on average, in each of its channels.
    """

    squared_U: Tensor
    mean_UC: Tensor


class Sensitivity(BaseModel):
    """Noise that one layer alone adds, a part of the energy of what the network tells, at each size.

    Attributes:
        sizes: units that are left, descending from all of them.
        noise: at these sizes, ascending from 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sizes: tuple[int, ...]
    noise: tuple[float, ...]

    def at(self, size: int) -> float:
        """Interpolated."""
        return float(np.interp(size, self.sizes[::-1], self.noise[::-1]))


class Reference:
    """What a network tells of a window: its embedding and, of a student, its place in the common space.

    Each of the two on a scale on which the whole network's energy about its mean is 1 per window.
    """

    def __init__(self, network: Deployable, acc_BCT: Tensor) -> None:
        """Take the scales from the whole network on these windows."""
        with torch.no_grad():
            parts = [
                torch.cat(each) for each in zip(*(told(network, x.float()) for x in acc_BCT.split(_BATCH)), strict=True)
            ]
        self._scales = [_energy(part_BE - part_BE.mean(dim=0)).rsqrt() for part_BE in parts]
        self._whole = self._scaled(parts)
        self._acc_BCT = acc_BCT

    def of(self, network: Deployable, acc_BCT: Tensor) -> Tensor:
        """(B, E)."""
        return self._scaled(told(network, acc_BCT.float()))

    @torch.no_grad()
    def noise(self, network: Deployable) -> float:
        """Energy of the difference to the whole network, a part of the whole network's energy."""
        told_BE = torch.cat([self.of(network, x) for x in self._acc_BCT.split(_BATCH)])
        return float(_energy(told_BE - self._whole)) / len(self._scales)

    def snr_db(self, network: Deployable) -> float:
        """The same in decibels."""
        return -10 * math.log10(max(self.noise(network), 1e-20))

    def _scaled(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat([part_BE * scale for part_BE, scale in zip(parts, self._scales, strict=True)], dim=1)


def importance(network: Deployable, reference: Reference, acc_BCT: Tensor) -> dict[str, Importance]:
    """Of the units of every inner layer, on these windows."""
    encoder = encoder_of(network)
    layers = inner_layers(encoder.config)
    squared = {layer.name: torch.zeros(layer.size) for layer in layers}
    mean: dict[str, Tensor] = {}
    generator = Generator().manual_seed(_SEED)
    for x_BCT in acc_BCT.split(_BATCH):
        with _gated(encoder, layers, len(x_BCT)) as (gates, means):
            told_BE = reference.of(network, x_BCT)
            for _ in range(_DIRECTIONS):
                signs_BE = torch.randint(0, 2, told_BE.shape, generator=generator) * 2.0 - 1
                slopes = torch.autograd.grad((told_BE * signs_BE).sum(), list(gates.values()), retain_graph=True)
                for name, slope_BU in zip(gates, slopes, strict=True):
                    squared[name] += slope_BU.square().sum(dim=0) / (_DIRECTIONS * len(acc_BCT))
            for name, mean_UC in means.items():
                mean[name] = mean.get(name, 0.0) + mean_UC * (len(x_BCT) / len(acc_BCT))
    return {layer.name: Importance(squared[layer.name], mean[layer.name]) for layer in layers}


def pruned(network: Deployable, found: Mapping[str, Importance], sizes: Mapping[str, int]) -> Deployable:
    """The network with only the most important units of every layer, so many of each; BatchNorms are not settled."""
    encoder = encoder_of(network)
    kept = {name: each.squared_U.topk(sizes[name], sorted=False).indices.sort().values for name, each in found.items()}
    mean = {name: each.mean_UC for name, each in found.items()}
    return without(network, kept, mean, shrunk(encoder.config, sizes))


def scan(
    network: Deployable,
    acc_BCT: Tensor,
    found: Mapping[str, Importance],
    reference: Reference,
    progress: Progress = silent,
) -> dict[str, Sensitivity]:
    """The sensitivity of every inner layer, each pruned alone."""
    layers = inner_layers(encoder_of(network).config)
    whole = {layer.name: layer.size for layer in layers}
    done, total = 0, len(layers) * len(SCANNED)
    scanned = {}
    for layer in layers:
        noise = {layer.size: 0.0}
        for part in SCANNED:
            size = max(layer.step, layer.left(part))
            if size not in noise:
                smaller = settled(pruned(network, found, whole | {layer.name: size}), acc_BCT)
                noise[size] = max(reference.noise(smaller), *noise.values())
            done += 1
            progress(done, total, f"sensitivity of {layer.name}")
        scanned[layer.name] = Sensitivity(sizes=tuple(noise), noise=tuple(noise.values()))
    return scanned


def settled(network: Deployable, acc_BCT: Tensor) -> Deployable:
    """The network itself, the BatchNorms on the accelerometer's side with the statistics of these windows."""
    batches = acc_BCT.split(_BATCH)
    if isinstance(network, Encoder):
        settle_norms([network], network.tokens, batches)
    else:
        settle_norms(network.acc_side(), network.align_acc, batches)
    return network


def require_units(config: EncoderConfig, ratio: float) -> None:
    """Refuse a ratio that leaves nothing of a layer, or all of every one.

    Raises:
        BadInput: which layers, and the largest ratio that leaves something of each, or the smallest that takes some.
    """
    layers = inner_layers(config)
    if all(layer.left(ratio) == layer.size for layer in layers):
        least = min((layer.step / (2 * layer.size) for layer in layers), default=1.0)
        raise BadInput(f"a ratio of {ratio:g} takes nothing out of {config.name}", valid=f"a ratio above {least:.2f}")
    emptied = [layer for layer in layers if layer.left(ratio) == 0]
    if emptied:
        most = min(1 - layer.step / (2 * layer.size) for layer in layers)
        names = ", ".join(f"{layer.name} ({layer.size})" for layer in emptied)
        raise BadInput(f"a ratio of {ratio:g} empties {names} of {config.name}", valid=f"a ratio up to {most:.2f}")


def sizes_for(config: EncoderConfig, scanned: Mapping[str, Sensitivity], ratio: float) -> dict[str, int]:
    """How many units each inner layer keeps: no more work than if all lost this part, with the least noise.

    Step by step, the layer gives units that adds the least noise for each multiply-accumulate that it saves, until
    there are no more of them than in the encoder whose layers all lost `ratio` of their units.

    Raises:
        BadInput: as `require_units`.
    """
    require_units(config, ratio)
    layers = inner_layers(config)
    alike = {layer.name: max(round(layer.size * (1 - ratio)), layer.step) for layer in layers}
    budget = macs(shrunk(config, alike))
    sizes = {layer.name: layer.size for layer in layers}
    while (now := macs(shrunk(config, sizes))) > budget:
        smaller = {layer.name: layer.below(sizes[layer.name]) for layer in layers}
        prices = {
            name: (scanned[name].at(size) - scanned[name].at(sizes[name]))
            / (now - macs(shrunk(config, sizes | {name: size})))
            for name, size in smaller.items()
            if size > 0
        }
        chosen = min(prices, key=lambda name: prices[name])
        sizes[chosen] = smaller[chosen]
    return sizes


def _energy(told_BE: Tensor) -> Tensor:
    return told_BE.square().sum(dim=1).mean()


@contextmanager
def _gated(
    encoder: Encoder, layers: Sequence[Layer], windows: int
) -> Iterator[tuple[dict[str, Tensor], dict[str, Tensor]]]:
    """While it lasts, the units pass gates (B, U), all open; a closed one would give its average (U, C), also told."""
    gates = {layer.name: torch.ones(windows, layer.size, requires_grad=True) for layer in layers}
    means: dict[str, Tensor] = {}

    def passed(layer: Layer, x_BPD: Tensor) -> Tensor:
        x_BPUC = x_BPD.unflatten(2, (layer.size, -1))
        means[layer.name] = x_BPUC.detach().mean(dim=(0, 1))
        gated_BPD: Tensor = torch.lerp(means[layer.name], x_BPUC, gates[layer.name][:, None, :, None]).flatten(2)
        return gated_BPD

    handles = [_hooked(encoder, layer, passed) for layer in layers]
    try:
        yield gates, means
    finally:
        for handle in handles:
            handle.remove()


def _hooked(encoder: Encoder, layer: Layer, passed: Callable[[Layer, Tensor], Tensor]) -> Any:  # noqa: ANN401
    module = gate_of(encoder, layer)
    if layer.name.startswith("tokenizer"):
        return module.register_forward_hook(lambda _, __, out: passed(layer, out))
    return module.register_forward_pre_hook(lambda _, args: (passed(layer, args[0]),))
