"""`edgeacc report`: what several commands found of a model's artifacts, on one page."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.output import show, table
from edgeacc.errors import BadInput, command

if TYPE_CHECKING:
    from edgeacc.benchmarks.report.report import Report

SUFFIXES = (".html", ".md", ".json", ".csv")


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Results of bench, verify --json, evaluate and simulate; bundles; or folders of these, such as a "
            "demo's. What is not given is told as not measured.",
        ),
    ],
    output: Annotated[
        list[Path], typer.Option("-o", "--output", help="The report: .html, .md, .json or .csv; several may be given.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace what exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON and nothing else.")] = False,
) -> None:
    """Write one self-contained page: size, accuracy, latency, memory, energy and battery of every artifact."""
    from edgeacc.files import refuse_existing

    for path in output:
        if path.suffix not in SUFFIXES:
            raise BadInput(f"-o {path}: no report ends in {path.suffix!r}", valid=", ".join(SUFFIXES))
        refuse_existing(path, force=force, inputs=runs)
    from edgeacc.benchmarks.report.results import gather
    from edgeacc.benchmarks.report.summary import summary
    from edgeacc.benchmarks.report.targets import targets_in_short, wearables_section

    gathered = gather(runs)
    for path in output:
        _write(gathered, path, force=force)
    for row in gathered.targets:
        if row.rejected:
            sys.stderr.write(f"edgeacc: warning: {row.recipe} is rejected: {row.rejected}\n")
    told, targets = summary(gathered), targets_in_short(gathered)
    tables = [table("In short", ("what was found",), [[each] for each in told])] if told else []
    tables += [table("Every target", targets.columns, targets.rows)] if targets.rows else []
    worn = wearables_section(gathered.simulations, []).table if gathered.simulations else None
    tables += [table("On wearables, simulated; typical (low to high)", worn.columns, worn.rows)] if worn else []
    show(gathered, tables, as_json=json, next_command=command("python3", "-m", "webbrowser", output[0]))


def _write(gathered: "Report", path: Path, *, force: bool) -> None:
    from edgeacc.benchmarks.report.markdown import as_markdown
    from edgeacc.benchmarks.report.page import render
    from edgeacc.benchmarks.report.report_page import report_page
    from edgeacc.benchmarks.report.targets import as_csv
    from edgeacc.files import replacing, write_json

    if path.suffix == ".json":
        write_json(path, gathered, force=force)
        return
    write = {
        ".csv": lambda: as_csv(gathered.targets),
        ".md": lambda: as_markdown(gathered),
        ".html": lambda: render(report_page(gathered)),
    }
    with replacing(path, force=force) as beside:
        beside.write_text(write[path.suffix]())
