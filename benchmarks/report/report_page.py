"""The page of `edgeacc report` and of `edgeacc demo`: what is there as sections, what is not with its reason."""

from collections.abc import Iterator

from edgeacc.benchmarks.layer_times import PROFILED
from edgeacc.benchmarks.report.page import Cell, Page, Section, Table
from edgeacc.benchmarks.report.report import Demo, Report
from edgeacc.benchmarks.report.science import probes_sections, real_sections, retrieval_section
from edgeacc.benchmarks.report.summary import cost, sentences
from edgeacc.benchmarks.report.targets import (
    latency_section,
    memory_section,
    pareto_figures,
    parts_section,
    targets_section,
    wearables_section,
)
from edgeacc.windows.window_set import WindowSet

_KEPT = "Edgeacc's sources have changed since; the results of these steps were kept: "


def report_page(report: Report, example: WindowSet | None = None) -> Page:
    """The page.

    Args:
        report: what is known.
        example: one window of the test split to show.
    """
    return Page(
        title="edgeacc report" if report.demo is None else "edgeacc demo",
        subtitle=" ".join(_subtitle(report)),
        summary=sentences(report),
        sections=list(_sections(report, example)),
    )


def _subtitle(report: Report) -> Iterator[str]:
    if report.evaluation is not None:
        store = report.evaluation.store
        data = f"Simulated cohort, preset {store.name}" if store.source == "cohort" else f"Recordings, {store.name}"
        yield (
            f"{data}: {store.windows:,} test windows of {store.window_s:g} s from {store.participants} participants "
            "that nothing was trained on."
        )
    elif report.bench is not None:
        yield f"Measured {report.bench.date_utc} on {report.bench.machine.cpu}."
    if report.demo is not None and report.evaluation is not None:
        yield f"Size {report.demo.size}, seed {report.evaluation.seed}; {cost(report.demo)}."


def _sections(report: Report, example: WindowSet | None) -> Iterator[Section]:
    if report.demo and report.demo.of_other_code:
        kept = _KEPT + ", ".join(report.demo.of_other_code) + "."
        yield Section("Made by other code than this one", paragraphs=[kept])
    if report.targets:
        yield targets_section(report)
    if report.bench is not None:
        yield latency_section(report.bench, report.targets)
        if parts := parts_section(report.bench):
            yield parts
        yield memory_section(report.bench)
    elif figures := pareto_figures(report.targets):
        yield Section("What accuracy costs", figures=figures)
    if report.simulations:
        yield wearables_section(report.simulations, report.layers)
    if report.evaluation is not None:
        yield retrieval_section(report.evaluation, example)
        yield from probes_sections(report.evaluation)
    for real in report.real:
        yield from real_sections(real)
    yield Section("What was not measured, and why", items=list(not_measured(report)))
    if report.demo is not None:
        yield _commands(report.demo)


def _commands(demo: Demo) -> Section:
    return Section(
        "The commands that were run",
        paragraphs=["Each can be run alone. Times are of one thread, two commands at a time."],
        table=Table(
            ["step", "time (s)"],
            [[step.name, Cell(f"{step.seconds:.0f}", step.command)] for step in demo.steps],
            folded=True,
        ),
        commands=[step.command for step in demo.steps],
    )


def not_measured(report: Report) -> Iterator[str]:
    """What the report cannot tell, and why."""
    yield "Nothing ran on a watch: latency is of this machine's processor."
    if report.bench is None:
        yield "Latency and memory: no result of `edgeacc bench BUNDLES --checkpoint STUDENT -o bench.json` was given."
    elif any(row.target not in PROFILED for row in report.passed if row.p50_ms is not None):
        yield f"Time of each layer here: of the runtimes only that of {', '.join(PROFILED)} tells it to Python."
    if report.reference is None:
        yield "The GPU: no result of `edgeacc bench --suite reference` was given, and none is recorded."
    if not report.simulations:
        yield "Energy and battery: no result of `edgeacc simulate BUNDLE --device NAME -o FOLDER` was given."
    if report.evaluation is None:
        yield "What the embedding tells of the heart: no result of `edgeacc evaluate -o evaluation.json` was given."
    elif report.evaluation.store.source == "cohort":
        yield "One seed, one simulated cohort: another seed would move the figures by about their intervals."
    evaluated = [row.recipe for row in report.targets if row.level == "evaluated"]
    if evaluated:
        yield (
            f"{', '.join(evaluated)}: not executed by Apple's runtime, which needs Apple hardware; our evaluator "
            "computed the program inside the package."
        )
    for row in report.targets:
        if row.rejected:
            yield f"{row.recipe} is rejected, and not timed: {row.rejected}"
    for timed in report.bench.rows if report.bench else ():
        if timed.reason and timed.state != "rejected":
            yield f"{timed.name} was not timed: {timed.reason}"
    if report.demo is not None:
        for recipe, why in report.demo.missing.items():
            yield f"{recipe}: {why}"
        if not report.real:
            yield "No real recordings: `edgeacc demo --recordings PATH` repeats limit, teacher and probes on them."
