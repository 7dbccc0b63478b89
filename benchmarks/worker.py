"""A fresh process that holds one contender: it loads it, measures itself, and makes calls when it is told to.

Run as `python -m edgeacc.benchmarks.worker` by `edgeacc.benchmarks.latency.Worker`. It reads one JSON line per request
from standard input, the first of them its `Job`, and answers with one JSON line each.
"""

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any, TextIO

import torch
from pydantic import BaseModel, ConfigDict
from pydantic_core import from_json, to_json

from edgeacc.benchmarks.arena import planned_arena, stored_weights
from edgeacc.benchmarks.layer_times import onnx_layer_times
from edgeacc.benchmarks.memory import forget_peak, peak_bytes, resident_bytes
from edgeacc.benchmarks.peers import COMPILED_TARGET, EAGER_TARGET, compiled_session, eager_session
from edgeacc.benchmarks.results import Arena, ColdStart, LayerTime, Parts
from edgeacc.bundle.bundle import open_bundle
from edgeacc.errors import EdgeaccError
from edgeacc.export.exporter import Outputs, Session, run_session
from edgeacc.export.parity import parity
from edgeacc.export.quiet import contained
from edgeacc.export.registry import exporter, target_info
from edgeacc.export.verify import verify_bundle
from edgeacc.signals.prepare import prepare_acc


class Job(BaseModel):
    """What a worker is to hold.

    Attributes:
        target: a target, `eager` or `compiled`.
        model: the artifact, or the checkpoint for PyTorch's own two.
        bundle: the bundle whose golden windows are its input.
        own_bundle: `model` is that bundle's artifact, so that `check` verifies the whole bundle, on one thread.
        burn_in_calls: calls after loading that are not counted.
        batch: windows of one call; what is told is of one window, and of as many fewer calls.
        threads: of the runtime.
    """

    model_config = ConfigDict(frozen=True)

    target: str
    model: Path
    bundle: Path
    own_bundle: bool
    burn_in_calls: int
    batch: int = 1
    threads: int = 1


class Checked(BaseModel):
    """What the golden windows said: mean-removed SNR, and why it failed (empty when it did not).

    Beside it what the file tells: planned memory, and bytes of weights by format.
    """

    snr_db: float
    failures: list[str]
    arena: Arena
    weights: dict[str, int]


class Calls(BaseModel):
    """Some calls: wall time and processor time (of all threads) of each."""

    latency_ms: list[float]
    cpu_ms: list[float]


class Layers(BaseModel):
    """Time of each layer."""

    layers: list[LayerTime]


class Holder:
    """One contender in this process; its methods are what can be asked of it."""

    def __init__(self, job: Job) -> None:
        """Import the runtime and read the golden windows; nothing is loaded yet."""
        torch.set_num_threads(job.threads)
        self._job = job
        self._load = _loader(job)
        bundle = open_bundle(job.bundle)
        self._golden = bundle.golden()
        self._acc_BCT = self._golden.given(raw=job.own_bundle and bundle.manifest.takes_raw)
        self._session: Session | None = None
        self._next = 0

    def start(self) -> ColdStart:
        """Load the artifact, call it, and burn it in."""
        forget_peak()
        baseline_bytes = resident_bytes()
        self._session, load_ms = _timed(self._load)
        _, first_ms = _timed(lambda: self._call())
        for _ in range(self._calls_of(self._job.burn_in_calls)):
            self._call()
        return ColdStart(
            load_ms=load_ms,
            first_ms=first_ms,
            baseline_rss_bytes=baseline_bytes,
            peak_rss_bytes=peak_bytes(),
        )

    def check(self) -> Checked:
        """Verify the bundle; of a peer, or on several threads, compare embeddings with the bundle's expected ones."""
        job = self._job
        read = {"arena": planned_arena(job.target, job.model), "weights": stored_weights(job.target, job.model)}
        if self._job.own_bundle and self._job.threads == 1:
            report = verify_bundle(self._job.bundle)
            return Checked(snr_db=report.snr_db, failures=report.failures, **read)
        session = self._session or self._load()
        z_BD, *_ = session(self._acc_BCT) if self._job.batch > 1 else run_session(session, self._acc_BCT)
        return Checked(snr_db=parity(self._golden.z_BD, z_BD).snr_db, failures=[], **read)

    def calls(self, burn_in: int, count: int) -> Calls:
        """Make calls, one window after another, without garbage collection meanwhile."""
        for _ in range(self._calls_of(burn_in)):
            self._call()
        made = Calls(latency_ms=[], cpu_ms=[])
        gc.disable()
        for _ in range(self._calls_of(count)):
            cpu_s = time.process_time()
            made.latency_ms.append(_timed(self._call)[1] / self._job.batch)
            made.cpu_ms.append((time.process_time() - cpu_s) * 1e3 / self._job.batch)
        gc.enable()
        return made

    def parts(self, count: int) -> Parts:
        """What a watch does beside the network, as Python does it, and what the bundle's probe takes."""
        bundle = open_bundle(self._job.bundle)
        contract, probe, golden = bundle.contract, bundle.probe(), self._golden
        prepare_ms = [_timed(lambda: prepare_acc(golden.acc_g_BCT[:1], contract))[1] for _ in range(count)]
        probe_ms = [] if probe is None else [_timed(lambda: probe.predict(golden.z_BD[:1]))[1] for _ in range(count)]
        return Parts(prepare_ms=median(prepare_ms), probe_ms=median(probe_ms) if probe_ms else None)

    def layers(self, burn_in: int, count: int) -> Layers:
        """Where the time of a window goes, of an .onnx file; the session is another than the one that is timed."""
        return Layers(layers=onnx_layer_times(self._job.model, self._acc_BCT, burn_in, count))

    def _calls_of(self, windows: int) -> int:
        return -(-windows // self._job.batch)

    def _call(self) -> Outputs:
        if self._session is None:
            raise RuntimeError("asked for calls before start")
        first, self._next = self._next, (self._next + self._job.batch) % len(self._acc_BCT)
        return self._session(self._acc_BCT[first : first + self._job.batch])


def main() -> None:
    """Answer requests until standard input ends."""
    with _answers() as answers:
        holder: Holder | None = None
        for line in sys.stdin:
            try:
                if holder is None:
                    holder = Holder(Job.model_validate_json(line))
                    answer: Any = {}
                else:
                    request = from_json(line)
                    answer = getattr(holder, request.pop("do"))(**request)
            except EdgeaccError as error:
                answer = {"exit_code": error.exit_code, "problem": error.problem}
            answers.write(to_json(answer, inf_nan_mode="constants").decode() + "\n")
            answers.flush()
    gc.freeze()  # else Python searches all that torch is for cycles as it ends: 1.5 s


def _loader(job: Job) -> Callable[[], Session]:
    """Import everything that loading needs."""
    own = {EAGER_TARGET: eager_session, COMPILED_TARGET: compiled_session}
    if job.target in own:
        return lambda: own[job.target](job.model)
    with contained():
        for module in target_info(job.target).runtime_modules:
            import_module(module)
    runner = exporter(job.target)
    return lambda: runner.load(job.model) if job.threads == 1 else runner.load_on_threads(job.model, job.threads)


def _timed(do: Callable[[], Any]) -> tuple[Any, float]:
    start_s = time.perf_counter()
    result = do()
    return result, (time.perf_counter() - start_s) * 1e3


@contextmanager
def _answers() -> Iterator[TextIO]:
    """Standard output for answers alone: what runtimes print goes to standard error."""
    with os.fdopen(os.dup(1), "w") as stream:
        os.dup2(2, 1)
        yield stream


if __name__ == "__main__":
    main()
