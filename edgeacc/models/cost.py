"""What an encoder costs, before it is exported: parameters, multiply-accumulates, and memory for activations."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from edgeacc.models.config import EncoderConfig
from edgeacc.models.deploy import deployable
from edgeacc.models.sizes import build, parameters


class Cost(NamedTuple):
    """What one window's embedding takes.

    Attributes:
        parameters: trained ones, BatchNorm's included.
        macs_per_window: multiply-accumulates of convolutions and matrix products.
        activations: values that are alive at once, at most, the window among them: bytes in int8, a quarter of the
            bytes in float32.
    """

    parameters: int
    macs_per_window: int
    activations: int


def cost(config: EncoderConfig) -> Cost:
    """Run the deployed form of an untrained encoder once and count; torch's `meta` device takes longer to import.

    An activation is alive from the operation that makes it to the last that reads it; a view is its original; an
    elementwise operation writes over an operand of the same size that nothing reads later, as every target does.
    """
    with torch.random.fork_rng(devices=[]):
        encoder = build(config, config.in_channels).eval()
        deployed = deployable(encoder)
    window_1CT = torch.zeros(1, config.in_channels, config.samples)
    with torch.no_grad(), _Recorded(deployed.state_dict().values()) as recorded:
        z_1D = deployed(window_1CT)
    return Cost(parameters(encoder), recorded.macs, recorded.most_alive(z_1D))


def macs(network: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates of convolutions and matrix products in one call."""
    with torch.no_grad(), _Recorded(()) as recorded:
        network(*inputs)
    return int(recorded.macs)


class _Operation(NamedTuple):
    reads: frozenset[int]
    makes: frozenset[int]
    elementwise: bool


class _Recorded(TorchDispatchMode):
    """Remembers what every operation reads and makes, by the storage in which it lies."""

    def __init__(self, constants: Any) -> None:  # noqa: ANN401
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs = 0
        self._constants = {_storage(value) for value in constants}
        self._values: dict[int, int] = {}
        self._operations: list[_Operation] = []
        self._kept: list[Any] = []  # so that no storage's number is given twice

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and importing what would be told so takes seconds."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        out = func(*args, **(kwargs or {}))
        inputs, outputs = ([leaf for leaf in tree_leaves(each) if isinstance(leaf, Tensor)] for each in (args, out))
        self._kept += [inputs, outputs]
        reads = self._told(inputs)
        self._operations.append(_Operation(reads, self._told(outputs) - reads, torch.Tag.pointwise in func.tags))
        self.macs += _MACS.get(func.overloadpacket, _none)(inputs, outputs)
        return out

    def most_alive(self, result: Tensor) -> int:
        """The most values that are alive at once."""
        last = {storage: place for place, each in enumerate(self._operations) for storage in each.reads | each.makes}
        last[_storage(result)] = len(self._operations)
        made = set().union(*(each.makes for each in self._operations))
        alive = {storage for storage in last if storage not in made}
        most = self._size(alive)
        for place, each in enumerate(self._operations):
            over = [storage for storage in each.reads if each.elementwise and last[storage] == place]
            free = {storage for storage in over if self._values[storage] in {self._values[new] for new in each.makes}}
            alive |= each.makes
            most = max(most, self._size(alive) - max((self._values[storage] for storage in free), default=0))
            alive = {storage for storage in alive if last[storage] > place}
        return most

    def _told(self, tensors: list[Tensor]) -> frozenset[int]:
        """The storages of activations among these, their sizes noted."""
        found = {_storage(each): each.untyped_storage().nbytes() // each.element_size() for each in tensors}
        self._values |= {storage: size for storage, size in found.items() if storage not in self._constants}
        return frozenset(found.keys() - self._constants)

    def _size(self, storages: set[int]) -> int:
        return sum(self._values[storage] for storage in storages)


def _storage(value: Tensor) -> int:
    return int(value.untyped_storage()._cdata)


def _convolution(inputs: list[Tensor], outputs: list[Tensor]) -> int:
    return outputs[0].numel() * prod(inputs[1].shape[1:])


def _product(inputs: list[Tensor], outputs: list[Tensor]) -> int:
    return outputs[0].numel() * inputs[-1].shape[-2]


def _none(inputs: list[Tensor], outputs: list[Tensor]) -> int:
    return 0


_MACS: Mapping[Any, Callable[[list[Tensor], list[Tensor]], int]] = {
    torch.ops.aten.convolution: _convolution,
    torch.ops.aten.mm: _product,
    torch.ops.aten.addmm: _product,
    torch.ops.aten.bmm: _product,
}
