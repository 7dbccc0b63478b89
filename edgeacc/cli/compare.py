"""`edgeacc compare`: two benchmark runs beside each other, for a continuous integration that must not get slower."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.output import show, table
from edgeacc.errors import BadInput, Regressed

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.benchmarks.compare import Change, Comparison

_NEXT = "edgeacc bench --help"


def compare(
    before: Annotated[Path, typer.Argument(help="A result of `edgeacc bench -o`, to compare with.")],
    after: Annotated[Path, typer.Argument(help="The result in question.")],
    fail_above: Annotated[
        str | None,
        typer.Option(metavar="PERCENT", help="Exit with 4 where a figure got worse by more than this, such as 10%."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Tell what changed between two runs: latency, size and memory of each contender that both timed.

    Of runs on different machines, or of windows of another contract, only sizes and the ratios to PyTorch eager are
    compared. A latency got worse only where its interval over the rounds says so too.
    """
    allowed = float("inf") if fail_above is None else _share(fail_above)
    from edgeacc.benchmarks.compare import compare as compared
    from edgeacc.benchmarks.results import BenchResult
    from edgeacc.files import read_model

    old, new = (read_model(path, BenchResult, next_command=_NEXT) for path in (before, after))
    result = compared(old, new, allowed)
    for line in _notes(result):
        sys.stderr.write(f"edgeacc: warning: {line}\n")
    for path, run in ((before, old), (after, new)):
        sys.stderr.writelines(f"edgeacc: warning: {path}: {warning}\n" for warning in run.warnings)
    if not result.changes and not result.lost:
        raise BadInput(
            f"{before} and {after} have nothing in common to compare",
            valid="runs of the same recipes; on other machines, with --checkpoint, so that ratios exist",
            next_command=_NEXT,
        )
    show(result, [_table(result)], as_json=json)
    if fail_above is not None and result.regressions:
        raise Regressed(
            f"{after} is worse than {before} by more than {fail_above}: {'; '.join(result.regressions)}",
            valid="a faster or smaller artifact, or another --fail-above",
        )


def _share(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?%?", text.strip())
    if match is None:
        raise BadInput(f"--fail-above {text!r} is no percentage", valid="a number from 0, such as 10%")
    return float(match[1]) / 100


def _notes(result: "Comparison") -> list[str]:
    notes = [f"only ratios and sizes are compared; {'; '.join(result.differs)}"] if result.differs else []
    notes += [f"only in the first run: {', '.join(result.only_before)}"] if result.only_before else []
    notes += [f"only in the second run: {', '.join(result.only_after)}"] if result.only_after else []
    return notes + list(result.lost)


def _table(result: "Comparison") -> "Table":
    columns = ("name", "quantity", "before", "after", "change", "95 % interval", "worse")
    rows = [
        (
            each.name,
            each.quantity,
            _number(each, each.before),
            _number(each, each.after),
            f"{each.change:+.1%}",
            None if each.low is None else f"{each.low:+.1%} to {each.high:+.1%}",
            "yes" if each.regressed else "",
        )
        for each in result.changes
    ]
    return table("What changed, of the medians over the rounds; more is worse", columns, rows)


def _number(change: "Change", value: float) -> str:
    return f"{value:.0f}" if change.quantity.endswith("bytes") else f"{value:.3f}"
