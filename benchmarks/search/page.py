"""What searches found, as a page with a picture, made from their JSONs alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgeacc.benchmarks.search.budget import ERRORS
from edgeacc.benchmarks.search.result import Measured, SearchResult
from edgeacc.errors import BadInput
from edgeacc.evaluation.bootstrap import Interval
from edgeacc.files import read_model, replacing

COLUMNS = ("artifact", "size [kB]", "part of the largest", "SNR [dB]", "heart rate [bpm]", "SDNN [ms]", "RMSSD [ms]")
_STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 9.0}
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#ccbb44", "#66ccee")
_MARKS = "os^D"
_TICKS_KB = [base * 10**power for power in range(-1, 5) for base in (1, 2, 5)]
_APART = 1.3


def read_results(paths: Sequence[Path]) -> list[SearchResult]:
    """Results that `edgeacc compress search` kept, one of each target.

    Raises:
        BadInput: no such file, or none of a search; two of one target, or of another store than the first.
    """
    results = [read_model(path, SearchResult) for path in paths]
    for path, result in zip(paths, results, strict=True):
        if result.store_digest != results[0].store_digest:
            raise BadInput(f"{path} was judged on another store than {paths[0]}", valid="searches with one store")
        if sum(other.target == result.target for other in results) > 1:
            raise BadInput(f"{path}: a second search of {result.target}", valid="one of each target")
    return results


def write_page(results: Sequence[SearchResult], output: Path, *, force: bool) -> None:
    """The tables as Markdown, and beside them the picture, `<stem>.png`."""
    picture = output.with_suffix(".png")
    with mpl.rc_context(_STYLE), replacing(picture, force=force) as beside:
        figure(results).savefig(beside, format="png", dpi=110, metadata={"Software": None})
    with replacing(output, force=force) as beside:
        beside.write_text(page(results, picture.name))


def page(results: Sequence[SearchResult], picture: str) -> str:
    """The tables as Markdown; the same text for the same results."""
    lines = [
        "# What compression costs, by size",
        "",
        "Made by `edgeacc compress table` from the JSONs of `edgeacc compress search`. Every artifact ran in its real",
        "runtime or evaluator, on windows of simulated people whom no training has seen. Probes (mlp) that were fitted",
        "on the whole network's embeddings read the artifact's; the table tells what that adds to their errors, with",
        "the 95 % participant-bootstrap interval. **Bold**: no other artifact of the target beats it in size, heart",
        "rate and time. Names: network, target, recipe; `p50` says that structured pruning took half of the units,",
        "`mixed-120k` that each layer has a format of its own.",
        "",
        f"![Heart-rate error that artifacts add, by size]({picture})",
        "",
    ]
    for result in results:
        told = [(measure, result.whole[measure]) for measure in ERRORS if measure in result.whole]
        whole = ", ".join(f"{error.value:.2f} {measure.rpartition('_')[2]}" for measure, error in told)
        judged = f"{result.windows:,} windows of {result.participants} people; the whole network errs there by {whole}"
        lines += ["", f"## {result.target}", "", f"On {judged} (heart rate, SDNN, RMSSD).", "", *_table(result), ""]
        lines += [f"- `{each.name}` was refused: {each.problem}." for each in result.refused]
    return "\n".join(lines).rstrip() + "\n"


def _table(result: SearchResult) -> list[str]:
    extra = [
        (name, field, digits)
        for name, field, digits in (
            ("latency here [ms]", "latency_ms", 2),
            (f"flash on {result.device} [kB]", "flash_bytes", 0),
            (f"RAM on {result.device} [kB]", "ram_bytes", 0),
            (f"time on {result.device} [ms]", "device_ms", 0),
            (f"energy on {result.device} [uJ]", "energy_uj", 0),
        )
        if any(getattr(each, field) is not None for each in result.measured)
    ]
    head = [*COLUMNS, *(name for name, _, _ in extra)]
    rows = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    front = {each.name for each in result.front}
    largest = max(each.size_bytes for each in result.measured)
    for each in result.measured:
        name = f"**{each.name}**" if each.name in front else each.name
        cells = [name, f"{each.size_bytes / 1000:.0f}", f"1/{largest / each.size_bytes:.1f}", f"{each.snr_db:.1f}"]
        cells += [_told(each.errors.get(measure)) for measure in ERRORS]
        for _, field, digits in extra:
            value = getattr(each, field)
            scale = 1000 if field.endswith("_bytes") else 1
            cells.append("" if value is None else f"{value / scale:.{digits}f}")
        rows.append("| " + " | ".join(cells) + " |")
    return rows


def _told(interval: Interval | None) -> str:
    if interval is None:
        return ""
    if interval.low is None or interval.high is None:
        return f"{interval.value:+.3f}"
    return f"{interval.value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def figure(results: Sequence[SearchResult]) -> Figure:
    """Error that is added against size, a panel a target; a line joins the front of both."""
    made = Figure(figsize=(5.2 * len(results), 4.2), layout="constrained")
    for axes, result in zip(made.subplots(1, len(results), squeeze=False, sharey=True)[0], results, strict=True):
        _panel(axes, result)
    return made


def _panel(axes: Axes, result: SearchResult) -> None:
    networks = list(dict.fromkeys(each.checkpoint for each in reversed(result.measured)))  # the largest first
    for at, network in enumerate(networks):
        members = [each for each in result.measured if each.checkpoint == network and "d_hr_bpm" in each.errors]
        errors = [each.errors["d_hr_bpm"] for each in members]
        mark, colour = _MARKS[at % len(_MARKS)], _COLOURS[at % len(_COLOURS)]
        axes.errorbar(
            [each.size_bytes / 1000 for each in members],
            [each.value for each in errors],
            yerr=[[each.value - (each.low if each.low is not None else each.value) for each in errors],
                  [(each.high if each.high is not None else each.value) - each.value for each in errors]],
            fmt=mark, color=colour, elinewidth=0.6, markersize=5, label=network,
        )  # fmt: skip
    front = _lower_left(result.measured)
    axes.step(
        [each.size_bytes / 1000 for each in front], [each.errors["d_hr_bpm"].value for each in front],
        where="post", color="#555555", linewidth=0.9, label="least error up to that size",
    )  # fmt: skip
    last_kb = 0.0
    for each in front:
        kb = each.size_bytes / 1000
        if kb > last_kb * _APART:  # names over one another tell nothing
            short = each.recipe.removeprefix(f"{result.target}-")
            place = (kb, each.errors["d_hr_bpm"].value)
            axes.annotate(short, place, textcoords="offset points", xytext=(5, 5), fontsize=7.5)
            last_kb = kb
    axes.axhline(0, color="#999999", linewidth=0.6)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xticks([kb for kb in _TICKS_KB if low <= kb <= high], minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("size of the artifact, kB")
    axes.set_ylabel("heart-rate error added, bpm")
    axes.set_title(result.target)
    axes.legend(fontsize=8)


def _lower_left(measured: Sequence[Measured]) -> list[Measured]:
    """Ascending in size, each with less error than all smaller ones."""
    found: list[Measured] = []
    for each in sorted(measured, key=lambda one: one.size_bytes):
        if "d_hr_bpm" in each.errors and (
            not found or each.errors["d_hr_bpm"].value < found[-1].errors["d_hr_bpm"].value
        ):
            found.append(each)
    return found
