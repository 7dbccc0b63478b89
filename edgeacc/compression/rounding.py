"""A network that computes in training as static int8 does: weights and results rounded, gradients let through.

BatchNorm is folded first: what is trained is the deployed form (`edgeacc.models.deploy`). Weights are rounded as the
targets do, symmetric with a scale per output channel, results with one scale and zero point per tensor, whose range is
a moving average (Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", section 3). Of a network with attention, the convolutions and linear layers are rounded, with what they read
(`edgeacc.models.graph.attends`); of any other, every result.
"""

from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.fx import GraphModule, Interpreter, Node

from edgeacc.models.deploy import Deployed
from edgeacc.models.graph import ACTIVATIONS, MOVES, attends, is_fused, operation_of

_FORGETS = 0.02
"""Part of a range that one step replaces (our choice: it follows the weights within 50 steps)."""
_WEIGHTED = frozenset(("conv2d", "linear"))
_LEAST, _MOST = -128, 127
_SMALLEST_SCALE = 1e-8


class Rounded(nn.Module):
    """(B, C, T) -> (B, D), as the deployed form in static int8; `network` is what is trained.

    Ranges hold all values of the windows seen: those of the first call, after it moved by every call with gradients. A
    mean over each window's range would clip rare peaks, which costs our networks 4 to 15 dB (measured).
    """

    low_S: Tensor
    high_S: Tensor

    def __init__(self, deployed: Deployed, samples: int) -> None:
        """Take the deployed form of an encoder for windows of so many samples; it is trained in place.

        Args:
            deployed: of the encoder.
            samples: T of its window.
        """
        super().__init__()
        self.network = deployed.requires_grad_(requires_grad=True)
        example = torch.zeros(2, 3, samples)
        exported = torch.export.export(deployed, (example,), dynamic_shapes=({0: Dim("windows")},))
        module = exported.module()
        self._graph = (module,)  # in a tuple: its weights are those of `network`, asked for by name
        only_products = attends(module.graph)
        nodes = [
            node for node in module.graph.nodes if _is_result(node) and (not only_products or _is_at_product(node))
        ]
        self._place = {node.name: place for place, node in enumerate(nodes)}
        self.register_buffer("low_S", torch.full((len(nodes),), torch.nan))
        self.register_buffer("high_S", torch.full((len(nodes),), torch.nan))

    def forward(self, acc_BCT: Tensor) -> Tensor:
        """Prepared windows -> embeddings as int8 computes them."""
        z_BD: Tensor = _Rounding(self._graph[0], self).run(acc_BCT)
        return z_BD

    def train(self, mode: bool = True) -> "Rounded":
        """Nothing: the deployed form computes alike in training."""
        del mode
        return self

    def rounded(self, name: str, x: Tensor) -> Tensor:
        """The result of the node of that name, rounded to int8 in its range, or as it is where it is not rounded."""
        place = self._place.get(name)
        if place is None:
            return x
        if torch.is_grad_enabled() or self.low_S[place].isnan():
            self._follow(place, x.detach())
        low, high = self.low_S[place], self.high_S[place]
        scale = ((high - low) / (_MOST - _LEAST)).clamp(min=_SMALLEST_SCALE)
        zero_point = (_LEAST - low / scale).round().clamp(_LEAST, _MOST)
        return torch.fake_quantize_per_tensor_affine(x, scale, zero_point.int(), _LEAST, _MOST)

    def _follow(self, place: int, x: Tensor) -> None:
        for range_S, now in ((self.low_S, x.amin().clamp(max=0)), (self.high_S, x.amax().clamp(min=0))):
            range_S[place] = now if range_S[place].isnan() else range_S[place].lerp(now, _FORGETS)


class _Rounding(Interpreter):
    """Computes a graph with the weights of a `Rounded`, and rounds what it rounds."""

    def __init__(self, graph: GraphModule, rounded: Rounded) -> None:
        super().__init__(graph)
        self.rounded = rounded

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:  # noqa: ANN401
        """The weight or buffer of that name, of the network that is trained."""
        del args, kwargs
        return attrgetter(target)(self.rounded.network)

    def run_node(self, n: Node) -> Any:  # noqa: ANN401
        result = super().run_node(n)
        if n.op == "get_attr" and any(operation_of(user) in _WEIGHTED and user.args[1] is n for user in n.users):
            return _rounded_weights(result)
        return self.rounded.rounded(n.name, result) if isinstance(result, Tensor) else result


def _is_result(node: Node) -> bool:
    """Whether a target keeps what the node gives: the window, or what is computed and not fused with the next."""
    value = node.meta.get("val")
    if not (isinstance(value, Tensor) and value.is_floating_point()) or is_fused(node):
        return False
    return node.op == "placeholder" or (node.op == "call_function" and operation_of(node) not in MOVES)


def _is_at_product(node: Node) -> bool:
    """Whether it is what a convolution or linear layer gives, its activation included, or reads."""
    made_by = node.all_input_nodes[0] if operation_of(node) in ACTIVATIONS else node
    return operation_of(made_by) in _WEIGHTED or _reaches_product(node)


def _reaches_product(node: Node) -> bool:
    return any(
        operation_of(user) in _WEIGHTED or (operation_of(user) in MOVES and _reaches_product(user))
        for user in node.users
    )


def _rounded_weights(weight: Tensor) -> Tensor:
    """Symmetric, one scale for each output channel."""
    scale_D = (weight.detach().flatten(1).abs().amax(dim=1) / _MOST).clamp(min=_SMALLEST_SCALE)
    zeros_D = torch.zeros_like(scale_D, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale_D, zeros_D, 0, -_MOST, _MOST)
