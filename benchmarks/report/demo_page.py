"""The page of a demo: its report as sections with tables and figures."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgeacc.benchmarks.report import plots
from edgeacc.benchmarks.report.demo_report import UNITS, DemoReport, RealReport, cost, nature, signed, summary
from edgeacc.benchmarks.report.page import Figure, Page, Section, Table
from edgeacc.benchmarks.results import BenchResult
from edgeacc.evaluation.bootstrap import Interval
from edgeacc.evaluation.report import correlation, shares, with_interval
from edgeacc.evaluation.result import EvaluationResult, ImprovementRow, LimitResult, RetrievalRow
from edgeacc.windows.window_set import WindowSet

FRACTIONS_SHOWN = (0.1, 1.0)
_STUDENT, _TEACHER = "student", "teacher (PPG)"
_DASH = "–"
_KEPT = "Edgeacc's sources have changed since; the results of these steps were kept: "


def demo_page(report: DemoReport, example: WindowSet) -> Page:
    """The page.

    Args:
        report: of a finished demo.
        example: one window of the test split to show.
    """
    store = report.evaluation.store
    return Page(
        title="edgeacc demo",
        subtitle=(
            f"Simulated cohort, preset {store.name}: {store.windows:,} test windows of {store.window_s:g} s from "
            f"{store.participants} participants that nothing was trained on. Size {report.size}, seed "
            f"{report.evaluation.seed}; {cost(report)}."
        ),
        summary=summary(report),
        sections=list(_sections(report, example)),
    )


def _sections(report: DemoReport, example: WindowSet) -> Iterator[Section]:
    if report.of_other_code:
        yield Section("Made by other code than this one", paragraphs=[_KEPT + ", ".join(report.of_other_code) + "."])
    yield targets_section(report)
    yield retrieval_section(report.evaluation, example)
    yield from probes_sections(report.evaluation)
    for real in report.real:
        yield from real_sections(real)
    yield latency_section(report.bench)
    yield Section("What was not measured, and why", items=list(_not_measured(report)))
    yield Section(
        "The commands that were run",
        paragraphs=["Each can be run alone. Times are of one thread, two commands at a time."],
        table=Table(["step", "time (s)"], [[s.name, f"{s.seconds:.0f}"] for s in report.steps], folded=True),
        commands=[step.command for step in report.steps],
    )


def targets_section(report: DemoReport) -> Section:
    """The table of artifacts, with their latency as bars."""
    columns = ["recipe", "target", "size (KiB)", "SNR (dB)", "floor (dB)", "task cost (bpm)", "p50 (ms)", "checked"]
    rows = [
        [
            row.recipe,
            row.target,
            f"{row.size_bytes / 1024:,.0f}",
            f"{row.snr_db:.1f}",
            f"{row.min_snr_db:g}",
            _DASH if row.task_cost_bpm is None else signed(row.task_cost_bpm),
            _DASH if row.p50_ms is None else f"{row.p50_ms:.2f}",
            row.level,
        ]
        for row in report.targets
    ]
    return Section(
        "Every target",
        table=Table(columns, rows, texts=2),
        note=(
            "SNR: signal-to-noise ratio of the embedding against the fp32 network, mean removed, on the bundle's "
            "golden windows. Task cost: heart-rate error that the conversion added. Executed: by the target's own "
            "runtime; evaluated: our evaluator computed the artifact's own program."
        ),
    )


def latency_section(bench: BenchResult) -> Section:
    """Latency of every artifact beside PyTorch."""
    timed = [plots.Latency(row.name, row.warm.p50_ms, row.warm.p99_ms) for row in bench.rows if row.warm]
    caption = f"Warm, on {bench.machine.cpu}, not on a watch; line: to the 99th percentile."
    warnings = " ".join(f"{text[:1].upper()}{text[1:]}." for text in bench.warnings)
    return Section("Latency", figures=[Figure(plots.latency(timed), caption)], note=warnings)


def retrieval_section(result: EvaluationResult, example: WindowSet) -> Section:
    """One pair; top-1 over the pool size, with the limit and the controls; every row as a table."""
    controls = [row for row in result.retrieval if row.group in ("control", "synchronisation", "snr")]
    headline = [row for row in result.retrieval if row.group == "headline" and not row.variant]
    return Section(
        "Which PPG window belongs to this accelerometer window?",
        figures=[
            _example(example),
            Figure(
                plots.retrieval(_curves(result.retrieval)),
                "The limit needs no training: it says what the two signals allow. Independent beats: the same person's "
                "accelerometer with its heartbeats drawn anew; a student that found anything but beats would keep its "
                "score.",
            ),
        ],
        table=replace(_retrieval_table([*headline, *controls]), folded=True),
        note=" ".join(result.notes),
    )


def _curves(rows: Sequence[RetrievalRow]) -> list[plots.Curve]:
    forward = [row for row in rows if row.direction == "acc->ppg"]
    wanted = (
        ("training-free limit", "limit", "headline", "", "s3", "--"),
        ("student", _STUDENT, "headline", "", "s1", "-"),
        ("control: independent beats", _STUDENT, "control", "independent beats", "s2", ""),
    )
    curves = []
    for label, method, group, variant, role, style in wanted:
        own = [row for row in forward if row.method.startswith(method) and (row.group, row.variant) == (group, variant)]
        own.sort(key=lambda row: row.candidates)
        if own:
            sizes, top1 = [row.candidates for row in own], [row.top1.value for row in own]
            curves.append(plots.Curve(label, sizes, top1, role, style))
    sizes = sorted({size for curve in curves for size in curve.x})
    return [*curves, plots.Curve("chance", sizes, [1 / size for size in sizes], "muted", ":")]


def _retrieval_table(rows: Sequence[RetrievalRow], lengths: Sequence[str] = ()) -> Table:
    """Retrieval rows as cells, with the windows' lengths in front where they differ."""
    columns = ["method", "what was changed", "asks → answers", "candidates", "queries", "top-1 (95 %)", "chance"]
    cells = [
        [
            row.method,
            row.variant or _DASH,
            row.direction.replace("->", " → "),
            f"{row.candidates:,.0f}",
            f"{row.queries:,}",
            with_interval(row.top1, 3),
            f"{row.chance_top1:.4f}",
        ]
        for row in rows
    ]
    if lengths:
        cells = [[length, *row] for length, row in zip(lengths, cells, strict=True)]
        return Table(["windows of", *columns], cells, texts=4)
    return Table(columns, cells, texts=3)


def probes_sections(result: EvaluationResult) -> Iterator[Section]:
    """Errors of every method as figures, and the student's improvement as a table."""
    if not result.probes:
        return
    figures = [
        Figure(
            plots.probes(name, unit, _methods(result, target), f"probes-{target}"),
            f"Fitted on {result.fitted_on} labels, scored on {result.scored_on[target]}; bars: 95 % over people.",
        )
        for target, (name, unit) in UNITS.items()
        if target in result.scored_on
    ]
    yield Section("What the embedding tells of the heart", figures=figures)
    if result.improvements:
        yield improvements_section(result)


def _methods(result: EvaluationResult, target: str) -> list[plots.Method]:
    by_method: dict[str, dict[str, plots.Estimate]] = {}
    for row in result.probes:
        if row.target != target or (row.probe != "none" and row.fraction not in FRACTIONS_SHOWN):
            continue
        series = plots.NO_PROBE if row.probe == "none" else f"{row.probe}, {row.fraction:.0%} of labels"
        by_method.setdefault(row.method, {})[series] = _estimate(row.mae)
    return [plots.Method(method, estimates) for method, estimates in by_method.items()]


def _estimate(interval: Interval) -> plots.Estimate:
    return plots.Estimate(interval.value, interval.low, interval.high)


def improvements_section(result: EvaluationResult) -> Section:
    """How much smaller the student's error is than that of each baseline."""
    targets = [target for target in UNITS if target in result.scored_on]
    cells: dict[tuple[str, str, float], dict[str, ImprovementRow]] = {}
    for row in result.improvements:
        if row.fraction in FRACTIONS_SHOWN:
            cells.setdefault((row.base, row.probe, row.fraction), {})[row.target] = row
    share = shares(result)
    rows = [
        [base, probe, share[fraction], *(_less_error(found[target]) for target in targets)]
        for (base, probe, fraction), found in sorted(cells.items())
    ]
    return Section(
        "How much smaller the student's error is",
        table=Table(["than that of", "probe", "labels", *(UNITS[target][0] for target in targets)], rows, texts=2),
        note=(
            "(base − student) / base: negative where the student is worse. The same windows, probe and labels; 95 % "
            "intervals over participants. In evaluation.json also as a difference, and over the student's error."
        ),
    )


def _less_error(row: ImprovementRow) -> str:
    return with_interval(row.improvement.over_base, 0, percent=True)


def real_sections(real: RealReport) -> Iterator[Section]:
    """The same on real recordings: the limit and the student; probes beside trivial methods."""
    result = real.evaluation
    parts: list[LimitResult | EvaluationResult] = [*real.limits, result]
    rows = [(part.store.window_s, row) for part in parts for row in _retrieval_rows(part)]
    yield Section(
        f"Real recordings: {real.name}",
        paragraphs=[
            f"{result.store.windows} still windows of {result.store.window_s:g} s, {result.store.participants} "
            f"participant(s). {nature(real)}"
        ],
        table=_retrieval_table(*zip(*[(row, f"{s:g} s") for s, row in rows if _in_short(row)], strict=True)),
    )
    if result.probes:
        yield _real_probes(real)
    notes = [note for part in parts for note in part.notes]
    everything = _retrieval_table(*zip(*[(row, f"{s:g} s") for s, row in rows], strict=True))
    yield Section(
        f"Real recordings: {real.name}, every control",
        table=replace(everything, folded=True),
        note=" ".join(dict.fromkeys(notes)),
    )


def _retrieval_rows(part: LimitResult | EvaluationResult) -> list[RetrievalRow]:
    return part.rows if isinstance(part, LimitResult) else part.retrieval


def _in_short(row: RetrievalRow) -> bool:
    return row.group == "headline" or row.variant in ("shuffled pairs", "delay searched")


def _real_probes(real: RealReport) -> Section:
    result = real.evaluation
    rows = [
        [
            row.method,
            row.probe,
            with_interval(row.mae, 2),
            correlation(row),
        ]
        for row in result.probes
        if row.target == "hr_bpm"
    ]
    figures = [
        Figure(
            plots.probes(name, unit, _methods(result, target), f"real-{real.name}-{target}"),
            f"Every participant held out in turn; {result.scored_on[target]} labels.",
        )
        for target, (name, unit) in UNITS.items()
        if target in result.scored_on
    ]
    columns = ["method", "probe", "heart rate: mean absolute error (bpm, 95 %)", "r"]
    return Section(f"Real recordings: {real.name}, heart rate", figures=figures, table=Table(columns, rows, texts=2))


def _example(example: WindowSet) -> Figure:
    acc_CT, ppg_CT, beats_K = example.acc_BCT[0], example.ppg_BCT[0], example.beats_BK[0]
    svg = plots.window(acc_CT.float().numpy(), ppg_CT.float().numpy(), beats_K.numpy(), example.contract.rate_hz)
    return Figure(svg, "A test window of median accelerometer signal-to-noise ratio, after the contract's steps.")


def _not_measured(report: DemoReport) -> Iterator[str]:
    yield "Nothing ran on a watch: latency is of this machine's processor, and energy and battery were not measured."
    yield "One seed, one simulated cohort: another seed would move the figures by about their intervals."
    evaluated = [row.recipe for row in report.targets if row.level == "evaluated"]
    if evaluated:
        yield (
            f"{', '.join(evaluated)}: not executed by Apple's runtime, which needs Apple hardware; our evaluator "
            "computed the program inside the package."
        )
    for recipe, why in report.missing.items():
        yield f"{recipe}: {why}"
    if not report.real:
        yield "No real recordings: `edgeacc demo --recordings PATH` repeats limit, teacher and probes on them."
