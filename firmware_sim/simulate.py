"""What a compiled model costs on each device: memory, latency, energy of one inference, and a day of wear."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.counts import EngineRun, InstructionCounts
from edgeacc.firmware_sim.day_trace import DayTrace
from edgeacc.firmware_sim.energy import DAY_S, active_uj, battery_days
from edgeacc.firmware_sim.engines.layers import summed
from edgeacc.firmware_sim.latency import inference_cycles, milliseconds, npu_cycles
from edgeacc.firmware_sim.power_trace import PowerTrace
from edgeacc.firmware_sim.profile import Battery, Device, Target
from edgeacc.firmware_sim.quantity import Quantity
from edgeacc.firmware_sim.vela import VelaEstimate
from edgeacc.firmware_sim.wear_day import AXES, Wearable, WearDay, wear_day
from edgeacc.signals.contract import SignalContract

BYTES_PER_SAMPLE = 2
"""Of the buffer in which a window is collected: standard scores need the whole of it, so that it holds 16 bits."""
STACK_UNKNOWN_BYTES = 4096
CODE_UNKNOWN_BYTES = 32768
"""Counted for stack and code where nothing was emulated; our estimates, above what the runtime uses."""


@dataclass(frozen=True)
class Subject:
    """A compiled model.

    Attributes:
        name: for people.
        macs: multiply-accumulates of one inference.
        weights_bytes: of the blob, in flash.
        arena_bytes: working memory and state, in RAM.
        contract: of its windows; None for a foreign model, which collects none.
    """

    name: str
    macs: int
    weights_bytes: int
    arena_bytes: int
    contract: SignalContract | None

    @property
    def window_bytes(self) -> int:
        """Of the buffer in which a window is collected."""
        return 0 if self.contract is None else AXES * BYTES_PER_SAMPLE * self.contract.samples


class Emulator:
    """Runs a model once on each core that is asked for, and keeps the run or why there is none.

    Attributes:
        runs: so far, by the engines' names of the cores.
        why_not: of the cores that nothing here runs.
    """

    def __init__(
        self,
        run: Callable[[str], EngineRun],
        code_bytes: Callable[[str], int],
        npu: Callable[[str], VelaEstimate] | None = None,
    ) -> None:
        """Keep how it is done.

        Args:
            run: emulates a core; raises NotPossibleHere where nothing here can.
            code_bytes: of the core's image.
            npu: Vela's estimate on an accelerator, or none is asked for; raises NotPossibleHere as `run`.
        """
        self.code_bytes = code_bytes
        self.runs: dict[str, EngineRun] = {}
        self.why_not: dict[str, str] = {}
        self._run = run
        self._npu = npu
        self._estimates: dict[str, VelaEstimate] = {}

    def on(self, core: str) -> EngineRun | None:
        """The run on a core; None where there is none, and `why_not` says why."""
        if core not in self.runs and core not in self.why_not:
            try:
                self.runs[core] = self._run(core)
            except NotPossibleHere as error:
                self.why_not[core] = _why(error)
        return self.runs.get(core)

    def on_npu(self, accelerator: str) -> VelaEstimate | None:
        """Vela's estimate; None where there is none, and `why_not` says why."""
        if self._npu is not None and accelerator not in self._estimates and accelerator not in self.why_not:
            try:
                self._estimates[accelerator] = self._npu(accelerator)
            except NotPossibleHere as error:
                self.why_not[accelerator] = _why(error)
        return self._estimates.get(accelerator)

    def outputs(self) -> tuple[bytes, ...]:
        """What the firmware put out, the same on every core.

        Raises:
            NotPossibleHere: no core was emulated, so that there are none.
        """
        if not self.runs:
            raise NotPossibleHere(
                "no firmware ran, so that there are no outputs", valid="a device whose core runs here"
            )
        return next(iter(self.runs.values())).outputs


def _why(error: NotPossibleHere) -> str:
    return error.problem + (f" (next: {error.next_command})" if error.next_command else "")


class Row(BaseModel):
    """A model on one device; a band is low, typical, high; None is unknown.

    Attributes:
        engine: what executed the firmware and its version; `Vela estimate` where an accelerator does part of it;
            `estimate` where latency comes from the device's cycles per multiply-accumulate.
        flash_bytes: code and weights; ram_bytes: arena, stack, and the buffer of a window.
        unknown: why something is not known, or known worse than it might be.
    """

    model_config = ConfigDict(frozen=True)

    device: str
    title: str
    core: str | None
    engine: str | None
    flash_bytes: int
    flash_of_bytes: int | None
    ram_bytes: int
    ram_of_bytes: int | None
    instructions: int | None
    cycles: Band | None
    cycles_per_mac: Band | None
    latency_ms: Band | None
    energy_uj: Band | None
    battery_days: Band | None
    day: WearDay | None
    unknown: list[str]


class Simulation(BaseModel):
    """A model on several devices; `measured` is the power analyser's trace that replaces the model of energy."""

    model_config = ConfigDict(frozen=True)

    model: str
    macs: int
    contract_digest: str | None
    trace: str | None
    measured: PowerTrace | None
    rows: list[Row]


@dataclass(frozen=True)
class Setting:
    """What every device is simulated with.

    Attributes:
        worn: what is worn with a device.
        day: the wear; None for one inference alone.
        contract: of the day's windows.
        measured: a trace of the one device: of one inference, or with a day of the device at work.
    """

    worn: Callable[[Target], Wearable]
    day: DayTrace | None
    contract: SignalContract
    measured: PowerTrace | None = None


def simulate(subject: Subject, targets: Sequence[Target], emulator: Emulator, setting: Setting) -> Simulation:
    """One row a device.

    Raises:
        BadInput: the model does not fit a device (which memory, by how many bytes), or a measured trace for several.
    """
    require_one_measured(setting.measured, targets)
    for target in targets:
        require_fits(_sized(subject, target, emulator), target.device, _code_bytes(target, emulator))
    return Simulation(
        model=subject.name,
        macs=subject.macs,
        contract_digest=None if subject.contract is None else subject.contract.digest,
        trace=None if setting.day is None else setting.day.name,
        measured=setting.measured,
        rows=[_row(subject, target, emulator, setting) for target in targets],
    )


def require_one_measured(measured: PowerTrace | None, targets: Sequence[Target]) -> None:
    """Raise BadInput where a trace, which is of one device, is given for several."""
    if measured is not None and len(targets) != 1:
        raise BadInput(f"a measured trace for {len(targets)} devices", valid="one --device, the one that was measured")


def core_of(target: Target) -> str:
    """The engines' name of a device's core, or of the one beside its accelerator: `m4` of `cortex-m4`."""
    return (target.device.core or target.device.npu_host or "").removeprefix("cortex-")


def require_fits(subject: Subject, device: Device, code_bytes: int) -> None:
    """Refuse a model that is too large for a device, before anything runs.

    Raises:
        BadInput: which memory, what fills it, and by how many bytes it is too small.
    """
    stack = STACK_UNKNOWN_BYTES
    needs: tuple[tuple[str, Quantity | None, dict[str, int]], ...] = (
        ("flash", device.flash_kib, {"weights": subject.weights_bytes, "code": code_bytes}),
        ("RAM", device.ram_kib, {"arena": subject.arena_bytes, "window": subject.window_bytes, "stack": stack}),
    )
    problems = [
        f"{memory}: {sum(parts.values()) - _bytes(there)} bytes too few of {_bytes(there)} for "
        + ", ".join(f"{name} {size}" for name, size in parts.items())
        for memory, there, parts in needs
        if there is not None and sum(parts.values()) > _bytes(there)
    ]
    if problems:
        raise BadInput.several(f"{subject.name} on {device.name}", problems, valid="a smaller model, or another device")


def _estimate(target: Target, emulator: Emulator) -> VelaEstimate | None:
    """Vela's, where the layers that it leaves to the core run here too."""
    npu = target.device.npu
    return None if npu is None or emulator.on(core_of(target)) is None else emulator.on_npu(npu)


def _sized(subject: Subject, target: Target, emulator: Emulator) -> Subject:
    """With the weights and working memory that Vela gives the accelerator."""
    made = _estimate(target, emulator)
    return subject if made is None else replace(subject, weights_bytes=made.flash_bytes, arena_bytes=made.sram_bytes)


def _code_bytes(target: Target, emulator: Emulator) -> int:
    known = target.device.core is not None or _estimate(target, emulator) is not None
    return emulator.code_bytes(core_of(target)) if known else 0


def _cycles(
    subject: Subject, target: Target, emulator: Emulator
) -> tuple[Band | None, InstructionCounts | None, str | None]:
    """Cycles, instructions of the core, and by what they are known."""
    device = target.device
    estimate = _estimate(target, emulator)
    run = emulator.on(core_of(target)) if device.core is not None or estimate is not None else None
    if estimate is not None and run is not None:
        left = summed([layer for layer in run.layers if layer.name in estimate.left])
        return npu_cycles(device, estimate, left), left, f"Vela estimate {estimate.version}"
    executed = None if run is None else run.total
    engine = "estimate" if device.cycles_per_mac else None
    if run is not None:
        also = " estimate" if device.cycles_per_mac else ""
        engine = f"{run.engine}{also} {run.version}"
    return inference_cycles(device, executed, subject.macs), executed, engine


def _row(subject: Subject, target: Target, emulator: Emulator, setting: Setting) -> Row:
    device, point = target
    cycles, executed, engine = _cycles(subject, target, emulator)
    sized, run = _sized(subject, target, emulator), emulator.runs.get(core_of(target))
    energy_uj = active_uj(cycles, point)
    day = None if setting.day is None else wear_day(setting.day, setting.contract, setting.worn(target), cycles)
    days = None if day is None else day.accelerometer.battery_days
    if setting.measured is not None:
        energy_uj, days = _measured(setting, setting.worn(target).battery)
    stack = STACK_UNKNOWN_BYTES if run is None or run.ram_stack_bytes is None else run.ram_stack_bytes
    return Row(
        device=target.name,
        title=device.title,
        core=device.core,
        engine=engine,
        flash_bytes=sized.weights_bytes + _code_bytes(target, emulator),
        flash_of_bytes=_bytes(device.flash_kib) if device.flash_kib else None,
        ram_bytes=sized.arena_bytes + sized.window_bytes + stack,
        ram_of_bytes=_bytes(device.ram_kib) if device.ram_kib else None,
        instructions=None if executed is None else executed.total,
        cycles=cycles,
        cycles_per_mac=None if cycles is None or not subject.macs else cycles.times(1 / subject.macs),
        latency_ms=milliseconds(cycles, point),
        energy_uj=energy_uj,
        battery_days=days,
        day=day,
        unknown=list(_unknown(target, emulator.why_not, cycles, day)),
    )


def _measured(setting: Setting, battery: Battery) -> tuple[Band | None, Band | None]:
    """Energy of one inference, or with a day the battery's life, from the power analyser's trace."""
    trace = setting.measured
    if trace is None:
        return None, None
    if setting.day is None:
        return _exactly(1e3 * trace.energy_mj), None
    return None, battery_days(battery, _exactly(1e-3 * trace.mean_power_uw * DAY_S))


def _exactly(value: float) -> Band:
    return Band(value, value, value)


def _unknown(target: Target, why_not: Mapping[str, str], cycles: Band | None, day: WearDay | None) -> Iterator[str]:
    why = why_not.get(core_of(target)) or why_not.get(target.device.npu or "")
    if why is not None and target.device.cycles_per_mac is not None:
        yield f"latency by cycles per multiply-accumulate alone: {why}"
    elif why is not None:
        yield f"latency unknown: {why}"
    elif cycles is None:
        yield f"latency unknown: the profile of {target.device.name} or its core lacks a number"
    if target.point.active_pj_per_cycle is None:
        yield f"energy unknown at the operating point {target.point.name}"
    if day is not None and day.accelerometer.unknown:
        yield f"the day's energy unknown: {', '.join(day.accelerometer.unknown)}"


def _bytes(memory: Quantity) -> int:
    return round(1024 * memory.low)
