"""`edgeacc demo`: the whole path, from simulated windows to verified bundles, in one resumable command."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.output import show, table
from edgeacc.errors import BadInput, command, unknown

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.benchmarks.report.report import Report
    from edgeacc.cli.demo_journal import Journal, Recordings, Step


def demo(
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]...", help="More recordings, after --recordings PATH.")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the results.")] = Path("edgeacc-demo"),
    recordings: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH...", help="Real recordings (`edgeacc ls formats`) to repeat it on, set by set."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="With --recordings: TOML file that says which column of a table is what.")
    ] = None,
    size: Annotated[str, typer.Option(help="full, or smoke: the smallest that runs every step.")] = "full",
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Run the whole path: cohort, teacher, student, baselines, evaluation, every target, verification, latency.

    Every step is a command that is printed and can be run alone. After an interruption the same command goes on.
    Ends with a table and a page.
    """
    from edgeacc.cli.demo_plan import SIZES
    from edgeacc.cli.demo_recordings import all_recordings

    if size not in SIZES:
        raise unknown("size", size, list(SIZES), next_command="edgeacc demo --help")
    if more and not recordings:
        raise BadInput(
            f"{more[0]} without --recordings", next_command=command("edgeacc", "demo", "--recordings", *more)
        )
    real = all_recordings(output, [*(recordings or []), *(more or [])], mapping)
    steps, journal = _run(output, size, real)
    report, page = _report(output, size, steps, journal, real)
    show(report, _tables(report), as_json=json, next_command=command("python3", "-m", "webbrowser", page))


def _run(folder: Path, size: str, real: "dict[str, Recordings]") -> "tuple[list[Step], Journal]":
    """Run what is not done yet. The plan of recordings is known when they are imported, hence two stages."""
    from edgeacc.cli.demo_display import display
    from edgeacc.cli.demo_machine import check_machine
    from edgeacc.cli.demo_plan import SIZES, beginning, plan
    from edgeacc.cli.demo_run import Runner
    from edgeacc.export.registry import possible_recipes

    check_machine(folder)
    recipes = possible_recipes()
    _tell_other_code(folder, plan(folder, SIZES[size], recipes, real))
    for stage in (beginning, list) if real else (list,):
        steps = stage(plan(folder, SIZES[size], recipes, real))
        with display(steps) as watch:
            journal = Runner(steps, folder, real).run(watch)
    return steps, journal


def _tell_other_code(folder: Path, steps: "list[Step]") -> None:
    from edgeacc.cli.demo_journal import of_other_code, read_journal

    made = of_other_code(steps, read_journal(folder).steps)
    if made:
        sys.stderr.write(
            f"edgeacc: note: {len(made)} of {len(steps)} steps were made by other code than this one, and are kept: "
            f"{', '.join(made)}; to make all of it anew: {command('rm', '-r', folder)}\n"
        )


def _report(
    folder: Path, size: str, steps: "list[Step]", journal: "Journal", real: "dict[str, Recordings]"
) -> "tuple[Report, Path]":
    """Gather the results and write the page."""
    from edgeacc.benchmarks.report.page import write
    from edgeacc.benchmarks.report.report_page import report_page
    from edgeacc.cli.demo_results import example_window, gather
    from edgeacc.export.registry import missing_recipes

    report = gather(folder, size, steps, journal, real, missing_recipes())
    page = folder / "index.html"
    write(report_page(report, example_window(folder)), page)
    return report, page


def _tables(report: "Report") -> "list[Table]":
    from edgeacc.benchmarks.report.science import improvements_section, real_sections
    from edgeacc.benchmarks.report.summary import cost, summary
    from edgeacc.benchmarks.report.targets import targets_in_short

    sections = [section for real in report.real for section in real_sections(real)]
    sections += [improvements_section(report.evaluation)] if report.evaluation else []
    drawn = [table(s.title, s.table.columns, s.table.rows) for s in sections if s.table and not s.table.folded]
    told = [*summary(report), *([f"It took {cost(report.demo)}."] if report.demo else [])]
    targets = targets_in_short(report)
    return [
        *drawn,
        table("In short", ("what was found",), [[each] for each in told]),
        table("Every target", targets.columns, targets.rows),
    ]
