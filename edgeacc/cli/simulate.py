"""`edgeacc simulate`: what a model costs on a wearable, from compiled firmware that ran on an emulated core."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from edgeacc.cli.output import LARGEST_SEED, progress, show, table
from edgeacc.errors import BadInput, NotPossibleHere, command
from edgeacc.progress import Progress

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.export.firmware.compile import Port
    from edgeacc.firmware_sim.band import Band
    from edgeacc.firmware_sim.day_trace import DayTrace
    from edgeacc.firmware_sim.model import Model
    from edgeacc.firmware_sim.power_trace import PowerTrace
    from edgeacc.firmware_sim.profile import Target
    from edgeacc.firmware_sim.simulate import Emulator, Row, Setting, Simulation
    from edgeacc.firmware_sim.wear_day import Wearable, WearDay
    from edgeacc.signals.contract import SignalContract

COHORT = "cohort"
DAY_HOURS = 24.0
RESULT = "manifest.json"


def simulate(
    model: Annotated[
        Path, typer.Argument(metavar="BUNDLE|MODEL.tflite", help="A static-int8 bundle, or any static-int8 .tflite.")
    ],
    device: Annotated[
        list[str],
        typer.Option(help="A name from `edgeacc ls devices`; may be given several times.", show_default=False),
    ],
    inputs: Annotated[
        Path | None, typer.Option(help="An .npy of inputs (one or more inferences), int8 or real numbers.")
    ] = None,
    outputs: Annotated[Path | None, typer.Option(help="Where the emulated firmware's outputs go, as .npy.")] = None,
    hours: Annotated[
        float | None, typer.Option(help="Hours of wear from waking on; by default 24 of a bundle, none of a .tflite.")
    ] = None,
    trace: Annotated[str, typer.Option(help="`cohort`, or a store of recordings, for how much is moved.")] = COHORT,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of the wearer's day.")] = 0,
    accelerometer: Annotated[str, typer.Option(help="Worn with the device.")] = "adxl367",
    optical: Annotated[str, typer.Option(help="The optical front end of the same day with PPG.")] = "adpd4000",
    battery: Annotated[str, typer.Option(help="What supplies it.")] = "lipo-100",
    radio: Annotated[bool, typer.Option("--radio", help="Count the sending of each embedding.")] = False,
    measured: Annotated[
        Path | None,
        typer.Option("--import", metavar="CSV", help="A power analyser's trace instead of the model of energy."),
    ] = None,
    supply_v: Annotated[float | None, typer.Option(help="The trace's supply, where it has no column of it.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A folder for JSON and pictures.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Compile a model, run it on the emulated core of each device, and tell memory, time, energy and battery life.

    Every figure is a band: low, typical, high. What depends on an unknown number is null.
    """
    from edgeacc.files import refuse_existing
    from edgeacc.firmware_sim.profile import target
    from edgeacc.firmware_sim.simulate import require_one_measured

    targets = [target(name) for name in dict.fromkeys(device)]
    worn = worn_with(accelerometer, optical, battery, radio=radio)
    for path in (output, outputs):
        if path is not None:
            refuse_existing(path, force=force, inputs=[model])
    power = _trace(measured, supply_v)
    require_one_measured(power, targets)
    wear = _Wear(hours, trace, seed)
    of_a_day = {"--trace": trace != COHORT, "--seed": seed != 0, "--radio": radio}
    asked = [option for option, given in of_a_day.items() if given]
    result, emulator, setting, port = _simulate(model, inputs, targets, worn, wear, power, asked)
    _keep(result, emulator, setting, port, output, outputs, force=force)
    for problem in dict.fromkeys(problem for row in result.rows for problem in row.unknown):
        devices = ", ".join(row.device for row in result.rows if problem in row.unknown)
        sys.stderr.write(f"edgeacc: {devices}: {problem}\n")
    show(result, _tables(result), as_json=json)
    if all(row.latency_ms is None for row in result.rows):
        raise NotPossibleHere("no device's latency is known here", next_command=command("edgeacc", "doctor"))


class _Wear(NamedTuple):
    """The day that is asked for: hours, or None for what suits the model; where it comes from; its seed."""

    hours: float | None
    trace: str
    seed: int


def worn_with(accelerometer: str, optical: str, battery: str, *, radio: bool) -> "Callable[[Target], Wearable]":
    """A device with these parts beside it; raises BadInput for one that is not known."""
    from edgeacc.firmware_sim.profile import accelerometers, batteries, chosen, opticals
    from edgeacc.firmware_sim.wear_day import Wearable

    parts = (
        chosen("accelerometer", accelerometer, accelerometers()),
        chosen("optical front end", optical, opticals()),
        chosen("battery", battery, batteries()),
    )
    return lambda one: Wearable(one, *parts, radio)


def _trace(measured: Path | None, supply_v: float | None) -> "PowerTrace | None":
    from edgeacc.firmware_sim.power_trace import read_power_trace

    if supply_v is not None and measured is None:
        raise BadInput("--supply-v without --import", valid="--import CSV --supply-v VOLTS")
    return None if measured is None else read_power_trace(measured, supply_v)


def _simulate(
    model: Path,
    inputs: Path | None,
    targets: "Sequence[Target]",
    worn: "Callable[[Target], Wearable]",
    wear: _Wear,
    power: "PowerTrace | None",
    asked: "Sequence[str]",
) -> "tuple[Simulation, Emulator, Setting, Port]":
    from edgeacc.firmware_sim.model import open_model
    from edgeacc.firmware_sim.simulate import Setting
    from edgeacc.firmware_sim.simulate import simulate as run

    opened = open_model(model, inputs)
    contract, hours = _of_the_day(opened, wear.hours)
    if hours is None and asked:
        raise BadInput(f"{', '.join(asked)}: a .tflite has no day of wear by itself", valid="--hours 24")
    with progress("simulate") as report:
        day = None if hours is None else _day(wear.trace, contract, hours, wear.seed, report)
        setting = Setting(worn, day, contract, power)
        emulator = opened.emulator()
        return run(opened.subject, targets, emulator, setting), emulator, setting, opened.output


def _of_the_day(subject: "Model", hours: float | None) -> "tuple[SignalContract, float | None]":
    """Contract and length of the wear: a foreign model has no contract of its own and no day unless it is asked for."""
    from edgeacc.signals.contract import DEFAULT

    contract = subject.subject.contract
    if contract is None:
        return DEFAULT, hours
    return contract, DAY_HOURS if hours is None else hours


def _day(trace: str, contract: "SignalContract", hours: float, seed: int, report: Progress) -> "DayTrace":
    from edgeacc.firmware_sim.day_trace import cohort_trace, store_trace
    from edgeacc.windows.store import open_store

    if trace == COHORT:
        return cohort_trace(contract, hours, seed, report)
    return store_trace(open_store(Path(trace)), contract, hours, seed)


def _keep(
    result: "Simulation",
    emulator: "Emulator",
    setting: "Setting",
    port: "Port",
    output: Path | None,
    outputs: Path | None,
    *,
    force: bool,
) -> None:
    """The result and each core's run as JSON, the pictures of the day, and the firmware's outputs."""
    from edgeacc.files import replacing, write_json
    from edgeacc.firmware_sim.counts import to_json
    from edgeacc.firmware_sim.plots import draw_all
    from edgeacc.firmware_sim.tensors import write_outputs

    if outputs is not None:
        write_outputs(outputs, emulator.outputs(), port, force=force)
    if output is None:
        return
    with replacing(output, force=force) as beside:
        beside.mkdir()
        write_json(beside / RESULT, result)
        for core, made in emulator.runs.items():
            (beside / f"run-{core}.json").write_text(to_json(made))
        days = {row.device: row.day for row in result.rows if row.day is not None}
        if setting.day is not None and days:
            draw_all(days, setting.day, setting.contract, beside)


def _tables(result: "Simulation") -> "list[Table]":
    columns = ("device", "flash", "RAM", "time [ms]", "energy [uJ]", "days", "by")
    rows = [
        (
            row.device,
            _kib(row.flash_bytes, row.flash_of_bytes),
            _kib(row.ram_bytes, row.ram_of_bytes),
            told(row.latency_ms),
            told(row.energy_uj),
            told(row.battery_days),
            None if row.engine is None else row.engine.rsplit(" ", 1)[0],
        )
        for row in result.rows
    ]
    title = f"{result.model}: one inference of {result.macs / 1e6:.3g} M MACs, typical (low to high); memory in KiB"
    days = [row for row in result.rows if row.day is not None]
    return [table(title, columns, rows), *([_day_table(days, result.measured is not None)] if days else [])]


def _day_table(rows: "list[Row]", measured: bool) -> "Table":
    columns = ("device", "sensor", "late", "power [uW]", "days", "most energy")
    cells = [
        (
            row.device,
            side.sensor,
            told(day.windows_late),
            told(side.mean_power_uw),
            told(side.battery_days),
            _largest(side.energy_mj),
        )
        for row in rows
        if (day := row.day) is not None
        for side in (day.accelerometer, day.ppg)
    ]
    by = "; by the model of energy, not by the trace" if measured else ""
    return table(_day_title(rows[0].day) + by, columns, cells)


def _day_title(day: "WearDay | None") -> str:
    """The windows of the day are the same for every device."""
    if day is None:
        return ""
    counts = f"{day.windows_run} windows run, {day.windows_gated} gated for motion"
    return f"{day.hours:g} h of wear ({day.trace}): {counts}; days on {day.battery}, for this function alone"


def told(band: "Band | None") -> str | None:
    """Typical, and low to high where they differ, in three digits."""
    if band is None:
        return None
    low, typical, high = (_short(end) for end in band)
    return typical if low == high else f"{typical} ({low}-{high})"


def _short(value: float) -> str:
    """Three digits; thousands as k, millions as M."""
    if value >= 999_500:
        return f"{value / 1e6:.3g}M"
    if value >= 9_995:
        return f"{value / 1e3:.3g}k"
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


def _kib(used: int, there: int | None) -> str:
    return f"{used / 1024:.0f}" + ("" if there is None else f"/{there / 1024:.0f}")


def _largest(energy_mj: "dict[str, Band | None]") -> str | None:
    known = {name: band.typical for name, band in energy_mj.items() if band is not None}
    if len(known) < len(energy_mj):
        return None
    name = max(known, key=lambda part: known[part])
    return f"{name} {100 * known[name] / sum(known.values()):.0f} %"
