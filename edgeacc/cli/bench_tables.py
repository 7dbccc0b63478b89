"""The tables of `edgeacc bench`."""

from typing import TYPE_CHECKING

from edgeacc.cli.output import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from edgeacc.benchmarks.mlperf import MlperfResult
    from edgeacc.benchmarks.results import BenchResult, Row

LATENCY = ("name", "snr_db", "load_ms", "first_ms", "p50_ms", "p90_ms", "p99_ms", "cpu_ms", "times_floor", "vs_eager")
MEMORY = ("name", "size_bytes", "baseline_rss_bytes", "peak_rss_bytes", "above_baseline_bytes")


def cycles(result: "MlperfResult") -> "Table":
    """Emulated cycles beside published ones."""
    columns = ("board", "network", "instructions_per_mac", "cycles_per_mac (low-high)", "least-median-most", "inside")
    rows = [
        (
            row.board,
            row.network,
            round(row.instructions_per_mac, 2),
            "{1:.2f} ({0:.2f}-{2:.2f})".format(*row.cycles_per_mac),
            f"{row.published.least:.2f} - {row.published.median:.2f} - {row.published.most:.2f}",
            "yes" if row.inside else "no",
        )
        for row in result.rows
    ]
    title = (
        f"Emulated cycles per multiply-accumulate beside published ones: {result.near_median} of {len(rows)} "
        f"within 25 % of the median, {result.inside} inside"
    )
    return table(title, columns, rows)


def energies(result: "MlperfResult") -> "Table":
    """Energy of one inference beside another engine's."""
    columns = ("board", "network", "energy_uj", "measured_uj", "energy_ratio", "energy_of_its_cycles_ratio")
    rows = [
        (
            row.board,
            row.network,
            None if row.energy_uj is None else round(row.energy_uj.typical, 1),
            row.measured_uj,
            short(row.energy_ratio, 2),
            short(row.energy_of_its_cycles_ratio, 2),
        )
        for row in result.rows
    ]
    title = (
        f"Energy of one inference beside another engine's: {result.near_energy} of {len(rows)} within 20 %, "
        f"{result.near_energy_of_its_cycles} by that engine's own cycles"
    )
    return table(title, columns, rows)


def bundle_tables(result: "BenchResult", suites: "Sequence[str]") -> "list[Table]":
    """What the suites of bundles found; latency always comes with what loading took."""
    tables = [_latency(result)] if {"latency", "load", "peers"} & set(suites) else []
    tables += [_memory(result), _stored(result), _arenas(result)] if "memory" in suites else []
    return [*tables, *_told(result)]


def _told(result: "BenchResult") -> "list[Table]":
    """What an engineer asks first: against the best of the usual ways, and beside the network."""
    rows: list[tuple[object, ...]] = []
    ours, theirs = result.best("artifact"), result.best("peer")
    if ours and theirs and ours.warm and theirs.warm:
        rows.append(
            ("best artifact", ours.name, f"{theirs.warm.cpu_ms / ours.warm.cpu_ms:.2f} times as fast as {theirs.name}")
        )
    if result.parts is not None:
        beside = f" ({result.parts.prepare_ms / ours.warm.p50_ms:.0%} of its p50_ms)" if ours and ours.warm else ""
        rows.append(("preparation", f"{result.parts.prepare_ms:.2f} ms", f"raw g to a window, by Python{beside}"))
    if result.parts is not None and result.parts.probe_ms is not None:
        rows.append(("probe", f"{result.parts.probe_ms:.3f} ms", "embedding to heart rate, by Python"))
    return [table("", ("", "", ""), rows)] if rows else []


def _latency(result: "BenchResult") -> "Table":
    """Latency of every contender."""
    machine, settings = result.machine, result.settings
    title = (
        f"One window at a time on {settings.threads} thread of {machine.cpu}: {settings.rounds} interleaved rounds of "
        f"{settings.calls_per_turn} calls, after a burn-in of {settings.burn_in_calls}"
    )
    if roofline := result.roofline:
        int8 = "" if roofline.int8_gops is None else f", {roofline.int8_gops:.0f} Gop/s in int8"
        title += f"; its peak: {roofline.fp32_gflops:.0f} GFLOP/s in fp32{int8}, copies {roofline.copy_gb_s:.0f} GB/s"
    return table(title, LATENCY, [_latency_cells(row) for row in result.rows])


def _memory(result: "BenchResult") -> "Table":
    """Size and memory of every contender."""
    rows = [
        (row.name, row.size_bytes, row.cold.baseline_rss_bytes, row.cold.peak_rss_bytes, row.above_baseline_bytes)
        if row.cold
        else (row.name, row.size_bytes, None, None, None)
        for row in result.rows
    ]
    return table(f"Size, and memory of a fresh process (median of {result.settings.cold_starts})", MEMORY, rows)


def _stored(result: "BenchResult") -> "Table":
    """Weights by the format that the artifact stores."""
    formats = sorted({name for row in result.rows for name in row.weights})
    rows = [(row.name, *map(row.weights.get, formats)) for row in result.rows if row.weights and row.threads == 1]
    return table("Bytes of weights by their format", ("name", *formats), rows)


def _arenas(result: "BenchResult") -> "Table":
    """Memory that formats plan for what is computed; where there is no plan, why."""
    rows = [
        (row.name, "not told" if row.arena.size_bytes is None else row.arena.size_bytes, row.arena.source)
        for row in result.rows
        if row.arena and row.threads == 1
    ]
    return table("Arena that the artifact's format plans", ("name", "arena_bytes", "by"), rows)


def _latency_cells(row: "Row") -> tuple[object, ...]:
    cold, warm = row.cold, row.warm
    return (
        row.name,
        short(row.snr_db, 1),
        short(cold.load_ms, 1) if cold else None,
        short(cold.first_ms, 2) if cold else None,
        short(warm.p50_ms, 3) if warm else row.state,
        short(warm.p90_ms, 3) if warm else None,
        short(warm.p99_ms, 3) if warm else None,
        short(warm.cpu_ms, 3) if warm else None,
        short(row.times_floor, 1),
        short(row.vs_eager, 2),
    )


def short(number: float | None, digits: int) -> float | None:
    """Rounded; None stays."""
    return None if number is None else round(number, digits)
