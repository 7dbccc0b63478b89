"""The report as Markdown: its sentences and tables, for a repository's own pages."""

from dataclasses import replace

from edgeacc.benchmarks.report.page import Section, Table
from edgeacc.benchmarks.report.report import Report
from edgeacc.benchmarks.report.summary import summary
from edgeacc.benchmarks.report.targets import (
    latency_section,
    memory_section,
    parts_section,
    targets_in_short,
    wearables_section,
)


def as_markdown(report: Report) -> str:
    """Of what was found, every target, every contender of the benchmark, and wearables."""
    parts = ["# What the artifacts cost", "\n".join(f"- {sentence}" for sentence in summary(report))]
    if report.targets:
        parts += ["## Every target", _table(targets_in_short(report))]
    if report.bench is not None:
        told = [parts_section(report.bench), memory_section(report.bench)]
        sections = [replace(latency_section(report.bench, report.targets), title="One window at a time"), *told]
        parts += [text for each in sections if each for text in _section(each)]
    if report.simulations and (worn := wearables_section(report.simulations, []).table):
        parts += ["## On wearables, simulated; typical (low to high)", _table(worn)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    """Its title, table and note."""
    return [f"## {section.title}", *([_table(section.table)] if section.table else []), section.note]


def _table(table: Table) -> str:
    numbers = len(table.columns) - table.texts
    rows = [table.columns, ["---"] * table.texts + ["---:"] * numbers]
    rows += [[cell.text for cell in row] for row in table.cells]
    return "\n".join("| " + " | ".join(text.replace("|", "/") for text in row) + " |" for row in rows)
