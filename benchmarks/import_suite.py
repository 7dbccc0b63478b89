"""How fast recordings become windows, in how much memory, and how fast a store is read for training."""

import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict

from edgeacc.benchmarks.day import write_day
from edgeacc.benchmarks.machine import busy_warnings, describe
from edgeacc.benchmarks.results import Machine
from edgeacc.errors import BadInput
from edgeacc.progress import Progress, silent
from edgeacc.recordings import e4
from edgeacc.recordings.registry import find
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.read import read_and_cut
from edgeacc.windows.salt import new_salt
from edgeacc.windows.stream import open_stream

READ_S = 5.0
HOURS = 24
_CHILD = """
import sys
from pathlib import Path
from edgeacc.benchmarks.memory import peak_bytes
from edgeacc.windows.from_recordings import from_recordings
from_recordings([Path(sys.argv[1])], Path(sys.argv[2]))
print(peak_bytes())
"""


class ImportResult(BaseModel):
    """What was measured, one thread throughout.

    Attributes:
        date_utc: when.
        machine: on which.
        recordings: files or folders given.
        recorded_min: in them.
        windows: kept.
        seconds: of reading and cutting, clocks brought together included.
        min_per_s: minutes of recording per second.
        usual_seconds: of pandas and neurokit2 at the same files, file by file in turn; None where they are not E4
            folders or the packages are not here.
        times_faster: usual_seconds over seconds.
        day_hours: length of the synthetic recording whose import is measured.
        day_peak_bytes: highest resident size of a fresh process that imports it.
        read_windows_per_s: shuffled batches of 64 from the store of that day.
        warnings: about the machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    date_utc: str
    machine: Machine
    recordings: int
    recorded_min: float
    windows: int
    seconds: float
    min_per_s: float
    usual_seconds: float | None
    times_faster: float | None
    day_hours: int
    day_peak_bytes: int
    read_windows_per_s: float
    warnings: tuple[str, ...]


def run_import_bench(paths: Sequence[Path], progress: Progress = silent, *, hours: int = HOURS) -> ImportResult:
    """Measure.

    Args:
        paths: recordings, or folders of recordings.
        progress: told of the recordings done, then of the day.
        hours: length of the synthetic recording.

    Raises:
        BadInput: a path holds no recording, or a malformed one.
    """
    torch.set_num_threads(1)
    load_average = os.getloadavg()[0]
    found = [one for path in paths for one in find(path)]
    salt, total = new_salt(), len(found) + 2
    seconds = usual_seconds = recorded_min = 0.0
    windows, usual = 0, _usual_way(all(one.format == e4.NAME for one in found))
    for number, one in enumerate(found):
        began_s = time.perf_counter()
        for outcome in read_and_cut(one, contract=DEFAULT, salt=salt, known=frozenset()):
            if isinstance(outcome, BadInput):
                raise outcome
            if outcome.done is not None:
                recorded_min += outcome.done.recorded_s / 60
                windows += len(outcome.done.windows)
        seconds += time.perf_counter() - began_s
        if usual is not None:
            began_s = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                usual(one.path, DEFAULT)
            usual_seconds += time.perf_counter() - began_s
        progress(number + 1, total, f"{windows} windows")
    with tempfile.TemporaryDirectory() as folder:
        day, store = Path(folder) / "day", Path(folder) / "store"
        write_day(day, hours)
        progress(total - 1, total, f"{hours} h written")
        peak_bytes = _peak_of_import(day, store)
        read_per_s = _reading(store)
    progress(total, total, "done")
    machine = describe({"edgeacc", "torch", "pandas", "neurokit2", "pyarrow"}, load_average, 0.0)
    return ImportResult(
        date_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine,
        recordings=len(found),
        recorded_min=recorded_min,
        windows=windows,
        seconds=seconds,
        min_per_s=recorded_min / seconds,
        usual_seconds=usual_seconds if usual else None,
        times_faster=usual_seconds / seconds if usual else None,
        day_hours=hours,
        day_peak_bytes=peak_bytes,
        read_windows_per_s=read_per_s,
        warnings=tuple(busy_warnings(machine)),
    )


def _usual_way(all_e4: bool):  # type: ignore[no-untyped-def]  # noqa: ANN202
    try:
        from edgeacc.benchmarks.usual_import import usual_import
    except ImportError:
        return None
    return usual_import if all_e4 else None


def _peak_of_import(recording: Path, store: Path) -> int:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _CHILD, str(recording), str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return int(done.stdout)


def _reading(store: Path) -> float:
    """Windows per second, over whole epochs of all splits for `READ_S` at least."""
    stream = open_stream(store)
    splits = [split for split, count in stream.manifest.windows.items() if count]
    read, epoch, began_s = 0, 0, time.perf_counter()
    while (spent_s := time.perf_counter() - began_s) < READ_S:
        for split in splits:
            for batch in stream.batches(split, batch=64, seed=0, epoch=epoch):
                read += len(batch)
        epoch += 1
    return read / spent_s
