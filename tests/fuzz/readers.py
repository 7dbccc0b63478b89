"""Fuzzes the readers of recordings: changed files of every format must be read or refused with one clear line.

    python tests/fuzz/readers.py --inputs 100000 --seed 0

Every input may be accepted or end in `BadInput`. Any other exception, a warning, more than 5 s, or more than 1 GB
beside what the imports need is a defect: it is printed with the options that make it again.
Each kind of file runs in a process of its own, which is watched from outside. Exit code 0 without defects, else 1.
"""

import argparse
import json
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path
from random import Random

import numpy as np
from made_recordings import MADE, Made, Parts
from mutations import mutated

from edgeacc.errors import BadInput
from edgeacc.recordings.recording import Recording, Stream
from edgeacc.recordings.registry import FORMATS, find
from edgeacc.recordings.table import read as read_table

MOST_S = 5.0
MOST_BYTES = 10**9
HUNG_S = 30.0
"""A process that says nothing for so long hangs where no alarm reaches it."""
LONGEST_LINE = 1200


class TookTooLong(Exception):
    """More than `MOST_S`."""


class NotClear(Exception):
    """A recording that cannot be, or an error that does not speak to the user."""


def changed(kind: str, seed: int, number: int) -> Parts:
    """The files of an input, by its recipe."""
    made = MADE[kind]()
    return made.pack(mutated(made.parts, Random(f"{seed}:{kind}:{number}")))


def write(files: Parts, folder: Path) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def read_all(folder: Path, made: Made) -> str:
    """Find and read everything in a folder; `accepted` or `refused`.

    Raises:
        NotClear: what was read is no recording, or the error is no clear line.
    """
    try:
        try:
            found = find(folder, made.format, made.mapping)
        except BadInput as mistake:
            _clear(mistake, folder)
            if not (folder / made.place).exists():
                return "refused"
            _consume(_read_as(made, folder / made.place))
        else:
            for one in found:
                _consume(one.read())
    except BadInput as mistake:
        _clear(mistake, folder)
        return "refused"
    return "accepted"


def _read_as(made: Made, place: Path) -> Iterable[Recording]:
    """Read what was not recognised as what it was."""
    if made.mapping is not None:
        return read_table(place, "p", made.mapping)
    reader = FORMATS[made.format].reader
    assert reader is not None
    read = reader.read(place, "p")
    return [read] if isinstance(read, Recording) else read


def _clear(mistake: BadInput, folder: Path) -> None:
    told = f"{mistake.problem} {mistake.valid}"
    if not told.replace("\t", "").isprintable() or str(folder) not in mistake.problem or not mistake.valid:
        raise NotClear(f"the error is {told!r}") from mistake
    if len(told) > LONGEST_LINE + 3 * len(str(folder)):
        raise NotClear(f"the error has {len(told)} characters: {told[:200]!r}") from mistake


def _consume(recordings: Iterable[Recording]) -> None:
    for recording in recordings:
        for name in ("acc", "ppg", "ecg", "intervals"):
            stream = getattr(recording, name, None)
            if stream is not None:
                _sound(name, stream)
        if recording.acc.samples_CN.shape[0] != 3:
            raise NotClear(f"{len(recording.acc.samples_CN)} axes")


def _sound(name: str, stream: Stream) -> None:
    samples_CN = stream.samples_CN
    if samples_CN.dtype != np.float32 or samples_CN.ndim != 2 or samples_CN.shape[1] < 1 or np.isinf(samples_CN).any():
        raise NotClear(f"{name}: {samples_CN.dtype} of shape {samples_CN.shape}, or infinite")
    at_s = stream.at_s
    if len(at_s) != samples_CN.shape[1] or not (np.isfinite(at_s).all() and (np.diff(at_s) > 0).all()):
        raise NotClear(f"{name}: times that do not go forward")
    if not 0 < stream.rate_hz < 1e5:
        raise NotClear(f"{name}: {stream.rate_hz} Hz")


def _too_long(_signal: int, _frame: object) -> None:
    raise TookTooLong(f"more than {MOST_S:g} s")


def work(kind: str, seed: int, first: int, count: int) -> None:
    """Runs inputs of one kind in this process; a line of JSON before and one after each."""
    made = MADE[kind]()
    with tempfile.TemporaryDirectory() as name:  # the imports are not the inputs'
        write(made.files(), Path(name))
        assert read_all(Path(name), made) == "accepted", kind
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if sys.platform == "linux":
        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + MOST_BYTES, resource.RLIM_INFINITY))
    signal.signal(signal.SIGALRM, _too_long)
    warnings.simplefilter("error")
    for number in range(first, first + count):
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        print(json.dumps({"begin": number, "folder": str(folder)}), flush=True)
        files = changed(kind, seed, number)
        outcome, told = "", ""
        try:
            write(files, folder)
        except (OSError, ValueError):
            outcome = "refused"  # no such name
        began_at = time.perf_counter()
        try:
            if not outcome:
                signal.setitimer(signal.ITIMER_REAL, MOST_S)
                outcome = read_all(folder, made)
        except Exception:
            outcome, told = "defect", traceback.format_exc(limit=-6)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        took_s = time.perf_counter() - began_at
        shutil.rmtree(folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
        done = {"end": number, "outcome": outcome, "took_s": took_s, "peak_kib": peak, "told": told}
        print(json.dumps(done), flush=True)


class Kind:
    """What became of one kind's inputs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts = {"accepted": 0, "refused": 0, "defect": 0}
        self.slowest_s = 0.0
        self.peak_mb = 0.0
        self.defects: list[tuple[int, str]] = []

    def row(self) -> str:
        counts = self.counts
        return (
            f"{self.name:<18}{sum(counts.values()):>9,}{counts['accepted']:>10,}{counts['refused']:>9,}"
            f"{counts['defect']:>9,}{self.slowest_s:>12.2f}{self.peak_mb:>11.0f}"
        )


HEAD = f"{'kind':<18}{'inputs':>9}{'accepted':>10}{'refused':>9}{'defects':>9}{'slowest [s]':>12}{'peak [MB]':>11}"


def watch(kind: Kind, seed: int, first: int, count: int) -> None:
    """Runs `work` in a process; goes on behind an input that ends it."""
    end = first + count
    while first < end:
        command = [sys.executable, __file__, "--work", kind.name, str(seed), str(first), str(end - first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            first, told = _follow(kind, child, first)
        if child.returncode != 0 and first < end:
            _defect(kind, first, f"the process ended with {child.returncode}: {told[-2000:]}")
            first += 1


def _follow(kind: Kind, child: "subprocess.Popen[str]", number: int) -> tuple[int, str]:
    """The number behind the last input that came to an end, and what the process said when it ended."""
    signal.signal(signal.SIGALRM, lambda *_: child.kill())
    assert child.stdout is not None
    assert child.stderr is not None
    folder = None
    for line in child.stdout:
        signal.alarm(round(HUNG_S))
        done = json.loads(line)
        if "begin" in done:
            number, folder = done["begin"], Path(done["folder"])
            continue
        kind.counts[done["outcome"]] += done["outcome"] != "defect"
        kind.slowest_s = max(kind.slowest_s, done["took_s"])
        kind.peak_mb = max(kind.peak_mb, done["peak_kib"] * 1024 / 1e6)
        if done["outcome"] == "defect":
            _defect(kind, number, done["told"])
        number += 1
        if sys.stderr.isatty() or number % 1000 == 0:
            end = "\r" if sys.stderr.isatty() else "\n"
            print(f"{kind.name}: {number:,} ({len(kind.defects)} defects) ", end=end, file=sys.stderr, flush=True)
    signal.alarm(0)
    told = child.stderr.read()
    if child.wait() != 0 and folder is None:
        raise SystemExit(f"{kind.name}: no input was tried: {told}")
    if child.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
    return number, told


def _defect(kind: Kind, number: int, told: str) -> None:
    kind.counts["defect"] += 1
    kind.defects.append((number, told))


def main() -> int:
    """Runs all kinds, or one; prints the summary and the defects."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--inputs", type=int, default=100_000, help="inputs of all kinds together")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--only", choices=MADE, help="one kind of file")
    asked.add_argument("--first", type=int, default=0, help="number of the first input of a kind")
    asked.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.work:
        work(given.work[0], *map(int, given.work[1:]))
        return 0
    names = [given.only] if given.only else list(MADE)
    each = -(-given.inputs // len(names))
    kinds = [Kind(name) for name in names]
    began_at = time.perf_counter()
    print(HEAD)
    for kind in kinds:
        watch(kind, given.seed, given.first, each)
        print(kind.row(), flush=True)
    total = sum(sum(kind.counts.values()) for kind in kinds)
    defects = [(kind.name, *defect) for kind in kinds for defect in kind.defects]
    print(f"{total:,} inputs, {len(defects)} defects, {time.perf_counter() - began_at:.0f} s, seed {given.seed}")
    for name, number, told in defects[:200]:
        print(f"\n--only '{name}' --first {number} --inputs 1 --seed {given.seed}\n{told}")
    return int(bool(defects))


if __name__ == "__main__":
    sys.exit(main())
