"""Runs a plan of edgeacc commands as child processes: two at a time, resumable, stopped by the first failure."""

import fcntl
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from edgeacc.cli.interrupt import ended_like_ctrl_c
from edgeacc.errors import BadInput, EdgeaccError
from edgeacc.files import read_model, write_json

EDGEACC = (sys.executable, "-m", "edgeacc.cli.main")
JOURNAL = "steps.json"
LOCK = ".lock"
POLL_S = 0.2
MEMORY_EVERY_S = 2.0
STOP_WITHIN_S = 10.0  # our estimate: time for a child to end by itself after an interrupt
LAST_LINES = 15
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
READABLE_LOG = {"PYTHONUNBUFFERED": "1", "COLUMNS": "120"}


@dataclass(frozen=True)
class Step:
    """One command of the plan. Its `output` appears when it has succeeded, and only then: that is its done mark."""

    name: str
    arguments: tuple[str, ...]
    output: Path
    needs: tuple[str, ...] = ()
    prints_output: bool = False  # what the command prints is its output
    threads: int = 1

    @property
    def command(self) -> str:
        """What a user types to run this step alone."""
        typed = shlex.join(("edgeacc", *self.arguments))
        return f"{typed} > {shlex.quote(str(self.output))}" if self.prints_output else typed


class StepRecord(BaseModel):
    """What was run for a step, and how long it took over all its attempts."""

    command: str
    seconds: float = 0.0


class Journal(BaseModel):
    """Times and memory of a demo, kept over re-runs in `steps.json`."""

    steps: dict[str, StepRecord] = {}
    wall_s: float = 0.0
    peak_memory_bytes: int = 0


@dataclass(frozen=True)
class Status:
    """One step as the display shows it; `fraction` is 0..1, or None where the command reports nothing."""

    step: Step
    state: Literal["waiting", "running", "done"]
    seconds: float
    fraction: float | None = None
    note: str = ""


class StepFailed(EdgeaccError):
    """A command of the plan failed; the demo ends with that command's exit code."""

    def __init__(self, problem: str, *, exit_code: int, next_command: str) -> None:
        """Keep the failed command's exit code (1 where a signal ended it)."""
        super().__init__(problem, next_command=next_command)
        self.exit_code = exit_code if exit_code > 0 else 1


@dataclass
class Runner:
    """Runs `steps` in `folder`; a step starts when all that it needs is done.

    Args:
        steps: the plan; earlier steps are started first.
        folder: holds the journal and `logs/`.
        program: what runs a step's arguments.
        at_once: number of children that may run together.
    """

    steps: Sequence[Step]
    folder: Path
    program: Sequence[str] = EDGEACC
    at_once: int = 2
    journal: Journal = field(init=False)
    _children: dict[str, "_Child"] = field(default_factory=dict, init=False)
    _memory_at_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        """Read the journal of an earlier run, if there is one."""
        path = self.folder / JOURNAL
        self.journal = read_model(path, Journal) if path.exists() else Journal()

    def run(self, watch: Callable[[Sequence[Status]], None]) -> Journal:
        """Run what is not done yet; `watch` gets the state of every step a few times a second.

        Raises:
            BadInput: another demo works in the folder, an output is there that another command made, or one whose
                inputs are gone.
            StepFailed: a command failed; the others were stopped.
        """
        with _alone(self.folder) as lock:
            return self._run(watch, lock)

    def _run(self, watch: Callable[[Sequence[Status]], None], lock: int) -> Journal:
        self._refuse_foreign_outputs()
        self._refuse_outputs_of_what_is_gone()
        self.logs.mkdir(parents=True, exist_ok=True)
        started_s, wall_before_s = time.monotonic(), self.journal.wall_s
        try:
            with ended_like_ctrl_c():
                while pending := self._pending():
                    self._start_what_is_ready(pending, lock)
                    watch(self.statuses())
                    time.sleep(POLL_S)
                    self._measure_memory()
                    self._collect_finished()
            watch(self.statuses())
        finally:
            self._stop_children()
            self.journal.wall_s = wall_before_s + time.monotonic() - started_s
            self._save()
        return self.journal

    @property
    def logs(self) -> Path:
        """One log per step: what its command printed."""
        return self.folder / "logs"

    def statuses(self) -> list[Status]:
        """The state of every step, in the order of the plan."""
        return [self._status(step) for step in self.steps]

    def _status(self, step: Step) -> Status:
        record = self.journal.steps.get(step.name, StepRecord(command=step.command))
        if child := self._children.get(step.name):
            return Status(step, "running", record.seconds + child.seconds, *child.progress())
        state: Literal["done", "waiting"] = "done" if step.output.exists() else "waiting"
        return Status(step, state, record.seconds)

    def _refuse_foreign_outputs(self) -> None:
        foreign = [
            f"{step.output} exists, but not from: {step.command}"
            for step in self.steps
            if step.output.exists()
            and (step.name not in self.journal.steps or self.journal.steps[step.name].command != step.command)
        ]
        if foreign:
            raise BadInput.several(str(self.folder), foreign, valid="another -o, or the same options as before")

    def _refuse_outputs_of_what_is_gone(self) -> None:
        """What was made from an output that is gone would be taken for results of the one that is made anew."""
        made = {step.name for step in self.steps if step.output.exists()}
        gone = {step.name for step in self.steps} - made
        left = [
            f"{step.output} was made from what is gone: {', '.join(sorted(gone.intersection(step.needs)))}"
            for step in self.steps
            if step.name in made and gone.intersection(step.needs)
        ]
        if left:
            raise BadInput.several(str(self.folder), left, valid="all that was made from it removed too, or another -o")

    def _pending(self) -> list[Step]:
        return [step for step in self.steps if step.name in self._children or not step.output.exists()]

    def _start_what_is_ready(self, pending: Sequence[Step], lock: int) -> None:
        unfinished = {step.name for step in pending}
        for step in pending:
            ready = step.name not in self._children and not unfinished.intersection(step.needs)
            if ready and len(self._children) < self.at_once:
                before = self.journal.steps.get(step.name)
                seconds = before.seconds if before and before.command == step.command else 0.0
                self.journal.steps[step.name] = StepRecord(command=step.command, seconds=seconds)
                self._save()
                self._children[step.name] = _Child.start(step, self.logs, self.program, lock)

    def _collect_finished(self) -> None:
        for child in [child for child in self._children.values() if child.process.poll() is not None]:
            self._forget(child)
            child.finish()
            self._save()

    def _forget(self, child: "_Child") -> None:
        self.journal.steps[child.step.name].seconds += child.seconds
        del self._children[child.step.name]

    def _stop_children(self) -> None:
        children = list(self._children.values())
        for child in children:
            child.signal(signal.SIGINT)
        for child in children:
            child.stop()
            self._forget(child)

    def _measure_memory(self) -> None:
        if time.monotonic() - self._memory_at_s > MEMORY_EVERY_S:
            self._memory_at_s = time.monotonic()
            self.journal.peak_memory_bytes = max(self.journal.peak_memory_bytes, _resident_bytes())

    def _save(self) -> None:
        write_json(self.folder / JOURNAL, self.journal, force=True)


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """The folder's lock; children inherit it, so that those of a killed demo hold it until they end."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(
                f"another demo, or a step that it left behind, works in {folder}",
                valid="another -o, or the same command when that has ended",
            ) from error
        yield lock.fileno()


@dataclass
class _Child:
    step: Step
    process: subprocess.Popen[bytes]
    log: Path
    printed: Path
    progress_file: Path
    started_s: float

    @classmethod
    def start(cls, step: Step, logs: Path, program: Sequence[str], lock: int) -> "_Child":
        name = step.name.replace("/", "-")
        log, printed, progress_file = (logs / f"{name}.{kind}" for kind in ("log", "out", "progress"))
        progress_file.unlink(missing_ok=True)
        threads = dict.fromkeys(THREADS, str(step.threads))
        environment = os.environ | threads | READABLE_LOG | {"EDGEACC_PROGRESS": str(progress_file)}
        with log.open("ab") as errors, printed.open("wb") as printing:
            errors.write(f"$ {step.command}\n".encode())
            errors.flush()
            process = subprocess.Popen(
                [*program, *step.arguments],
                stdin=subprocess.DEVNULL,
                stdout=printing if step.prints_output else errors,
                stderr=errors,
                env=environment,
                pass_fds=(lock,),
                process_group=0,  # Ctrl-C reaches the demo alone, which then stops its children
            )
        return cls(step, process, log, printed, progress_file, time.monotonic())

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started_s

    def progress(self) -> tuple[float | None, str]:
        """The fraction done and the note that the command left in its progress file."""
        if not self.progress_file.exists():
            return None, ""
        line = _ProgressLine.model_validate_json(self.progress_file.read_text())
        return (line.done / line.total if line.total else None), " ".join(filter(None, (line.title, line.note)))

    def finish(self) -> None:
        """Turn the exit code into the done mark, or into StepFailed with the last lines of the log."""
        code = self.process.returncode
        if code == 0 and self.step.prints_output:
            self.step.output.parent.mkdir(parents=True, exist_ok=True)
            self.printed.rename(self.step.output)
        if code == 0 and self.step.output.exists():
            self.progress_file.unlink(missing_ok=True)
            return
        ended = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        how = ended if code else f"ended well, but did not write {self.step.output}"
        lines = "\n".join(f"  | {line}" for line in self._last_lines())
        raise StepFailed(
            f"step {self.step.name!r} {how}\n  command: {self.step.command}\n  its last lines ({self.log}):\n{lines}",
            exit_code=code,
            next_command="mend what these lines tell; the same `edgeacc demo` then continues where it stopped",
        )

    def _last_lines(self) -> list[str]:
        printed = self.printed.read_text(errors="replace") if self.step.prints_output else ""
        return (printed + self.log.read_text(errors="replace")).splitlines()[-LAST_LINES:]

    def signal(self, number: int) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def stop(self) -> None:
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()


class _ProgressLine(BaseModel):
    title: str = ""
    done: int
    total: int
    note: str = ""


def _resident_bytes() -> int:
    """Resident memory of this process and all its children; shared pages count once per process."""
    import psutil

    total = 0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
