"""Several processes that train one network on one batch (`torchrun`), with exactly the gradients of one process.

Every process draws the same batch and the same random numbers and works on its own rows. What a loss compares is
gathered, so that every process computes the loss of the whole batch; a gathered or summed value passes the sum of all
processes' gradients back, and the gradients of the weights are averaged. BatchNorm counts the whole batch.
"""

import os
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from edgeacc.errors import BadInput


def join() -> None:
    """Meet the other processes that `torchrun` started; nothing where there are none, or they have met."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        dist.init_process_group("gloo")


def processes() -> int:
    """How many train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process writes files and tells of progress."""
    return processes() == 1 or dist.get_rank() == 0


def wait() -> None:
    """Until all processes are here."""
    if processes() > 1:
        dist.barrier()


def require_equal_shares(windows: int) -> None:
    """Refuse a batch that cannot be dealt out evenly.

    Raises:
        BadInput: it has a rest.
    """
    if windows % processes():
        raise BadInput(
            f"a batch of {windows} windows does not divide among {processes()} processes",
            valid=f"a --batch that is a multiple of {processes()}, and at least so many training windows",
        )


def own(x_B: Tensor) -> Tensor:
    """This process's rows of a batch that all of them have."""
    return x_B if processes() == 1 else x_B.chunk(processes())[dist.get_rank()]


def gather(x_B: Tensor) -> Tensor:
    """The rows of all processes, in order."""
    return x_B if processes() == 1 else cast("Tensor", _Gather.apply(x_B))  # type: ignore[no-untyped-call]


def total(x: Tensor) -> Tensor:
    """The sum over the processes."""
    return x if processes() == 1 else cast("Tensor", _Total.apply(x))  # type: ignore[no-untyped-call]


@torch.no_grad()
def average_gradients(network: nn.Module) -> None:
    """Give every process the mean of all processes' gradients."""
    if processes() == 1:
        return
    for parameter in network.parameters():
        if parameter.grad is not None:
            dist.all_reduce(parameter.grad)
            parameter.grad /= processes()


def share_norms(network: nn.Module) -> None:
    """Make every BatchNorm count the rows of all processes; parameters and buffers stay the same ones."""
    if processes() == 1:
        return
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                setattr(module, name, _SharedNorm.of(child))


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_B: Tensor) -> Tensor:  # noqa: ANN401
        parts = [torch.empty_like(x_B, memory_format=torch.contiguous_format) for _ in range(processes())]
        dist.all_gather(parts, x_B.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, grad_B: Tensor) -> Tensor:  # noqa: ANN401
        summed_B = grad_B.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed_B)
        return own(summed_B)


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401
        summed = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # noqa: ANN401
        summed = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed


class _SharedNorm(_BatchNorm):
    """BatchNorm over the rows of all processes, in two passes as torch does it."""

    @classmethod
    def of(cls, norm: "nn.BatchNorm1d | nn.BatchNorm2d") -> "_SharedNorm":
        shared = cls(norm.num_features, norm.eps, norm.momentum, norm.affine)
        shared._parameters, shared._buffers = norm._parameters, norm._buffers
        return shared.train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:
        pass

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        x = input.float()
        others = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        count = x.numel() // x.shape[1] * processes()
        mean_D = total(x.sum(others)) / count
        centred = x - mean_D.reshape(shape)
        variance_D = total(centred.square().sum(others)) / count
        self._remember(mean_D.detach(), variance_D.detach() * count / (count - 1))
        normed = centred * torch.rsqrt(variance_D + self.eps).reshape(shape)
        if self.affine:
            normed = normed * self.weight.reshape(shape) + self.bias.reshape(shape)
        return normed.to(input.dtype)

    def _remember(self, mean_D: Tensor, variance_D: Tensor) -> None:
        if self.track_running_stats:
            statistics = (self.running_mean, self.running_var, self.num_batches_tracked)
            running_mean, running_var, tracked = (cast("Tensor", each) for each in statistics)
            tracked += 1
            weight = self.momentum if self.momentum is not None else 1 / float(tracked)
            running_mean.lerp_(mean_D, weight)
            running_var.lerp_(variance_D, weight)
