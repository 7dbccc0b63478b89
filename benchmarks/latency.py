"""Latency of several contenders on one drifting machine: each in its own process, turn by turn."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from pydantic_core import from_json, to_json

from edgeacc.benchmarks.results import ColdStart, Parts, Settings, Warm
from edgeacc.benchmarks.worker import Calls, Checked, Job, Layers
from edgeacc.errors import BadInput, EdgeaccError, NotPossibleHere, ParityFailed
from edgeacc.progress import Progress

ONE_THREAD = {
    name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
}
"""Environment of a worker: what thread pools read when they are made."""

_ERRORS = {kind.exit_code: kind for kind in (NotPossibleHere, BadInput, ParityFailed)}


class Worker:
    """A fresh process with one contender (`edgeacc.benchmarks.worker`); a context manager that ends it."""

    def __init__(self, job: Job) -> None:
        """Start the process.

        Raises:
            EdgeaccError: the job cannot be done; see `ask`.
        """
        self._model = job.model
        self._log = tempfile.TemporaryFile("w+", errors="replace")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edgeacc.benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **(ONE_THREAD if job.threads == 1 else {})},
        )
        try:
            self._send(job.model_dump_json())
        except EdgeaccError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def start(self) -> ColdStart:
        """Load the artifact and make the first calls."""
        return ColdStart.model_validate(self._ask("start"))

    def check(self) -> Checked:
        """Run the golden windows and compare."""
        return Checked.model_validate(self._ask("check"))

    def calls(self, burn_in: int, count: int) -> Calls:
        """Make calls that do not count, then calls that do."""
        return Calls.model_validate(self._ask("calls", burn_in=burn_in, count=count))

    def parts(self, count: int) -> Parts:
        """Preparation and probe, each the median of some."""
        return Parts.model_validate(self._ask("parts", count=count))

    def layers(self, burn_in: int, count: int) -> Layers:
        """Time of each layer; see `edgeacc.benchmarks.layer_times`."""
        return Layers.model_validate(self._ask("layers", burn_in=burn_in, count=count))

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and not stream.closed:
                stream.close()
        self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def _ask(self, do: str, **arguments: int) -> dict[str, Any]:
        return self._send(to_json({"do": do, **arguments}).decode())

    def _send(self, line: str) -> dict[str, Any]:
        """One request and its answer.

        Raises:
            EdgeaccError: of the kind that the worker met, with its words; NotPossibleHere where the process ended.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            ended = f"the process of {self._model} ended with code {self._process.wait()}"
            raise NotPossibleHere(f"{ended}: {self._last_words()}")
        said: dict[str, Any] = from_json(answer)
        if "problem" in said:
            raise _ERRORS[said["exit_code"]](said["problem"])
        return said

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def interleaved(workers: Mapping[str, Worker], settings: Settings, progress: Progress) -> dict[str, Warm]:
    """Warm latency of every contender: rounds of one turn each, so that a drift of the machine falls on all alike.

    Args:
        workers: started contenders by name.
        settings: how many rounds and calls.
        progress: told of each round.
    """
    names = list(workers)
    turns: dict[str, list[Calls]] = {name: [] for name in names}
    for number in range(settings.rounds):
        progress(number, settings.rounds, "round")
        first = number % max(len(names), 1)
        for name in (*names[first:], *names[:first]):
            turns[name].append(workers[name].calls(settings.turn_burn_in_calls, settings.calls_per_turn))
    progress(settings.rounds, settings.rounds, "rounds done")
    return {name: warm(made) for name, made in turns.items()}


def warm(turns: Sequence[Calls]) -> Warm:
    """Percentiles over all turns (linear interpolation)."""
    latency_ms = np.concatenate([turn.latency_ms for turn in turns])
    cpu_ms = np.concatenate([turn.cpu_ms for turn in turns])
    p50_ms, p90_ms, p99_ms = np.percentile(latency_ms, (50, 90, 99)).tolist()
    return Warm(
        p50_ms=p50_ms,
        p90_ms=p90_ms,
        p99_ms=p99_ms,
        max_ms=float(latency_ms.max()),
        calls=len(latency_ms),
        round_p50_ms=tuple(float(np.median(turn.latency_ms)) for turn in turns),
        cpu_ms=float(np.median(cpu_ms)),
        cpu_per_wall=float(cpu_ms.sum() / latency_ms.sum()),
    )
