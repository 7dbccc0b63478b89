"""Sections of an evaluation: retrieval, probes, improvements; and the same on real recordings."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgeacc.benchmarks.report import plots
from edgeacc.benchmarks.report.page import Figure, Section, Table
from edgeacc.benchmarks.report.provenance import told_evaluation
from edgeacc.benchmarks.report.report import UNITS, RealReport, nature
from edgeacc.evaluation.bootstrap import Interval
from edgeacc.evaluation.report import correlation, shares, with_interval
from edgeacc.evaluation.result import EvaluationResult, ImprovementRow, LimitResult, RetrievalRow
from edgeacc.windows.window_set import WindowSet

FRACTIONS_SHOWN = (0.1, 1.0)
_STUDENT = "student"
_DASH = "–"


def retrieval_section(result: EvaluationResult, example: WindowSet | None) -> Section:
    """One pair, if given; top-1 over the pool size, with the limit and the controls; every row as a table."""
    controls = [row for row in result.retrieval if row.group in ("control", "synchronisation", "snr")]
    headline = [row for row in result.retrieval if row.group == "headline" and not row.variant]
    return Section(
        "Which PPG window belongs to this accelerometer window?",
        figures=[
            *([] if example is None else [_example(example)]),
            Figure(
                plots.retrieval(_curves(result.retrieval)),
                "The limit needs no training: it says what the two signals allow. Independent beats: the same person's "
                "accelerometer with its heartbeats drawn anew; a student that found anything but beats would keep its "
                "score.",
                told_evaluation(result),
            ),
        ],
        table=replace(_retrieval_table([*headline, *controls]), folded=True, source=told_evaluation(result)),
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
            told_evaluation(result),
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
        table=Table(
            ["than that of", "probe", "labels", *(UNITS[target][0] for target in targets)],
            rows,
            texts=2,
            source=told_evaluation(result),
        ),
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
        table=replace(
            _retrieval_table(*zip(*[(row, f"{s:g} s") for s, row in rows if _in_short(row)], strict=True)),
            source=told_evaluation(result),
        ),
    )
    if result.probes:
        yield _real_probes(real)
    notes = [note for part in parts for note in part.notes]
    everything = _retrieval_table(*zip(*[(row, f"{s:g} s") for s, row in rows], strict=True))
    yield Section(
        f"Real recordings: {real.name}, every control",
        table=replace(everything, folded=True, source=told_evaluation(result)),
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
            told_evaluation(result),
        )
        for target, (name, unit) in UNITS.items()
        if target in result.scored_on
    ]
    columns = ["method", "probe", "heart rate: mean absolute error (bpm, 95 %)", "r"]
    table = Table(columns, rows, texts=2, source=told_evaluation(result))
    return Section(f"Real recordings: {real.name}, heart rate", figures=figures, table=table)


def _example(example: WindowSet) -> Figure:
    acc_CT, ppg_CT, beats_K = example.acc_BCT[0], example.ppg_BCT[0], example.beats_BK[0]
    svg = plots.window(acc_CT.float().numpy(), ppg_CT.float().numpy(), beats_K.numpy(), example.contract.rate_hz)
    return Figure(svg, "A test window of median accelerometer signal-to-noise ratio, after the contract's steps.")
