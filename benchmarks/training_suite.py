"""How fast students train: windows per second beside the same networks written plainly, in one run by turns."""

import os
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import psutil
import torch
from pydantic import BaseModel, ConfigDict

from edgeacc.benchmarks.machine import busy_warnings, describe, other_work, times
from edgeacc.benchmarks.plain import plain_student
from edgeacc.benchmarks.results import Machine
from edgeacc.benchmarks.roofline import matrix_gflops
from edgeacc.benchmarks.steps import step_s
from edgeacc.models.alignment import Student
from edgeacc.models.config import AlignmentConfig
from edgeacc.models.cost import cost
from edgeacc.models.sizes import SIZES, build, require_size
from edgeacc.progress import Progress, silent
from edgeacc.training.augment import MILD, augment
from edgeacc.training.config import Precision, TrainConfig, fastest_precision
from edgeacc.training.distill import Distill
from edgeacc.training.sources import Kept
from edgeacc.windows.endless import Endless, EndlessConfig
from edgeacc.windows.window_set import WindowSet

ENCODERS = ("conv-s", "transformer-xs")
TEACHER = "conv-ppg"
BATCH = 64
WINDOWS = 2 * BATCH
DATA_TRIES = 20
PASSES = 3
"""Of the forward pass's operations in one step: the backward pass takes two more, towards inputs and weights
(Kaplan et al. 2020, section 2.1)."""
PLAIN: Precision = "fp32"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingRow(_Frozen):
    """One encoder, as a student of a frozen teacher whose tokens are kept.

    Attributes:
        encoder: name of its size.
        precision: that `edgeacc train` chooses on this machine, `fp32` or `bf16`.
        windows_per_s: of training steps: data, both passes, and the update.
        plain_windows_per_s: of the same weights written with Conv1d, BatchNorm1d and `scaled_dot_product_attention`,
            in fp32.
        times_faster: the former over the latter, by the median of the turns' ratios.
        gflops: 1e9 operations a second that the encoder's layers take, two per multiply-accumulate and three passes;
            heads, norms, augmentation and update are not counted.
        peak_share: of this machine's measured peak in that precision, 0 to 1.
        data_share: of a step that fetches and augments windows, 0 to 1.
    """

    encoder: str
    precision: Precision
    windows_per_s: float
    plain_windows_per_s: float
    times_faster: float
    gflops: float
    peak_share: float
    data_share: float


class TrainingResult(_Frozen):
    """What was measured.

    Attributes:
        date_utc: when.
        machine: on which.
        threads: of every step: all processors.
        batch: windows of a step.
        fp32_gflops: this machine's peak: 1e9 operations a second of a product of matrices.
        bf16_gflops: the same in bfloat16.
        rows: one for every encoder.
        warnings: about the machine.
    """

    date_utc: str
    machine: Machine
    threads: int
    batch: int
    fp32_gflops: float
    bf16_gflops: float
    rows: tuple[TrainingRow, ...]
    warnings: tuple[str, ...]


def run_training_bench(
    encoders: Sequence[str] = ENCODERS, progress: Progress = silent, *, turns: int = 5, steps: int = 6
) -> TrainingResult:
    """Measure.

    Args:
        encoders: names of sizes.
        progress: told of the turns.
        turns: of each form of each encoder.
        steps: of a turn that are counted.

    Raises:
        BadInput: no such size.
    """
    for name in encoders:
        require_size(name)
    own = [psutil.Process()]
    load_average, before = os.getloadavg()[0], times(own)
    threads = os.cpu_count() or 1
    kept_threads = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        windows = Endless(EndlessConfig()).take(torch.arange(WINDOWS))
        peaks: dict[Precision, float] = {
            "fp32": matrix_gflops(torch.float32),
            "bf16": matrix_gflops(torch.bfloat16),
        }
        precision = fastest_precision()
        rows = []
        for number, name in enumerate(encoders):
            race = _Race(name, windows, precision, threads)
            seconds = []
            for turn in range(turns):
                progress(number * turns + turn, len(encoders) * turns, name)
                seconds.append(race.turn(steps))
            rows.append(race.row(seconds, peaks[precision]))
    finally:
        torch.set_num_threads(kept_threads)
    machine = describe({"edgeacc", "torch"}, load_average, other_work(before, times(own)))
    return TrainingResult(
        date_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine,
        threads=threads,
        batch=BATCH,
        fp32_gflops=peaks["fp32"],
        bf16_gflops=peaks["bf16"],
        rows=tuple(rows),
        warnings=tuple(busy_warnings(machine)),
    )


class _Race:
    """One encoder in both forms, which take turns."""

    def __init__(self, encoder: str, windows: WindowSet, precision: Precision, threads: int) -> None:
        self._windows = windows
        self._config = TrainConfig(
            objective="distill",
            encoder=SIZES[encoder],
            steps=1,
            batch=BATCH,
            augmentation=MILD,
            precision=precision,
            threads=threads,
        )
        torch.manual_seed(0)
        teacher = SIZES[TEACHER]
        student = Student(build(encoder, 3), AlignmentConfig.between("time-resolved", SIZES[encoder], teacher))
        self._tokens = Kept(torch.randn(len(windows.window_id_B), teacher.tokens, teacher.width).half())
        self._ours, self._plain = self._objective(student), self._objective(plain_student(student))

    def turn(self, steps: int) -> tuple[float, float]:
        """Seconds of a step, the median of some, of ours and of the plain form."""
        plainly, ids = self._config.model_copy(update={"precision": PLAIN}), self._windows.window_id_B
        return step_s(self._ours, self._config, ids, steps), step_s(self._plain, plainly, ids, steps)

    def row(self, seconds: Sequence[tuple[float, float]], peak_gflops: float) -> TrainingRow:
        """What the turns amount to."""
        ours_s = statistics.median(ours for ours, _ in seconds)
        operations = 2 * PASSES * BATCH * cost(self._config.encoder).macs_per_window
        gflops = operations / ours_s / 1e9
        return TrainingRow(
            encoder=self._config.encoder.name,
            precision=self._config.precision,
            windows_per_s=BATCH / ours_s,
            plain_windows_per_s=BATCH / statistics.median(plain for _, plain in seconds),
            times_faster=statistics.median(plain / ours for ours, plain in seconds),
            gflops=gflops,
            peak_share=gflops / peak_gflops,
            data_share=self._data_s() / ours_s,
        )

    def _objective(self, student: Student) -> Distill:
        window_s = self._windows.contract.window_s
        return Distill(student, self._windows, self._tokens, MILD, window_s=window_s, interval_target=True)

    def _data_s(self) -> float:
        """Fetching and augmenting the windows and tokens of one batch, the median of some."""
        generator = torch.Generator().manual_seed(0)
        seconds = []
        for _ in range(DATA_TRIES):
            index_B = torch.randperm(WINDOWS, generator=generator)[:BATCH]
            start_s = time.perf_counter()
            augment(self._windows.acc_BCT[index_B].float(), MILD, generator)
            self._tokens.tokens(index_B, generator)
            seconds.append(time.perf_counter() - start_s)
        return statistics.median(seconds)
