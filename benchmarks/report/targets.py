"""Sections of artifacts: the table of targets, latency, what wearables need, and what pays for what."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from edgeacc.benchmarks.report import plots
from edgeacc.benchmarks.report.page import Cell, Figure, Section, Table
from edgeacc.benchmarks.report.provenance import SIMULATED, told_machine
from edgeacc.benchmarks.report.report import Layers, Report, TargetRow
from edgeacc.benchmarks.report.summary import digits, signed
from edgeacc.benchmarks.results import BenchResult, Row
from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.simulate import Simulation

_DASH = "–"
NOT_TIMED = "no `edgeacc bench` result holds it"
NO_ARENA = "no `edgeacc bench` result tells it"
NOT_SIMULATED = "no `edgeacc simulate` result holds it"


class _Column(NamedTuple):
    """A column of the table of targets: what it shows of a row, where that comes from, and whether terminals get it."""

    title: str
    shown: Callable[[TargetRow], str | None]
    source: Callable[[TargetRow], str]
    in_terminal: bool = False


def _columns(report: Report) -> list[_Column]:
    ran = NOT_TIMED if report.bench is None else told_machine(report.bench)

    def checked(row: TargetRow) -> str:
        return row.checked_by

    def timed(row: TargetRow) -> str:
        return _why_not_timed(row, report.bench) if row.p50_ms is None else ran

    def planned(row: TargetRow) -> str:
        return row.arena_by or NO_ARENA

    def simulated(row: TargetRow) -> str:
        bands = {"ms": row.device_ms, "uJ": row.energy_uj, "days": row.battery_days}
        said = ", ".join(f"{told(band)} {unit}" for unit, band in bands.items() if band)
        return f"edgeacc simulate on {row.device}, typical of {said}" if row.device else NOT_SIMULATED

    def reference(_: TargetRow) -> str:
        gpu = report.reference
        if gpu is None:
            return "no GPU reference was given, and none is recorded"
        return f"of {gpu.p50_ms:.3g} ms on {gpu.device}, {gpu.precision}, batch 1, {gpu.date_utc}"

    gpu_title = "times GPU" if report.reference else "times GPU (none recorded)"
    return [
        _Column("size (KiB)", lambda row: _form(row.size_bytes, ",.0f", 1 / 1024), checked, True),
        _Column("SNR (dB)", lambda row: _form(row.snr_db, ".1f"), checked, True),
        _Column("floor (dB)", lambda row: _form(row.min_snr_db, "g"), checked, True),
        _Column("task cost (bpm)", _cost, checked, True),
        _Column("p50 (ms)", lambda row: _form(row.p50_ms, ".2f"), timed, True),
        _Column("p99 (ms)", lambda row: _form(row.p99_ms, ".2f"), timed),
        _Column("times faster than eager", lambda row: _form(row.vs_eager, ".2f"), timed),
        _Column(gpu_title, lambda row: _form(row.vs_reference, ",.1f"), reference),
        _Column("planned arena (KiB)", lambda row: _arena(row.arena_bytes) if row.arena_by else None, planned),
        _Column("memory added (MiB)", lambda row: _form(row.memory_bytes, ",.1f", 2**-20), timed),
        _Column("on device (ms)", lambda row: _typical(row.device_ms), simulated),
        _Column("energy (uJ)", lambda row: _typical(row.energy_uj), simulated),
        _Column("battery (days)", lambda row: _typical(row.battery_days), simulated),
    ]


def targets_section(report: Report) -> Section:
    """The table of artifacts with all that is known of them."""
    columns = _columns(report)
    rows: list[list[str | Cell]] = [
        [row.recipe, row.target or _DASH, *(Cell(c.shown(row) or _DASH, c.source(row)) for c in columns), _state(row)]
        for row in report.targets
    ]
    return Section(
        "Every target",
        table=Table(["recipe", "target", *(column.title for column in columns), "checked"], rows, texts=2),
        note=(
            "SNR: signal-to-noise ratio of the embedding against the fp32 network, mean removed, on the bundle's "
            "golden windows. Task cost: heart-rate error that the conversion added. Executed: by the target's own "
            "runtime; evaluated: our evaluator computed the artifact's own program. Battery: for this function alone. "
            "Where a number comes from, or why there is none, is told where the pointer rests on it."
        ),
    )


def targets_in_short(report: Report) -> Table:
    """The same for a terminal: fewer columns, and those alone in which something is known."""
    rows = report.targets
    columns = [column for column in _columns(report) if column.in_terminal and any(map(column.shown, rows))]
    cells = [[row.recipe, row.target or _DASH, *(c.shown(row) or _DASH for c in columns), _state(row)] for row in rows]
    return Table(["recipe", "target", *(column.title for column in columns), "checked"], cells, texts=2)


def as_csv(rows: Sequence[TargetRow]) -> str:
    """One line per artifact; names with units, bands as three columns, nothing where nothing is known."""
    stream = io.StringIO()
    names = list(TargetRow.model_fields)
    bands = ("device_ms", "energy_uj", "battery_days")
    ends = {name: [f"{name}_{end}" for end in Band._fields] if name in bands else [name] for name in names}
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([title for name in names for title in ends[name]])
    for row in rows:
        writer.writerow([value for name in names for value in _ends(getattr(row, name), len(ends[name]))])
    return stream.getvalue()


def _ends(value: object, count: int) -> Sequence[object]:
    return value if isinstance(value, Band) else [value] * count


def latency_section(bench: BenchResult, rows: Sequence[TargetRow]) -> Section:
    """Latency of every artifact beside PyTorch, and what a decibel costs."""
    timed = [plots.Latency(row.name, row.warm.p50_ms, row.warm.p99_ms) for row in bench.rows if row.warm]
    caption = (
        f"Warm, on {bench.machine.cpu}, not on a watch; one thread, one window a call, but where the name says "
        "otherwise; line: to the 99th percentile."
    )
    warnings = " ".join(f"{text[:1].upper()}{text[1:]}." for text in bench.warnings)
    columns = ["name", "state", "SNR (dB)", "load (ms)", "first call (ms)", "p50 (ms)", "p90 (ms)", "p99 (ms)"]
    cells = [[row.name, row.state, *(value or _DASH for value in _timings(row))] for row in bench.rows]
    return Section(
        "Latency",
        figures=[
            *([Figure(plots.latency(timed), caption, told_machine(bench))] if timed else []),
            *pareto_figures(rows, bench),
            *(_layer_times(row, f"times{n}", told_machine(bench)) for n, row in enumerate(bench.rows) if row.layers),
        ],
        table=Table(
            [*columns, "longest (ms)", "cpu (ms)", "times its floor", "times faster than eager"],
            cells,
            texts=2,
            folded=True,
            source=told_machine(bench),
        ),
        note=f"{told_machine(bench)}. An artifact takes one window a call, as it was converted. {warnings}".strip(),
    )


SMALL = 0.01
"""Share of an inference below which layers are drawn together (our choice)."""


def _layer_times(row: Row, name: str, source: str) -> Figure:
    all_ms = sum(layer.ms for layer in row.layers)
    large = [layer for layer in row.layers if layer.ms >= SMALL * all_ms]
    drawn = [(f"{layer.name} {layer.operator}", layer.ms) for layer in large]
    if others := len(row.layers) - len(large):
        drawn.append((f"{others} others, each under {SMALL:.0%}", all_ms - sum(layer.ms for layer in large)))
    caption = (
        f"{row.name}, layer by layer as its runtime executes it on one thread: {all_ms:.2f} ms together, told by the "
        "runtime's profiler, which takes time itself."
    )
    return Figure(plots.layer_times(drawn, name), caption, f"the runtime's profiler; {source}")


def parts_section(bench: BenchResult) -> Section | None:
    """Preparation, inference and probe of one window apart; None where they were not measured."""
    parts, best = bench.parts, bench.best("artifact")
    if parts is None or best is None or best.warm is None:
        return None
    told = [
        ("preparation: raw g to the network's input, by Python", parts.prepare_ms),
        (f"inference: {best.name}, the artifact that takes the least", best.warm.p50_ms),
        ("probe: embedding to heart rate, by Python", parts.probe_ms),
    ]
    rows = [
        [part, f"{wall_ms:.3f}", f"{wall_ms / best.warm.p50_ms:.3f}"] for part, wall_ms in told if wall_ms is not None
    ]
    return Section(
        "One window, part by part",
        table=Table(["part", "median (ms)", "over inference"], rows, source=f"wall time; {told_machine(bench)}"),
        note="A watch prepares and probes in compiled code; an artifact of raw g (`-raw`) prepares within its call.",
    )


def memory_section(bench: BenchResult) -> Section:
    """Size, planned arena and resident memory of every contender."""
    rows: list[list[str | Cell]] = [
        [
            row.name,
            Cell(_form(row.size_bytes, ",.0f", 1 / 1024) or _DASH, "of the artifact, or of the peer's weights"),
            Cell(_stored(row.weights), "in the artifact's own file") if row.weights else Cell(_DASH, NO_ARENA),
            Cell(_arena(row.arena.size_bytes), row.arena.source) if row.arena else Cell(_DASH, NO_ARENA),
            *(_form(size, ",.1f", 2**-20) or _DASH for size in _resident(row)),
        ]
        for row in bench.rows
    ]
    resident = ("before loading (MiB)", "peak (MiB)", "added (MiB)")
    columns = ["name", "size (KiB)", "weights (KiB)", "planned arena (KiB)", *resident]
    return Section(
        "Memory",
        table=Table(columns, rows, folded=True, source=f"of a fresh process; {told_machine(bench)}"),
        note=(
            "Planned arena: memory for what is computed, as the artifact's own format plans it; resident memory is of "
            f"a fresh process, median of {bench.settings.cold_starts}."
        ),
    )


def _stored(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{_form(size_bytes, ',.1f', 1 / 1024)} {name}" for name, size_bytes in weights.items())


def _arena(planned_bytes: int | None) -> str:
    return _form(planned_bytes, ",.1f", 1 / 1024) or "not told"


def _resident(row: Row) -> tuple[int | None, int | None, int | None]:
    cold = row.cold
    return (cold.baseline_rss_bytes, cold.peak_rss_bytes, row.above_baseline_bytes) if cold else (None, None, None)


def _timings(row: Row) -> list[str | None]:
    cold, warm = row.cold, row.warm
    return [
        _form(row.snr_db, ".1f"),
        _form(cold.load_ms if cold else None, ".1f"),
        _form(cold.first_ms if cold else None, ".2f"),
        _form(warm.p50_ms if warm else None, ".3f"),
        _form(warm.p90_ms if warm else None, ".3f"),
        _form(warm.p99_ms if warm else None, ".3f"),
        _form(warm.max_ms if warm else None, ".3f"),
        _form(warm.cpu_ms if warm else None, ".3f"),
        _form(row.times_floor, ".1f"),
        _form(row.vs_eager, ".2f"),
    ]


def pareto_figures(rows: Sequence[TargetRow], bench: BenchResult | None = None) -> list[Figure]:
    """What a decibel costs; none where fewer than two artifacts were checked."""
    points = [
        plots.Point(row.recipe, row.size_bytes / 1024, row.p50_ms, row.snr_db, row.checked_by)
        for row in rows
        if row.size_bytes is not None and row.snr_db is not None and not row.rejected
    ]
    if len(points) < 2:
        return []
    caption = "Up and to the left is better. Blue: nothing is better in both; where the pointer rests, its name."
    source = f"time: {told_machine(bench)}" if bench else "size and SNR: as each mark tells"
    return [Figure(plots.pareto(points), caption, source)]


def wearables_section(simulations: Sequence[Simulation], layers: Sequence[Layers]) -> Section:
    """Every simulated device, the power of its day, and where its instructions go."""
    rows = [
        [
            each.model,
            row.device,
            row.engine or _DASH,
            f"{row.flash_bytes / 1024:,.0f}",
            f"{row.ram_bytes / 1024:,.0f}",
            *(told(band) or Cell(_DASH, "; ".join(row.unknown)) for band in (row.latency_ms, row.energy_uj)),
            told(row.battery_days) or Cell(_DASH, "; ".join(row.unknown)),
        ]
        for each in simulations
        for row in each.rows
    ]
    columns = ["model", "device", "by", "flash (KiB)", "RAM (KiB)", "one window (ms)", "energy (uJ)", "battery (days)"]
    return Section(
        "On wearables, simulated",
        figures=[
            *(figure for number, each in enumerate(simulations) for figure in _day(each, f"power{number}")),
            *(_layers(run, f"layers{number}") for number, run in enumerate(layers)),
        ],
        table=Table(columns, rows, texts=3, source=SIMULATED),
        note="Instructions are counted; cycles, energy and days are bands from sourced or estimated numbers.",
    )


def _day(simulation: Simulation, name: str) -> list[Figure]:
    days = [(row.device, row.day) for row in simulation.rows if row.day is not None and row.day.power_uw]
    if not days:
        return []
    lines = [
        plots.PowerLine(device, day.power_uw or [], day.ppg.mean_power_uw.typical if day.ppg.mean_power_uw else None)
        for device, day in days
    ]
    day = days[0][1]
    caption = (
        f"{simulation.model}, {day.hours:g} h of wear ({day.trace}): {day.windows_run} windows run, "
        f"{day.windows_gated} gated for motion; typical. Dashed: mean of the same day with the optical sensor."
    )
    return [Figure(plots.power(lines, day.hours, name), caption, "edgeacc simulate, typical")]


def _layers(run: Layers, name: str) -> Figure:
    caption = f"Layer by layer on Cortex-{run.core.upper()}, by {run.engine}."
    return Figure(plots.layers(run.layers, name), caption, f"edgeacc simulate, counted by {run.engine}")


def _why_not_timed(row: TargetRow, bench: BenchResult | None) -> str:
    states = {each.name: each for each in bench.rows} if bench else {}
    if row.rejected:
        return "rejected, so not timed"
    if row.recipe in states:
        return f"{states[row.recipe].state} {states[row.recipe].reason}".strip()
    return NOT_TIMED


def _state(row: TargetRow) -> str:
    return "rejected" if row.rejected else row.level or _DASH


def _cost(row: TargetRow) -> str | None:
    return None if row.task_cost_bpm is None else signed(row.task_cost_bpm)


def _form(value: float | None, form: str, scale: float = 1.0) -> str | None:
    return None if value is None else format(value * scale, form)


def _typical(band: Band | None) -> str | None:
    return None if band is None else digits(band.typical)


def told(band: Band | None) -> str | None:
    """Typical, and low to high where they differ."""
    if band is None:
        return None
    low, typical, high = map(digits, band)
    return typical if low == high else f"{typical} ({low}–{high})"
