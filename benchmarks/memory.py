"""Resident memory of this process, as the kernel counts it."""

import resource
import sys
from pathlib import Path

import psutil

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"
"""Resets VmHWM (Linux, proc(5), clear_refs)."""


def resident_bytes() -> int:
    """Resident now."""
    return int(psutil.Process().memory_info().rss)


def forget_peak() -> None:
    """Let `peak_bytes` count from now on, where the kernel can (Linux); elsewhere from the process's start."""
    if _CLEAR_REFS.exists():
        _CLEAR_REFS.write_text(_FORGET_PEAK)


def peak_bytes() -> int:
    """Highest resident size since `forget_peak`.

    Not `ru_maxrss` where it can be helped: on Linux a fresh process inherits it from the one that started it.
    """
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
