"""Which layer of a rejected artifact diverges first: the network converted again, every layer's result an output too.

That asks of a target only what heads ask of it, several outputs, so that it serves all targets, those that compute
everything in one call of a delegate too. What a conversion does only where nobody looks inside (a fusion over two
layers) can escape it: then no layer is below the floor.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import GraphModule, Interpreter, Node

from edgeacc.bundle.manifest import LayerCheck
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import EdgeaccError
from edgeacc.export.exporter import OUTPUT_NAME, Exporter, eager_session, run_session
from edgeacc.export.parity import parity
from edgeacc.export.quiet import REFUSALS, contained
from edgeacc.export.well_rounded import well_rounded
from edgeacc.models.deploy import export_like
from edgeacc.models.graph import ACTIVATIONS, MOVES, is_fused, module_of, operation_of

WINDOWS = 16
"""Golden windows that are looked at: every layer's results of them are in memory (our choice)."""

CANNOT: tuple[type[Exception], ...] = (EdgeaccError, *REFUSALS)
"""What a target raises that cannot give so many outputs: the artifact is rejected and kept in any case."""


class Layer(NamedTuple):
    """A result inside the network: the path of its module with the operation, and its name in the graph."""

    path: str
    node: str


def check_layers(
    tool: Exporter, network: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, acc_BCT: NDArray[np.float32]
) -> tuple[LayerCheck, ...]:
    """Mean-removed SNR of every layer's result, in the order of computation.

    Args:
        tool: of the recipe's target.
        network: (1, 3, T) -> (1, D), as `edgeacc.models.deploy.exported_program` makes it.
        recipe: whose artifact was rejected.
        calibration_BCT: what it was calibrated on; but no offset is taken back.
        acc_BCT: prepared windows (B, 3, T), at least two; `WINDOWS` of them are used.

    Returns:
        One check for each layer; none where the target cannot convert or run the network with that many outputs. A
        layer that gives the same for every window is left out.
    """
    layers = layers_of(network)
    acc_BCT = acc_BCT[:WINDOWS]
    looked_into = export_like(network, _Looked(network.module(), layers))
    rounded = well_rounded(network, recipe, calibration_BCT)
    given = looked_into if rounded is network else export_like(network, _Looked(rounded.module(), layers_of(rounded)))
    used_BCT = calibration_BCT if recipe.activations in ("int8", "int16") else calibration_BCT[:0]
    try:
        with tempfile.TemporaryDirectory() as folder, contained():
            model = tool.convert(given, recipe, used_BCT, Path(folder))
            got = tool.run(model, acc_BCT)
    except CANNOT:
        return ()
    if len(got) != 1 + len(layers):
        return ()
    expected = run_session(eager_session(looked_into), acc_BCT)
    checks = []
    for layer, want_BN, has_BN in zip(layers, expected[1:], got[1:], strict=True):
        if not (want_BN == want_BN[0]).all():
            checks.append(LayerCheck(name=layer.path, snr_db=parity(want_BN, has_BN).snr_db))
    return tuple(checks)


def layers_of(network: ExportedProgram) -> list[Layer]:
    """The results inside a network: one for each operation that computes, an activation together with its layer."""
    layers = []
    path = ""
    for node in network.graph.nodes:
        if not isinstance(node.meta.get("val"), Tensor) or node.op != "call_function" or operation_of(node) in MOVES:
            continue
        if operation_of(node) not in ACTIVATIONS or not path:
            path = f"{module_of(node) or 'network'} ({node.name})"
        if not is_fused(node):
            layers.append(Layer(path, node.name))
            path = ""
    return layers


class _Looked(nn.Module):
    """A network that also returns the results of its layers."""

    def __init__(self, network: GraphModule, layers: Sequence[Layer]) -> None:
        super().__init__()
        self.network = network
        self.names = {layer.node: f"layer_{number}" for number, layer in enumerate(layers)}

    def forward(self, acc_1CT: Tensor) -> dict[str, Tensor]:
        keeping = _Keeping(self.network, self.names)
        z_1D = keeping.run(acc_1CT)
        return {OUTPUT_NAME: z_1D, **{name: keeping.kept[name] for name in self.names.values()}}


class _Keeping(Interpreter):
    def __init__(self, network: GraphModule, names: dict[str, str]) -> None:
        super().__init__(network)
        self.names = names
        self.kept: dict[str, Tensor] = {}

    def run_node(self, n: Node) -> Any:  # noqa: ANN401
        result = super().run_node(n)
        if n.name in self.names:
            self.kept[self.names[n.name]] = result.flatten(1)  # XNNPACK mixes up dimensions of images that it gives out
        return result
