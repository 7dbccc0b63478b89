"""Latency: executed instructions of each class x cycles of that class on the core, plus waits for memory; a band."""

from dataclasses import asdict

from edgeacc.firmware_sim.band import Band, total
from edgeacc.firmware_sim.counts import InstructionCounts
from edgeacc.firmware_sim.profile import Core, Device, OperatingPoint, cores
from edgeacc.firmware_sim.vela import VelaEstimate


def inference_cycles(device: Device, executed: InstructionCounts | None, macs: int) -> Band | None:
    """Cycles of one inference.

    Args:
        device: what it runs on.
        executed: what one inference executed; None where nothing was emulated.
        macs: the model's multiply-accumulates, which count where nothing was emulated.

    Returns:
        Where a device has both, an emulated core and cycles per multiply-accumulate, the latter are of tuned kernels
        and give the low end. None where a number is unknown: nothing was emulated, or a class that the core's profile
        does not have.
    """
    if device.cycles_per_mac is not None and executed is None:
        return device.cycles_per_mac.band.times(macs)
    if executed is None or device.core is None:
        return None
    core = core_cycles(cores()[device.core], executed)
    waits = _stalls(device, executed)
    if core is None or waits is None:
        return None
    found = total([core, waits])
    if device.cycles_per_mac is None:
        return found
    return found._replace(low=min(found.low, device.cycles_per_mac.low * macs))


def npu_cycles(device: Device, estimate: VelaEstimate, left: InstructionCounts) -> Band | None:
    """Cycles of an accelerator by Vela's estimate, and of the core for the layers left to it; one clock for both.

    Returns:
        None where a number is unknown.
    """
    waits = _stalls(device, left)
    if device.npu_host is None or device.npu_margin is None or waits is None:
        return None
    host = core_cycles(cores()[device.npu_host], left)
    return None if host is None else total([estimate.cycles.times(device.npu_margin.band), host, waits])


def core_cycles(core: Core, executed: InstructionCounts) -> Band | None:
    """Cycles without waits for memory; None where the core executed a class that its profile does not have."""
    seen = {name: count for name, count in asdict(executed).items() if count}
    if not set(seen) <= set(core.cycles):
        return None
    return total(core.cycles[name].band.times(count) for name, count in seen.items())


def milliseconds(cycles: Band | None, point: OperatingPoint) -> Band | None:
    """The time that so many cycles take."""
    return None if cycles is None else cycles.over(point.clock_mhz.band).times(1e-3)


def _stalls(device: Device, executed: InstructionCounts) -> Band | None:
    if device.fetch_stall is None or device.load_stall is None:
        return None
    loads = executed.load + executed.load_words + executed.mve_load
    return total([device.fetch_stall.band.times(executed.total), device.load_stall.band.times(loads)])
