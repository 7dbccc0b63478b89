"""Preparation inside the artifact: raw acceleration in g goes in, so that an app need not filter.

The contract's band-pass and standard scores, written in what every target has. The band-pass of
`edgeacc.signals.filters` reflects a window at its ends: within half a filter of an end that is a matrix, between them
a convolution. Gaps must have been filled before. Only in 32 bits: at 1 g the next number of 16 bits is 1 mg away, that
of int8 over a range of 2 g is 16 mg away, and the heartbeat in a still wrist is about 1 mg.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram

from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput, NotPossibleHere, command
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.filters import band_pass_taps
from edgeacc.signals.standardize import FLOOR

RECIPES = ("coreai-fp32", "coreml-fp16", "executorch-fp32", "onnx-fp32", "tflite-fp32")
"""`coreml-fp16` prepares in 32 bits, and computes the network in 16."""

STEPS = ("fill_gaps", "band_pass", "z_score")
"""Of the contract; the first is left to whoever gives the window."""


class Preparation(nn.Module):
    """(1, 3, T) in g -> (1, 3, T) standard scores, as `edgeacc.signals.prepare.prepare_acc` to 1e-4.

    To 2e-4 where the wrist turns by 0.1 g within the window: 32 bits then hold a hundred times the heartbeat.
    """

    def __init__(self, taps: NDArray[np.float64], axes: int) -> None:
        """Take the odd number of symmetric taps of a band-pass."""
        super().__init__()
        edge = _edge(taps)
        self.before = _linear(edge)
        self.middle = nn.Conv2d(axes, axes, (1, len(taps)), groups=axes, bias=False)
        self.middle.weight = nn.Parameter(torch.tensor(taps, dtype=torch.float32).expand(axes, 1, 1, -1).clone())
        self.after = _linear(edge[::-1, ::-1])

    def forward(self, acc_g_1CT: Tensor) -> Tensor:
        """Less its first sample, so that 32 bits hold what is left of it when gravity is off."""
        x_1CT = acc_g_1CT - acc_g_1CT[..., :1]
        end = self.before.in_features
        middle_1CM = self.middle(x_1CT.unsqueeze(2)).squeeze(2)
        parts = (self.before(x_1CT[..., :end]), middle_1CM, self.after(x_1CT[..., -end:]))
        y_1C1T = torch.cat(parts, dim=-1).unsqueeze(2)
        y_1C1T = y_1C1T - y_1C1T.mean(dim=(2, 3), keepdim=True)
        std_1C11 = (y_1C1T * y_1C1T).mean(dim=(2, 3), keepdim=True).sqrt()
        return (y_1C1T / std_1C11.clamp(min=FLOOR)).squeeze(2)


class _FromRaw(nn.Module):
    def __init__(self, preparation: Preparation, network: nn.Module) -> None:
        super().__init__()
        self.preparation = preparation
        self.network = network

    def forward(self, acc_g_1CT: Tensor) -> Tensor | dict[str, Tensor]:
        outputs: Tensor | dict[str, Tensor] = self.network(self.preparation(acc_g_1CT))
        return outputs


def require_raw(recipe: Recipe) -> None:
    """Raise NotPossibleHere where a recipe cannot take raw acceleration, with the reason."""
    if f"{recipe.target}-{recipe.scheme}" not in RECIPES:
        nearest = next((name for name in RECIPES if name.startswith(recipe.target)), "tflite-fp32")
        raise NotPossibleHere(
            f"{recipe.name} does not take raw acceleration: the filter needs 32 bits, where gravity is 1000 times the "
            "heartbeat; this recipe stores its weights, or what it computes, in fewer",
            valid=", ".join(RECIPES),
            next_command=command("edgeacc", "export", "--target", nearest.split("-")[0], "--recipe", nearest, "--raw"),
        )


def from_raw(program: ExportedProgram, contract: SignalContract) -> ExportedProgram:
    """The same network, behind the contract's preparation: (1, 3, T) in g -> its outputs.

    Raises:
        BadInput: a contract of other steps, or windows shorter than the filter.
    """
    if contract.steps != STEPS:
        raise BadInput(f"the signal contract's steps are {', '.join(contract.steps)}", valid=", ".join(STEPS))
    taps = band_pass_taps(contract.rate_hz, contract.acc_band_hz)
    if contract.samples < len(taps):
        raise BadInput(
            f"a window of {contract.samples} samples is shorter than the filter", valid=f"at least {len(taps)} samples"
        )
    (example,), _ = program.example_inputs
    preparation = Preparation(taps, example.shape[1])
    network = _FromRaw(preparation, program.module()).requires_grad_(requires_grad=False)
    return torch.export.export(network, (torch.zeros_like(example),))


def last_division(program: ExportedProgram) -> list[str]:
    """The name, in the graph, of what a preparation inside the program computes last; none where there is none."""
    return [
        node.name
        for node in program.graph.nodes
        if node.target is torch.ops.aten.div.Tensor
        and any(Preparation.__name__ in str(module) for _, module in node.meta.get("nn_module_stack", {}).values())
    ]


def _edge(taps: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H, 2 H): the first H results from the first 2 H samples, those before the window being its reflection."""
    half = len(taps) // 2
    weight = np.zeros((half, 2 * half))
    for result in range(half):
        np.add.at(weight[result], np.abs(np.arange(result - half, result + half + 1)), taps)
    return weight


def _linear(weight: NDArray[np.float64]) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight = nn.Parameter(torch.tensor(weight.copy(), dtype=torch.float32))
    return layer
