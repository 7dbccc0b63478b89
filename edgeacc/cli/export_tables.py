"""What `edgeacc export` prints of its bundles."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgeacc.cli.output import table

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.bundle.manifest import HeadCheck
    from edgeacc.export.pipeline import ExportResult


def tables(done: "list[ExportResult]") -> "list[Table]":
    """The bundles, and what else there is to say of them."""
    heads = heads_table({each.recipe: each.verification.heads for each in done})
    return [_table(done), *_streaming_table(done), *heads, *_field_table(done), *_warnings(done)]


def _table(done: "list[ExportResult]") -> "Table":
    columns = (
        "recipe",
        "size [KiB]",
        "checked",
        "SNR / floor [dB]",
        "worst cosine",
        "task cost [bpm]",
        "time [s]",
        "bundle",
    )
    rows = [
        (
            each.recipe, round(each.model_bytes / 1024), each.verification.level,
            f"{each.verification.snr_db:.1f} / {each.verification.min_snr_db:g}",
            f"{each.verification.worst_cosine:.5f}", signed_bpm(each.task_cost_bpm),
            f"{each.own_s:.1f}", each.bundle,
        )
        for each in done
    ]  # fmt: skip
    return table("Bundles", columns, rows)


def _streaming_table(done: "list[ExportResult]") -> "list[Table]":
    rows: list[tuple[object, ...]] = []
    for each, spec in ((each, each.streaming) for each in done):
        if spec:
            parts = (spec.macs_per_piece, spec.macs_to_finish, spec.macs_per_window)
            shares = (f"{part / 1e6:.2f} ({part / spec.macs_per_window:.1%})" for part in parts[:2])
            rows.append((each.recipe, spec.samples, spec.pieces, *shares, f"{spec.macs_per_window / 1e6:.2f}"))
    columns = ("recipe", "samples in a piece", "pieces", "MACs per piece [M]", "to finish [M]", "window at once [M]")
    return [table("Streaming", columns, rows)] if rows else []


def heads_table(checks: "Mapping[str, Sequence[HeadCheck]]") -> "list[Table]":
    """What was measured on the heads of each recipe's artifact; nothing where none has heads."""
    rows = [
        (recipe, head.name, f"{head.snr_db:.1f}", "-" if head.worst_error is None else f"{head.worst_error:.2g}")
        for recipe, heads in checks.items()
        for head in heads
    ]
    return [table("Heads", ("recipe", "output", "SNR [dB]", "largest error"), rows)] if rows else []


def _field_table(done: "list[ExportResult]") -> "list[Table]":
    checks = [(result.recipe, check) for result in done for check in result.verification.field]
    rows = [(recipe, check.name, check.version, f"{check.snr_db:.1f}") for recipe, check in checks]
    columns = ("recipe", "runtime", "version", "SNR of the worst output [dB]")
    return [table("In other runtimes", columns, rows)] if rows else []


def signed_bpm(bpm: float | None) -> str | None:
    """A difference in bpm with its sign, never as -0.000; None where it is not known."""
    return None if bpm is None else f"{round(bpm, 3) + 0.0:+.3f}"


def _warnings(done: "list[ExportResult]") -> "list[Table]":
    rows = [(each.recipe, warning) for each in done for warning in each.warnings]
    return [table("Warnings about the calibration", ("recipe", "warning"), rows)] if rows else []
