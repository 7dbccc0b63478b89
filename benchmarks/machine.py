"""The machine that a benchmark ran on, and how much other work it did meanwhile."""

import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil

import edgeacc
from edgeacc.benchmarks.results import Machine
from edgeacc.export.registry import installed_versions

BUSY_LOAD_PER_CORE = 0.5
"""Load average per core, before the run, from which on the machine counts as busy (our estimate)."""

BUSY_SHARE = 0.1
"""Share of the processors taken by other work, during the run, from which on it counts as busy (our estimate)."""

_IDLE = ("idle", "iowait", "guest", "guest_nice")
"""Not work, or counted in `user` and `nice` already (psutil.cpu_times)."""


class Times(NamedTuple):
    """Processor seconds since boot: of all processors together, those of them that were busy, and those of a run."""

    all_s: float
    busy_s: float
    own_s: float


def times(own: Iterable[psutil.Process]) -> Times:
    """The counters now; `own` are the processes of the run."""
    counted = psutil.cpu_times()._asdict()
    all_s = sum(seconds for name, seconds in counted.items() if not name.startswith("guest"))
    busy_s = sum(seconds for name, seconds in counted.items() if name not in _IDLE)
    spent = [process.cpu_times() for process in own]
    return Times(all_s, busy_s, sum(each.user + each.system for each in spent))


def other_work(before: Times, after: Times) -> float:
    """Share of all processors, 0 to 1, that was busy with anything but the run."""
    all_s = after.all_s - before.all_s
    others_s = (after.busy_s - before.busy_s) - (after.own_s - before.own_s)
    return min(max(others_s / all_s, 0.0), 1.0) if all_s > 0 else 0.0


def describe(packages: Iterable[str], load_average: float, others: float) -> Machine:
    """What this machine is.

    Args:
        packages: distributions whose versions are kept, where they are installed.
        load_average: of one minute, before the run.
        others: see `other_work`.
    """
    return Machine(
        cpu=_cpu(),
        cores=cores(),
        governor=_governor(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        versions=installed_versions(sorted(set(packages))),
        commit=source_commit(),
        load_average=load_average,
        other_work=others,
    )


def busy_warnings(machine: Machine) -> list[str]:
    """What about the machine makes the latencies doubtful."""
    said = []
    if machine.load_average > BUSY_LOAD_PER_CORE * machine.cores:
        said.append(f"the machine was busy before: load average {machine.load_average:.2f} on {machine.cores} core(s)")
    if machine.other_work > BUSY_SHARE:
        said.append(
            f"the machine was busy meanwhile: other work took {machine.other_work:.0%} of its processors; "
            "latencies hold waiting time; `cpu_ms`, and on one thread `vs_eager`, do not"
        )
    return said


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Hardware"))]
    return names[0] if names else platform.processor() or platform.machine()


def cores() -> int:
    """Logical processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _governor() -> str | None:
    policy = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return policy.read_text().strip() if policy.exists() else None


def source_commit() -> str | None:
    """Of edgeacc's own sources, with `+changes` where files differ from it; None outside a repository."""
    return _commit(Path(edgeacc.__file__).resolve())


def _commit(source: Path) -> str | None:
    """The commit of the repository that tracks `source`; None where it is not tracked or git is not there."""
    tracked = _git(source, "ls-files", "--error-unmatch", source.name)
    commit = _git(source, "rev-parse", "HEAD")
    if tracked is None or commit is None:
        return None
    return commit + ("+changes" if _git(source, "status", "--porcelain", "--untracked-files=no") else "")


def _git(source: Path, *arguments: str) -> str | None:
    try:
        ran = subprocess.run(["git", "-C", str(source.parent), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return ran.stdout.strip() if ran.returncode == 0 else None
