"""How long the paper's scale takes here: operations and bytes of a window first, then what is measured.

The paper trains on 20 million windows. For the teacher (token dropping), the distillation and the simulator: floating
point operations and the fewest bytes per window, the windows per second that this device's measured peaks would allow
(Williams et al. 2009), those that were measured, and the hours that 20 million windows take at that rate.
"""

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import psutil
import torch
from pydantic import BaseModel, ConfigDict
from torch.utils.flop_counter import FlopCounterMode

from edgeacc.benchmarks.machine import busy_warnings, describe, other_work, times
from edgeacc.benchmarks.results import Machine
from edgeacc.benchmarks.roofline import copy_gb_s, matrix_gflops
from edgeacc.benchmarks.steps import step_s
from edgeacc.errors import NotPossibleHere
from edgeacc.models.alignment import Student
from edgeacc.models.config import AlignmentConfig
from edgeacc.models.sizes import SIZES, build, parameters, require_size
from edgeacc.progress import Progress, silent
from edgeacc.training.augment import MILD, NONE
from edgeacc.training.config import Device, Precision, TrainConfig, fastest_precision
from edgeacc.training.distill import Distill
from edgeacc.training.objective import Objective
from edgeacc.training.sources import Frozen
from edgeacc.training.token_dropping import TokenDropping
from edgeacc.windows.endless import Endless, EndlessConfig

PAPER_WINDOWS = 20_000_000
"""arXiv 2412.11276: 20 million minutes, in windows of one minute."""
TRAINED_BYTES = 28
"""That one step moves for each parameter in fp32, at least: weight, gradient and AdamW's two moments are read (16),
weight and moments written (12)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StepRow(_Frozen):
    """One kind of step.

    Attributes:
        step: `teacher`, `distillation` or `simulation`.
        gflop_per_window: 1e9 operations, two per multiply-accumulate, of matrix products, convolutions and attention;
            None for the simulation, whose transforms are not counted.
        bytes_per_window: the fewest that have to be moved: the windows read once, and the trained state once per step.
        predicted_windows_per_s: what the device's peaks allow: the slower of computing and moving.
        windows_per_s: measured.
        gflops: 1e9 operations per second that this is.
        peak_share: of the measured peak, 0 to 1.
        hours: of 20 million windows at the measured rate.
    """

    step: str
    gflop_per_window: float | None
    bytes_per_window: int
    predicted_windows_per_s: float
    windows_per_s: float
    gflops: float | None
    peak_share: float | None
    hours: float


class ScaleResult(_Frozen):
    """What was measured.

    Attributes:
        date_utc: when.
        machine: on which.
        device: `cpu` or the GPU's name.
        encoder: of teacher and student.
        precision: of the steps.
        batch: windows of a step.
        threads: of a processor.
        peak_gflops: 1e9 operations per second of a product of matrices in that precision.
        copy_gb_s: 1e9 bytes per second read and written by a copy.
        rows: the three kinds of steps.
        hours: of all three for 20 million windows, the teacher's windows simulated again for the student's.
        warnings: about the machine.
    """

    date_utc: str
    machine: Machine
    device: str
    encoder: str
    precision: Precision
    batch: int
    threads: int
    peak_gflops: float
    copy_gb_s: float
    rows: tuple[StepRow, ...]
    hours: float
    warnings: tuple[str, ...]


def run_scale_bench(
    encoder: str = "transformer-xl",
    device: Device = "cpu",
    progress: Progress = silent,
    *,
    batch: int = 16,
    steps: int = 3,
) -> ScaleResult:
    """Measure.

    Args:
        encoder: size of teacher and student, a transformer.
        device: that computes.
        progress: told of the three kinds of steps.
        batch: windows of a step.
        steps: of each kind that are counted.

    Raises:
        BadInput: no such size, or none that drops tokens.
        NotPossibleHere: no CUDA device.
    """
    require_size(encoder)
    if device == "cuda" and not torch.cuda.is_available():
        raise NotPossibleHere("there is no CUDA device here", valid="--device cpu")
    own = [psutil.Process()]
    load_average, before = os.getloadavg()[0], times(own)
    threads, kept_threads = os.cpu_count() or 1, torch.get_num_threads()
    precision = fastest_precision(device)
    torch.set_num_threads(threads)
    try:
        run = _Run(encoder, device, precision, batch, threads, steps)
        rows = []
        for number, (name, measure) in enumerate(run.kinds().items()):
            progress(number, 3, name)
            rows.append(measure())
    finally:
        torch.set_num_threads(kept_threads)
    progress(3, 3, "done")
    machine = describe({"edgeacc", "torch"}, load_average, other_work(before, times(own)))
    teacher, distillation, simulation = rows
    return ScaleResult(
        date_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine,
        device=torch.cuda.get_device_name() if device == "cuda" else device,
        encoder=encoder,
        precision=precision,
        batch=batch,
        threads=threads,
        peak_gflops=run.peak_gflops,
        copy_gb_s=run.copy_gb_s,
        rows=tuple(rows),
        hours=teacher.hours + distillation.hours + 2 * simulation.hours,
        warnings=tuple(busy_warnings(machine)),
    )


class _Run:
    """The device with its peaks, and what is timed there."""

    def __init__(
        self, encoder: str, device: Device, precision: Precision, batch: int, threads: int, steps: int
    ) -> None:
        self._encoder, self._device, self._batch, self._steps = encoder, device, batch, steps
        self._precision, self._threads = precision, threads
        kind = torch.bfloat16 if precision == "bf16" else torch.float32
        self.peak_gflops = matrix_gflops(kind, device)
        self.copy_gb_s = copy_gb_s(device)
        self._stream = Endless(EndlessConfig(), device=device)
        self._windows = self._stream.take(torch.arange(batch))

    def kinds(self) -> dict[str, Callable[[], StepRow]]:
        """What is timed, by name."""
        return {"teacher": self._teacher, "distillation": self._distillation, "simulation": self._simulation}

    def _teacher(self) -> StepRow:
        windows = self._windows
        network = build(self._encoder, windows.ppg_BCT.shape[1])
        read = windows.ppg_BCT[0].nbytes
        return self._trained("teacher", TokenDropping(network, windows.ppg_BCT, NONE), "token-dropping", read)

    def _distillation(self) -> StepRow:
        windows = self._windows
        teacher = build(self._encoder, windows.ppg_BCT.shape[1]).to(self._device)
        form = AlignmentConfig.between("time-resolved", SIZES[self._encoder], teacher.config)
        objective = Distill(
            Student(build(self._encoder, 3), form),
            windows,
            Frozen(teacher, windows.ppg_BCT, NONE),
            MILD,
            window_s=windows.contract.window_s,
            interval_target=True,
        )
        read = windows.acc_BCT[0].nbytes + windows.ppg_BCT[0].nbytes + 4 * parameters(teacher) // self._batch
        return self._trained("distillation", objective, "distill", read)

    def _simulation(self) -> StepRow:
        seconds = []
        for number in range(self._steps):
            index_B = torch.arange(self._batch) + (number + 1) * self._batch
            seconds.append(self._timed(lambda index_B=index_B: self._stream.take(index_B)))  # type: ignore[misc]
        written = self._windows.acc_BCT[0].nbytes + self._windows.ppg_BCT[0].nbytes
        return self._row("simulation", None, written, statistics.median(seconds))

    def _trained(self, name: str, objective: Objective, kind: str, read_bytes: int) -> StepRow:
        config = TrainConfig.model_validate(
            {
                "objective": kind,
                "encoder": SIZES[self._encoder],
                "steps": self._steps,
                "batch": self._batch,
                "precision": self._precision,
                "device": self._device,
                "threads": self._threads,
            }
        )
        seconds = step_s(objective, config, self._windows.window_id_B, self._steps)
        trained = sum(each.numel() for each in objective.parameters() if each.requires_grad)
        moved = read_bytes + TRAINED_BYTES * trained // self._batch
        return self._row(name, self._gflop(objective) / self._batch, moved, seconds)

    def _gflop(self, objective: Objective) -> float:
        """Operations of one batch, forwards and backwards."""
        generator = torch.Generator(self._device).manual_seed(0)
        objective.train()
        with FlopCounterMode(display=False) as counter:
            torch.autograd.backward(objective.loss(torch.arange(self._batch, device=self._device), generator))
        return float(counter.get_total_flops()) / 1e9

    def _row(self, name: str, gflop: float | None, moved: int, seconds: float) -> StepRow:
        computing_s = 0.0 if gflop is None else gflop / self.peak_gflops
        moving_s = moved / (self.copy_gb_s / 2 * 1e9)
        per_s = self._batch / seconds
        gflops = None if gflop is None else gflop * per_s
        return StepRow(
            step=name,
            gflop_per_window=gflop,
            bytes_per_window=moved,
            predicted_windows_per_s=1 / max(computing_s, moving_s),
            windows_per_s=per_s,
            gflops=gflops,
            peak_share=None if gflops is None else gflops / self.peak_gflops,
            hours=PAPER_WINDOWS / per_s / 3600,
        )

    def _timed(self, do: Callable[[], object]) -> float:
        start_s = time.perf_counter()
        do()
        if self._device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start_s
