"""What `edgeacc compress` shows, as tables."""

from typing import TYPE_CHECKING

from edgeacc.cli.output import table

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.benchmarks.search.result import Measured, SearchResult
    from edgeacc.compression.prune import PruneResult
    from edgeacc.evaluation.bootstrap import Interval
    from edgeacc.export.task import TaskReport


def prune_tables(result: "PruneResult") -> "list[Table]":
    """A pruned network, and the units of its layers before and after."""
    pruning, macs = result.card.pruning, 1e6
    work = f"{pruning.macs_before / macs:.2f} -> {pruning.macs / macs:.2f}" if pruning is not None else None
    rows = [
        ("checkpoint", result.path),
        ("encoder", result.card.encoder.name),
        ("multiply-accumulates of a window [million]", work),
        ("SNR to the whole network, untrained [dB]", round(result.snr_db[0], 1)),
        ("SNR to the whole network, trained [dB]", round(result.snr_db[1], 1)),
    ]
    sizes = [(name, before, after) for name, (before, after) in result.sizes.items()]
    return [table("A pruned network", ("what", "value"), rows), table("Units", ("layer", "before", "after"), sizes)]


def report_tables(reports: "list[TaskReport]") -> "list[Table]":
    """What artifacts cost, what they compute in, and where they lose it."""
    tables = [_costs(reports), *_retrieval(reports), *_formats([each for each in reports if each.operations])]
    looked_into = [each for each in reports if each.layers]
    return [*tables, *([_layers(looked_into), _first_below(looked_into)] if looked_into else [])]


def _costs(reports: "list[TaskReport]") -> "Table":
    rows = [
        (each.recipe, round(each.snr_db, 1), cost.target, cost.probe, round(cost.whole.value, 3), _told(cost.cost),
         _told(cost.part, 100))
        for each in reports
        for cost in each.costs
    ]  # fmt: skip
    columns = ("recipe", "SNR [dB]", "target", "probe", "error of the network", "cost of the artifact", "in percent")
    return table(f"On {reports[0].windows} windows of {reports[0].participants} held-out people", columns, rows)


def _retrieval(reports: "list[TaskReport]") -> "list[Table]":
    """None where no teacher was given."""
    rows = [
        (each.recipe, cost.direction, cost.pool, round(100 * cost.whole.value, 2), _told(cost.cost, 100))
        for each in reports
        for cost in each.retrieval
    ]
    columns = ("recipe", "direction", "pool", "top-1 of the network [%]", "lost by the artifact [points]")
    return [table("Retrieval", columns, rows)] if rows else []


def _formats(reports: "list[TaskReport]") -> "list[Table]":
    """None where no artifact's file tells of formats."""
    if not reports:
        return []
    from edgeacc.export.precision import computing, weight_bytes

    weights = [weight_bytes(each.operations) for each in reports]
    names = sorted({name for each in weights for name in each})
    stored = [
        (report.recipe, *(round(each[name] / 1000, 1) if name in each else None for name in names))
        for report, each in zip(reports, weights, strict=True)
    ]
    computed = [
        (report.recipe, kind, sum(counts.values()), ", ".join(f"{name} {count}" for name, count in counts.items()))
        for report in reports
        for kind, counts in computing(report.operations).items()
    ]
    return [
        table("Weights by the format that the artifact stores [kB]", ("recipe", *names), stored),
        table("What flows into operations", ("recipe", "format", "operations", "which"), computed),
    ]


def _layers(reports: "list[TaskReport]") -> "Table":
    names = list(dict.fromkeys(layer.name for each in reports for layer in each.layers))
    columns = [{layer.name: round(layer.snr_db, 1) for layer in each.layers} for each in reports]
    rows = [(name, *(column.get(name) for column in columns)) for name in names]
    title = "SNR of each layer's result, what came before it included [dB]"
    return table(title, ("layer", *(each.recipe for each in reports)), rows)


def _first_below(reports: "list[TaskReport]") -> "Table":
    rows = []
    for report in reports:
        below = (layer.name for layer in report.layers if not layer.snr_db >= report.min_snr_db)
        rows.append((report.recipe, f"{report.min_snr_db:g}", next(below, None)))
    return table("First layer below the recipe's floor", ("recipe", "floor [dB]", "layer"), rows)


def _told(interval: "Interval", scale: float = 1.0) -> str:
    value = f"{scale * interval.value:+.3f}"
    if interval.low is None or interval.high is None:
        return value
    return f"{value} ({scale * interval.low:+.3f} to {scale * interval.high:+.3f})"


def search_tables(result: "SearchResult", chosen: "Measured | None") -> "list[Table]":
    """Every candidate with what it costs, and what was refused."""
    front = {each.name for each in result.front}
    rows = [
        (
            each.name, round(each.size_bytes / 1000), each.snr_db, _told(each.errors["d_hr_bpm"]),
            _short(each.latency_ms),
            None if each.flash_bytes is None else round(each.flash_bytes / 1024), _short(each.device_ms),
            "chosen" if chosen is not None and each.name == chosen.name else "yes" if each.name in front else None,
        )
        for each in result.measured
    ]  # fmt: skip
    columns = ("artifact", "size [kB]", "SNR [dB]", "heart-rate error added [bpm]", "latency here [ms]", "flash [KiB]",
               "time there [ms]", "on the front")  # fmt: skip
    title = f"{result.target}: on {result.windows} windows of {result.participants} held-out people"
    refused = [(each.name, each.problem) for each in result.refused]
    return [table(title, columns, rows), *([table("Refused", ("artifact", "why"), refused)] if refused else [])]


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"
