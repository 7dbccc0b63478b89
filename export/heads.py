"""Heads: heart rate and its variability as further outputs of the artifact, each a linear map of the embedding.

A head is the probe of `edgeacc.bundle.probe`, written as one linear layer behind the network.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from edgeacc.bundle.probe import Probe
from edgeacc.export.exporter import OUTPUT_NAME
from edgeacc.models.deploy import export_like


def with_heads(program: ExportedProgram, probes: Mapping[str, Probe]) -> ExportedProgram:
    """The same network, (1, 3, T) -> a dictionary: the embedding (1, D), and (1, 1) for each probe under its name."""
    return export_like(program, _WithHeads(program.module(), probes))


class _WithHeads(nn.Module):
    def __init__(self, network: nn.Module, probes: Mapping[str, Probe]) -> None:
        super().__init__()
        self.network = network
        self.heads = nn.ModuleDict({name: _linear(probe) for name, probe in probes.items()})

    def forward(self, acc_1CT: Tensor) -> dict[str, Tensor]:
        z_1D = self.network(acc_1CT)
        return {OUTPUT_NAME: z_1D, **{name: head(z_1D) for name, head in self.heads.items()}}


def _linear(probe: Probe) -> nn.Linear:
    """((z - mean) / std) · weight + bias as one weight and bias."""
    weight_D = probe.weight_D.astype("f8") / probe.std_D
    layer = nn.Linear(len(weight_D), 1).requires_grad_(requires_grad=False)
    layer.weight.copy_(torch.from_numpy(weight_D)[None])
    layer.bias.copy_(torch.from_numpy(probe.bias - weight_D @ probe.mean_D))
    return layer
