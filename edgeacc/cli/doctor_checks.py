"""What `edgeacc doctor` finds out, from package metadata and files alone: no package of a target is imported."""

import os
import platform
import re
from collections.abc import Callable
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel

from edgeacc import __version__
from edgeacc.errors import NotPossibleHere
from edgeacc.export.field import FIELD_RUNTIMES, FieldRuntime
from edgeacc.export.registry import TARGETS, TargetInfo, installed_version, missing_packages, target_info
from edgeacc.firmware_sim.boards import BOARDS
from edgeacc.firmware_sim.engines import ENGINES
from edgeacc.firmware_sim.engines.engine import Engine
from edgeacc.firmware_sim.firmware.cross import cross_compiler
from edgeacc.firmware_sim.profile import devices
from edgeacc.firmware_sim.vela import vela_version

FORMATS_PACKAGES = {"fastavro": "Avro files, such as EmbracePlus's", "h5py": "MATLAB v7.3 files, such as WildPPG's"}
"""Of the extra `formats`: what each reads. The other formats need no package of their own."""
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
"""The Linux driver of NVIDIA GPUs shows its version here."""


class Machine(BaseModel):
    """The machine; None where something is not there."""

    edgeacc: str
    python: str
    system: str
    cores: int
    memory_gib: float
    torch: str | None
    cuda: Literal["yes", "no: torch without CUDA", "no: no NVIDIA driver"]


class TargetState(BaseModel):
    """What can be done with one target here.

    Attributes:
        target: its name.
        can_export: its converter is installed.
        can_run: its own runtime can compute the artifact on this machine.
        can_verify: `executed` by that runtime, `evaluated` by our evaluator of the artifact's program, or `no`.
        reason: why not, or what is unusual.
        fix: the command that mends it; empty where there is nothing to mend.
    """

    target: str
    can_export: bool
    can_run: bool
    can_verify: Literal["executed", "evaluated", "no"]
    reason: str
    fix: str

    @property
    def possible(self) -> bool:
        """It can be exported, and the result verified."""
        return self.can_export and self.can_verify != "no"


class FormatsState(BaseModel):
    """The packages of the extra `formats`, without which some recordings cannot be read.

    Attributes:
        packages: each with its version; None where it is not installed.
        fix: the command that brings them; empty where all are there.
    """

    packages: dict[str, str | None]
    fix: str


class EngineState(BaseModel):
    """One engine that runs firmware, the compiler of its images, which only changed firmware needs, or Vela.

    Attributes:
        engine: its name.
        cores: those that it can run.
        version: of the emulator or compiler; None where it is not installed.
        fix: the command that brings it; empty where it is there.
    """

    engine: str
    cores: list[str]
    version: str | None
    fix: str


class FieldState(BaseModel):
    """A runtime beside LiteRT in which a .tflite can be proven; `fix` is empty where it is installed."""

    runtime: str
    version: str | None
    fix: str


class DoctorReport(BaseModel):
    """The machine, its targets, other runtimes, what reads recordings, and what runs firmware."""

    machine: Machine
    targets: list[TargetState]
    field_runtimes: list[FieldState]
    formats: FormatsState
    engines: list[EngineState]
    cross_compiler: EngineState
    vela: EngineState


def check(target: str | None = None) -> DoctorReport:
    """Look at the machine and at one target, or all.

    Raises:
        BadInput: no such target.
    """
    infos = [target_info(target)] if target else list(TARGETS.values())
    return DoctorReport(
        machine=machine(),
        targets=[target_state(info) for info in infos],
        field_runtimes=[field_state(runtime) for runtime in FIELD_RUNTIMES.values()],
        formats=formats_state(),
        engines=[engine_state(engine) for engine in ENGINES.values()],
        cross_compiler=_state("cross-compiler", list(BOARDS), lambda: cross_compiler().version()),
        vela=_state("vela", sorted({device.npu for device in devices().values() if device.npu}), vela_version),
    )


def machine() -> Machine:
    """This machine, as far as it matters to training and export."""
    return Machine(
        edgeacc=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        torch=installed_version("torch"),
        cuda=_cuda(),
    )


def target_state(info: TargetInfo) -> TargetState:
    """What can be done with one target here, and why not."""
    to_convert = missing_packages(info.name, "convert")
    to_run = missing_packages(info.name, "run")
    missing = list(dict.fromkeys(to_convert + to_run))
    others = _unproven_versions(info)
    reasons = [f"not installed: {', '.join(missing)}"] if missing else []
    reasons += [f"other version than the proven one: {', '.join(others)}"] if others else []
    if not reasons and info.level == "evaluated":
        reasons = ["its runtime needs Apple hardware; our evaluator computes the artifact's program"]
    return TargetState(
        target=info.name,
        can_export=not to_convert,
        can_run=not to_run and info.level == "executed",
        can_verify="no" if to_run else info.level,
        reason="; ".join(reasons),
        fix=_install(info.extra) if missing or others else "",
    )


def field_state(runtime: FieldRuntime) -> FieldState:
    """Whether a runtime is there; nothing is run."""
    try:
        return FieldState(runtime=runtime.name, version=runtime.version(), fix="")
    except NotPossibleHere as error:
        return FieldState(runtime=runtime.name, version=None, fix=error.next_command)


def formats_state() -> FormatsState:
    """What is there of the extra `formats`."""
    packages = {name: installed_version(name) for name in FORMATS_PACKAGES}
    whole = None not in packages.values()
    return FormatsState(packages=packages, fix="" if whole else _install("formats"))


def engine_state(engine: Engine) -> EngineState:
    """Whether an engine is there; nothing is emulated."""
    return _state(engine.name, list(engine.cores), engine.version)


def _state(name: str, cores: list[str], version: Callable[[], str]) -> EngineState:
    try:
        return EngineState(engine=name, cores=cores, version=version(), fix="")
    except NotPossibleHere as error:
        return EngineState(engine=name, cores=cores, version=None, fix=error.next_command)


def _install(extra: str) -> str:
    return f"pip install 'edgeacc[{extra}]' -c constraints.txt"


def _unproven_versions(info: TargetInfo) -> list[str]:
    """Distributions of a target that are installed in another version than the one edgeacc's metadata pins."""
    pins = dict(re.findall(r"^([\w.-]+)==([\w.]+)", "\n".join(requires("edgeacc") or []), flags=re.MULTILINE))
    found = {name: installed_version(name) for name in dict.fromkeys(info.packages + info.runtime_packages)}
    return [f"{name} {has}, not {pins[name]}" for name, has in found.items() if has and has != pins.get(name, has)]


def _cuda() -> Literal["yes", "no: torch without CUDA", "no: no NVIDIA driver"]:
    torch = find_spec("torch")
    libraries = [Path(folder) / "lib" for folder in (torch.submodule_search_locations or [])] if torch else []
    if not any(library.glob("*torch_cuda*") for library in libraries):
        return "no: torch without CUDA"
    return "yes" if NVIDIA_DRIVER.exists() else "no: no NVIDIA driver"
