"""The training loop, in execution order."""

import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import product
from pathlib import Path

import torch
from pydantic import JsonValue
from torch import Generator, Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from edgeacc.errors import EdgeaccError, NotPossibleHere
from edgeacc.models.encoder import Encoder
from edgeacc.progress import Progress, silent
from edgeacc.training import across
from edgeacc.training.config import TrainConfig
from edgeacc.training.objective import Objective
from edgeacc.training.scalars import Scalars, unwatched
from edgeacc.training.state import resume, save_state

SAVE_EVERY_STEPS = 50
SPEEDS = {"windows_per_s": "windows/s", "gflop_per_s": "GFLOP/s"}
"""How progress tells them; operations of matrix products, convolutions and attention, two per multiply-accumulate."""
_LAST_LR = 0.01  # of the peak
_RECENT = 50  # steps that the reported loss is averaged over


class TrainingDiverged(EdgeaccError):
    """The loss or its gradient is no longer a number. Exit code 1."""


def fit(
    objective: Objective,
    config: TrainConfig,
    window_id_N: Tensor,
    folder: Path,
    inputs: dict[str, JsonValue],
    progress: Progress = silent,
    scalars: Scalars = unwatched,
) -> list[float]:
    """Train; go on where an earlier call with the same arguments stopped, with any number of threads.

    Args:
        objective: what to train, on windows it knows by position.
        config: of the run.
        window_id_N: the windows' names, for the message when one batch breaks the run.
        folder: keeps the state of the run, every 50 steps.
        inputs: what else decides the outcome (digests of windows and networks); a saved run with others is refused.
        progress: told of every step, with loss and speed.
        scalars: told `loss`, `gradient_norm`, `learning_rate`, `windows_per_s` and, of code that is not compiled,
            `gflop_per_s` of every step; the last two since this call began.

    Returns:
        The loss of every step.

    Raises:
        BadInput: `folder` holds another run, or the batch does not divide among the processes.
        TrainingDiverged: NaN or infinite. What was last saved is kept; the state of now is not saved, since the pass
            that went wrong has already entered the running statistics of every BatchNorm.
    """
    torch.set_num_threads(config.threads)
    across.require_equal_shares(config.batch if config.endless else min(config.batch, len(window_id_N)))
    identity: dict[str, JsonValue] = {"config": config.model_dump(mode="json", exclude={"threads"}), "inputs": inputs}
    across.share_norms(objective)
    objective.to(config.device)
    optimizer = _optimizer(objective, config)
    losses = resume(folder, identity, objective, optimizer)
    across.wait()
    objective.train()
    first_step, speed = len(losses), _Speed(counted=not config.compiled)
    for step in range(first_step, config.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        optimizer.zero_grad(set_to_none=True)
        with speed.counting(first=step == first_step):
            loss, index_B = _gradients(objective, step, len(window_id_N), config)
        norm = nn.utils.clip_grad_norm_(objective.parameters(), config.clip_norm).item()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise _diverged(step, index_B if config.endless else window_id_N[index_B], folder)
        optimizer.step()
        objective.after_step()
        losses.append(loss)
        if (step + 1) % SAVE_EVERY_STEPS == 0 and step + 1 < config.steps and across.is_first():
            save_state(folder, identity, losses, objective, optimizer)
        rates = speed.after(step + 1 - first_step, len(index_B))
        scalars(step + 1, {"loss": loss, "gradient_norm": norm, "learning_rate": learning_rate(step, config)} | rates)
        told = "".join(f", {rates[name]:.0f} {unit}" for name, unit in SPEEDS.items() if name in rates)
        progress(step + 1, config.steps, f"loss {recent_loss(losses):.3f}{told}")
    objective.eval()
    return losses


class _Speed:
    """How fast a run is since it began or went on."""

    def __init__(self, *, counted: bool) -> None:
        self._start_s = time.perf_counter()
        self._flop = FlopCounterMode(display=False) if counted else None

    def counting(self, *, first: bool) -> AbstractContextManager[object]:
        """Around the gradients of a step: the first one's operations are counted, all have as many."""
        return self._flop if first and self._flop is not None else nullcontext()

    def after(self, steps: int, windows: int) -> dict[str, float]:
        """By the names of `SPEEDS`, with so many windows in every step."""
        steps_per_s = steps / (time.perf_counter() - self._start_s)
        counted = {} if self._flop is None else {"gflop_per_s": steps_per_s * self._flop.get_total_flops() / 1e9}
        return {"windows_per_s": steps_per_s * windows} | counted


def _gradients(objective: Objective, step: int, windows: int, config: TrainConfig) -> tuple[float, Tensor]:
    """Put the step's gradients, averaged over its batches and all processes, into the parameters.

    Returns:
        The mean loss, and the positions of the step's windows.
    """
    draws = range(step * config.accumulate, (step + 1) * config.accumulate)
    batches = [batch_of_step(draw, windows, config).to(config.device) for draw in draws]
    mean = torch.zeros((), device=config.device)
    for draw, index_B in zip(draws, batches, strict=True):
        with torch.autocast(config.device, torch.bfloat16, enabled=config.precision == "bf16"):
            loss = objective.loss(index_B, _generator(config.seed, draw, config.device)) / config.accumulate
        torch.autograd.backward(loss)
        mean += loss.detach()
    across.average_gradients(objective)
    return (across.total(mean) / across.processes()).item(), torch.cat(batches)


@contextmanager
def prepared(objective: Objective, config: TrainConfig) -> Iterator[None]:
    """Switch on what a configuration asks of its encoders: activations computed again, compiled code while it trains.

    Compiling takes about half a minute for a small network on a CPU, and pays in long runs only. It changes the order
    of sums, hence the last bits.

    Raises:
        NotPossibleHere: torch.compile finds no C++ compiler.
    """
    encoders = [module for module in objective.modules() if isinstance(module, Encoder)]
    for encoder in encoders:
        encoder.recompute = config.recompute
    if config.compiled and shutil.which(os.environ.get("CXX", "g++")) is None:
        raise NotPossibleHere("torch.compile needs a C++ compiler: g++, or the one that CXX names")
    methods = ("tokens", "both_ends") if config.compiled else ()
    for encoder, name in product(encoders, methods):
        setattr(encoder, name, torch.compile(getattr(encoder, name)))
    try:
        yield
    finally:
        for encoder, name in product(encoders, methods):
            delattr(encoder, name)


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine to 1 % of the peak."""
    warm_steps = max(1.0, config.warm_up * config.steps)
    done = step / config.steps
    cosine = _LAST_LR + (1 - _LAST_LR) * (1 + math.cos(math.pi * done)) / 2
    return config.peak_lr * min((step + 1) / warm_steps, cosine)


def batch_of_step(step: int, windows: int, config: TrainConfig) -> Tensor:
    """Positions of the step's windows: every epoch is a permutation drawn from (seed, epoch), its rest dropped.

    Of an endless stream, the next ones.
    """
    if config.endless is not None:
        return torch.arange(step * config.batch, (step + 1) * config.batch)
    size = min(config.batch, windows)
    steps_per_epoch = windows // size
    epoch, place = divmod(step, steps_per_epoch)
    order_N = torch.randperm(windows, generator=_generator(config.seed + 1, -1 - epoch))
    return order_N[place * size : (place + 1) * size]


def recent_loss(losses: list[float]) -> float:
    """Mean loss of the last 50 steps."""
    recent = losses[-_RECENT:]
    return sum(recent) / len(recent)


def _generator(seed: int, draw: int, device: str = "cpu") -> Generator:
    """A generator for one draw of a run: on one kind of device, nothing but (seed, draw) decides what it gives."""
    return Generator(device).manual_seed((seed * 1_000_003 + draw) % 2**63)


def _optimizer(objective: Objective, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW; biases, norms and other vectors are not decayed."""
    trained = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.ndim > 1]
    others = [parameter for parameter in trained if parameter.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.peak_lr, betas=(0.9, config.beta_2), fused=True)


def _diverged(step: int, window_id_B: Tensor, folder: Path) -> TrainingDiverged:
    names = ", ".join(str(name) for name in window_id_B.tolist())
    return TrainingDiverged(
        f"the loss is no longer a number at step {step + 1}; the batch held the windows {names}",
        next_command=f"look at these windows, or run again with another --seed (first remove {folder}, if it is there)",
    )
