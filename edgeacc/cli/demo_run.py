"""Runs a plan of edgeacc commands as child processes: two at a time, resumable; of a demo and of a study."""

import fcntl
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from edgeacc.cli.demo_journal import JOURNAL, Journal, Recordings, Step, begun, check, read_journal
from edgeacc.cli.interrupt import ended_like_ctrl_c
from edgeacc.errors import BadInput, EdgeaccError, ParityFailed
from edgeacc.files import write_json

EDGEACC = (sys.executable, "-m", "edgeacc.cli.main")
LOCK = ".lock"
POLL_S = 0.2
MEMORY_EVERY_S = 2.0
STOP_WITHIN_S = 10.0  # our estimate: time for a child to end by itself after an interrupt
LAST_LINES = 15
NEXT = "next: "
PARITY_HELP = (
    "edgeacc doctor, and install the proven packages (constraints.txt), then the same `edgeacc demo`; or, where the "
    "student was trained on too little to be quantized, edgeacc demo --size full -o ANOTHER"
)
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
READABLE_LOG = {"PYTHONUNBUFFERED": "1", "COLUMNS": "120"}


@dataclass(frozen=True)
class Status:
    """One step as the display shows it; `fraction` is 0..1, or None where the command reports nothing."""

    step: Step
    state: Literal["waiting", "running", "done", "failed"]
    seconds: float
    fraction: float | None = None
    note: str = ""


class StepFailed(EdgeaccError):
    """A command of the plan failed; a demo ends with that command's exit code."""

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
        recordings: name -> all real recordings of the demo, to be kept in the journal.
        keep_going: a failed step stops only the steps that need it; otherwise all.
        program: what runs a step's arguments.
        at_once: number of children that may run together.
        journal: of the folder, from when `run` began.
        failed: name -> how that step failed, where the others kept going.
    """

    steps: Sequence[Step]
    folder: Path
    recordings: Mapping[str, Recordings] = field(default_factory=dict)
    keep_going: bool = False
    program: Sequence[str] = EDGEACC
    at_once: int = 2
    journal: Journal = field(default_factory=Journal, init=False)
    failed: dict[str, StepFailed] = field(default_factory=dict, init=False)
    _children: dict[str, "_Child"] = field(default_factory=dict, init=False)
    _memory_at_s: float = field(default=0.0, init=False)

    def run(self, watch: Callable[[Sequence[Status]], None]) -> Journal:
        """Run what is not done yet; `watch` gets the state of every step a few times a second.

        Raises:
            BadInput: another one works in the folder, or what is there does not belong together (`check`).
            StepFailed: a command failed; the others were stopped. Not with `keep_going`.
        """
        with _alone(self.folder) as lock:
            return self._run(watch, lock)

    def _run(self, watch: Callable[[Sequence[Status]], None], lock: int) -> Journal:
        self.journal = read_journal(self.folder)
        self.journal.recordings = {name: each.resolved() for name, each in self.recordings.items()}
        self._check()
        self._adopt()
        self.logs.mkdir(parents=True, exist_ok=True)
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
        record = self.journal.steps.get(step.name)
        seconds = record.seconds if record else 0.0
        if child := self._children.get(step.name):
            return Status(step, "running", seconds + child.seconds, *child.progress())
        if step.name in self.failed:
            return Status(step, "failed", seconds)
        state: Literal["done", "waiting"] = "done" if step.output.exists() else "waiting"
        return Status(step, state, seconds)

    def _check(self) -> None:
        ended = [step for step in self.steps if step.name not in self._children]
        check(self.folder, ended, self.journal.steps)

    def _adopt(self) -> None:
        """What a step had made when the demo itself was killed."""
        for step in self.steps:
            if step.output.exists() and self.journal.steps[step.name].output is None:
                self.journal.steps[step.name].output = step.digest()

    def _pending(self) -> list[Step]:
        given_up = set(self.failed)
        pending = []
        for step in self.steps:
            if given_up.intersection((step.name, *step.needs)) and not step.output.exists():
                given_up.add(step.name)
            elif step.name in self._children or not step.output.exists():
                pending.append(step)
        return pending

    def _start_what_is_ready(self, pending: Sequence[Step], lock: int) -> None:
        unfinished = {step.name for step in pending}
        for step in pending:
            ready = step.name not in self._children and not unfinished.intersection(step.needs)
            if ready and len(self._children) < self.at_once:
                record = begun(step, self.folder, self.journal.steps.get(step.name))
                self.journal.steps[step.name] = record
                self._save()
                self._children[step.name] = _Child.start(step, self.logs, self.program, lock)

    def _collect_finished(self) -> None:
        for child in list(self._children.values()):
            before_s = _cpu_s_of_ended()
            if child.process.poll() is None:
                continue
            self._forget(child)
            self.journal.steps[child.step.name].cpu_s += _cpu_s_of_ended() - before_s
            self._finish(child)
            self._save()
            self._check()

    def _finish(self, child: "_Child") -> None:
        try:
            child.finish()
        except StepFailed as error:
            if not self.keep_going:
                raise
            self.failed[child.step.name] = error
        else:
            self.journal.steps[child.step.name].output = child.step.digest()

    def _forget(self, child: "_Child") -> None:
        self.journal.steps[child.step.name].ran.append((child.began_s, child.seconds))
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
                f"another edgeacc, or a step that it left behind, works in {folder}",
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
    began_s: float
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
                [*program, *map(str, step.arguments)],
                stdin=subprocess.DEVNULL,
                stdout=printing if step.prints_output else errors,
                stderr=errors,
                env=environment,
                pass_fds=(lock,),
                process_group=0,  # Ctrl-C reaches the demo alone, which then stops its children
            )
        return cls(step, process, log, printed, progress_file, time.time(), time.monotonic())

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
        last = self._last_lines()
        lines = "\n".join(f"  | {line}" for line in last)
        raise StepFailed(
            f"step {self.step.name!r} {how}\n  command: {self.step.command}\n  its last lines ({self.log}):\n{lines}",
            exit_code=code,
            next_command=self._next_command(last),
        )

    def _next_command(self, last: Sequence[str]) -> str:
        """What the command itself said that helps, where it said something."""
        if self.process.returncode == ParityFailed.exit_code:
            return PARITY_HELP
        told = [line.removeprefix(NEXT) for line in last if line.startswith(NEXT)]
        return f"{told[-1] if told else 'mend what these lines tell'}; then the same `edgeacc demo` goes on"

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


def _cpu_s_of_ended() -> float:
    """Processor seconds, user and system, of all children that have been waited for, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
