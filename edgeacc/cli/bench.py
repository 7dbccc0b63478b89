"""`edgeacc bench`: size, load, latency and memory of bundles beside PyTorch eager and onnxruntime, in one run."""

import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.output import progress, show, table
from edgeacc.cli.several import as_one, require_all
from edgeacc.errors import BadInput, NotPossibleHere, command

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.benchmarks.mlperf import MlperfResult
    from edgeacc.benchmarks.results import BenchResult, Row

LATENCY = ("name", "snr_db", "load_ms", "first_ms", "p50_ms", "p90_ms", "p99_ms", "cpu_ms", "times_floor", "vs_eager")
MEMORY = ("name", "size_bytes", "baseline_rss_bytes", "peak_rss_bytes", "above_baseline_bytes")


class Device(StrEnum):
    """What computes."""

    cpu = "cpu"
    cuda = "cuda"


class Suite(StrEnum):
    """What is measured."""

    latency = "latency"
    imports = "import"
    kernels = "kernels"
    mlperf = "mlperf"
    train = "train"
    scale = "scale"
    reference = "reference"


def bench(
    what: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Folders written by `edgeacc export`; for --suite import, recordings; for kernels, train, scale "
            "and reference none; for mlperf, perhaps .tflite files named ad..., kws..., vww..., ic....",
        ),
    ] = None,
    suite: Annotated[
        Suite,
        typer.Option(
            help="`latency`: of bundles; `import`: how fast recordings become windows, in what memory; "
            "`kernels`: instructions of the firmware's kernels on emulated cores; `mlperf`: the simulator's cycles "
            "and energies beside published measurements; `train`: windows per second of students; "
            "`scale`: how long 20 million windows take here, on a processor or a GPU; "
            "`reference`: a checkpoint on the GPU, in bf16."
        ),
    ] = Suite.latency,
    checkpoint: Annotated[
        Path | None, typer.Option(help="What the bundles were made from: PyTorch eager and onnxruntime run it too.")
    ] = None,
    device: Annotated[Device, typer.Option(help="That `scale` runs on.")] = Device.cpu,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The result as JSON.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer rounds and cold starts.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Measure bundles on this machine, one thread each; one that fails its verification is not timed.

    `--suite import` measures recordings instead: import beside pandas and neurokit2 on the same E4 files, the memory of
    a day's import, and the reading of a store. `--suite kernels` counts instructions, with QEMU and a cross-compiler;
    `--suite mlperf` too, of MLPerf Tiny's four networks, made with random weights unless given. `--suite train` trains
    students for a few steps on all processors, beside the same networks written plainly.
    """
    from edgeacc.files import refuse_existing

    if output is not None:
        refuse_existing(output, force=force)
    if suite is Suite.kernels:
        _kernels(what, checkpoint, output, force=force, json=json)
        return
    if suite is Suite.reference:
        _reference(what, checkpoint, output, force=force, json=json)
        return
    if suite is Suite.mlperf:
        _mlperf(what or [], checkpoint, output, force=force, json=json)
        return
    if device is not Device.cpu and suite is not Suite.scale:
        raise BadInput(f"--device {device} has a part in --suite scale alone", valid="--suite scale --device cuda")
    if suite is Suite.scale:
        _scale(what, checkpoint, device, output, quick=quick, force=force, json=json)
        return
    if suite is Suite.train:
        _train(what, checkpoint, output, quick=quick, force=force, json=json)
        return
    if not what:
        raise BadInput(
            "no path given", valid="bundles, or recordings with --suite import", next_command="edgeacc bench --help"
        )
    if suite is Suite.imports:
        _import(what, checkpoint, output, quick=quick, force=force, json=json)
        return
    _bundles(what, checkpoint, output, quick=quick, force=force, json=json)


def _bundles(
    what: list[Path], checkpoint: Path | None, output: Path | None, *, quick: bool, force: bool, json: bool
) -> None:
    from edgeacc.weights import checkpoint as checkpoint_of

    checkpoint = None if checkpoint is None else checkpoint_of(checkpoint)
    _refuse_no_bundles(what, checkpoint)
    from edgeacc.benchmarks.results import FULL, QUICK
    from edgeacc.benchmarks.suite import run_bench
    from edgeacc.files import write_json

    with progress("bench") as report:
        outcome = run_bench(what, checkpoint, QUICK if quick else FULL, report)
    result = outcome.result
    timed = any(row.warm for row in result.rows)
    if output is not None and timed:
        write_json(output, result, force=force)
    for warning in result.warnings:
        sys.stderr.write(f"edgeacc: warning: {warning}\n")
    if timed or json:
        show(result, [_latency(result), _memory(result)], as_json=json)
    if outcome.errors:
        raise as_one(outcome.errors)
    if not timed:
        raise NotPossibleHere(
            f"nothing was timed: {', '.join(f'{row.name} {row.state}' for row in result.rows)}",
            valid="bundles of other targets, or --checkpoint for PyTorch on the same weights",
            next_command=command("edgeacc", "verify", *what),
        )


def _refuse_no_bundles(what: list[Path], checkpoint: Path | None) -> None:
    """Before torch is imported (seconds): no checkpoint, or not one bundle; of several, what is none is a row."""
    from edgeacc.bundle.sums import is_bundle, require_bundle
    from edgeacc.models.folder import require_checkpoint

    checks = [] if any(map(is_bundle, what)) else [partial(require_bundle, path) for path in what]
    require_all(*checks, *([partial(require_checkpoint, checkpoint)] if checkpoint is not None else []))


def _import(
    paths: list[Path], checkpoint: Path | None, output: Path | None, *, quick: bool, force: bool, json: bool
) -> None:
    from edgeacc.benchmarks.import_suite import HOURS, run_import_bench
    from edgeacc.files import write_json

    if checkpoint is not None:
        raise BadInput("--checkpoint has no part in --suite import", valid="recordings alone")
    with progress("bench import") as report:
        result = run_import_bench(paths, report, hours=2 if quick else HOURS)
    if output is not None:
        write_json(output, result, force=force)
    for warning in result.warnings:
        sys.stderr.write(f"edgeacc: warning: {warning}\n")
    rows = [
        ("recordings", result.recordings, f"{result.recorded_min:.0f} min, {result.windows} windows kept"),
        ("import [min/s]", round(result.min_per_s, 1), f"{result.seconds:.1f} s on one thread"),
        ("times faster", _short(result.times_faster, 2), "than pandas and neurokit2, in turn on the same files"),
        (f"peak of {result.day_hours} h [MB]", round(result.day_peak_bytes / 1e6), "of a fresh process"),
        ("read [windows/s]", round(result.read_windows_per_s), "shuffled batches of 64, one thread"),
    ]
    show(result, [table("Import", ("figure", "value", "of what"), rows)], as_json=json)


def _kernels(
    paths: list[Path] | None, checkpoint: Path | None, output: Path | None, *, force: bool, json: bool
) -> None:
    if paths or checkpoint is not None:
        raise BadInput("--suite kernels takes neither paths nor --checkpoint", valid="edgeacc bench --suite kernels")
    from edgeacc.benchmarks.kernels_suite import run_kernels_bench
    from edgeacc.files import write_json

    with progress("bench kernels") as report:
        result = run_kernels_bench(report)
    if output is not None:
        write_json(output, result, force=force)
    rows = [
        (row.layer, row.core, row.macs, round(row.plain_per_mac, 2), round(row.tuned_per_mac, 3), row.goal_per_mac)
        for row in sorted(result.rows, key=lambda row: row.layer)
    ]
    title = f"Instructions per multiply-accumulate of int8 kernels ({result.emulator}; {result.compiler})"
    columns = ("layer", "core", "macs", "plain_per_mac", "tuned_per_mac", "goal_per_mac")
    show(result, [table(title, columns, rows)], as_json=json)


def _mlperf(paths: list[Path], checkpoint: Path | None, output: Path | None, *, force: bool, json: bool) -> None:
    import tempfile

    from edgeacc.benchmarks.mlperf import emulated, networks, run_mlperf
    from edgeacc.benchmarks.mlperf_models import int8_flatbuffer
    from edgeacc.files import write_json

    if checkpoint is not None:
        raise BadInput("--checkpoint has no part in --suite mlperf", valid=".tflite files, or nothing")
    with progress("bench mlperf") as report, tempfile.TemporaryDirectory(prefix="edgeacc-mlperf-") as folder:
        result = run_mlperf(networks(paths, int8_flatbuffer), emulated(Path(folder)), report)
    if output is not None:
        write_json(output, result, force=force)
    show(result, [_cycles(result), _energies(result)], as_json=json)


def _train(
    paths: list[Path] | None, checkpoint: Path | None, output: Path | None, *, quick: bool, force: bool, json: bool
) -> None:
    if paths or checkpoint is not None:
        raise BadInput("--suite train takes neither paths nor --checkpoint", valid="edgeacc bench --suite train")
    from edgeacc.benchmarks.training_suite import run_training_bench
    from edgeacc.files import write_json

    with progress("bench train") as report:
        result = run_training_bench(progress=report, turns=3 if quick else 5)
    if output is not None:
        write_json(output, result, force=force)
    for warning in result.warnings:
        sys.stderr.write(f"edgeacc: warning: {warning}\n")
    columns = (
        "encoder",
        "precision",
        "windows_per_s",
        "plain_windows_per_s",
        "times_faster",
        "gflops",
        "peak_share",
        "data_share",
    )
    rows = [
        (
            row.encoder,
            row.precision,
            round(row.windows_per_s),
            round(row.plain_windows_per_s),
            round(row.times_faster, 2),
            round(row.gflops, 1),
            f"{row.peak_share:.0%}",
            f"{row.data_share:.1%}",
        )
        for row in result.rows
    ]
    title = (
        f"Students in training, batch {result.batch}, {result.threads} threads; this machine's peak: "
        f"{result.fp32_gflops:.0f} GFLOP/s in fp32, {result.bf16_gflops:.0f} in bf16"
    )
    show(result, [table(title, columns, rows)], as_json=json)


def _scale(
    paths: list[Path] | None,
    checkpoint: Path | None,
    device: Device,
    output: Path | None,
    *,
    quick: bool,
    force: bool,
    json: bool,
) -> None:
    if paths or checkpoint is not None:
        raise BadInput("--suite scale takes neither paths nor --checkpoint", valid="edgeacc bench --suite scale")
    from edgeacc.benchmarks.scale_suite import PAPER_WINDOWS, run_scale_bench
    from edgeacc.files import write_json

    encoder = "transformer-xxxs" if quick else "transformer-xl"
    batch, steps = (16, 3) if device is Device.cpu else (1024, 20)
    with progress("bench scale") as report:
        result = run_scale_bench(encoder, device.value, report, batch=batch, steps=steps)
    if output is not None:
        write_json(output, result, force=force)
    for warning in result.warnings:
        sys.stderr.write(f"edgeacc: warning: {warning}\n")
    columns = (
        "step",
        "gflop_per_window",
        "bytes_per_window",
        "predicted_windows_per_s",
        "windows_per_s",
        "gflops",
        "peak_share",
        "hours",
    )
    rows = [
        (
            row.step,
            _short(row.gflop_per_window, 2),
            row.bytes_per_window,
            round(row.predicted_windows_per_s),
            round(row.windows_per_s, 1),
            _short(row.gflops, 1),
            None if row.peak_share is None else f"{row.peak_share:.0%}",
            round(row.hours, 1),
        )
        for row in result.rows
    ]
    title = (
        f"{PAPER_WINDOWS / 1e6:.0f} million windows with {result.encoder} in {result.precision} on {result.device}: "
        f"{result.hours:.3g} h, extrapolated; its peak: {result.peak_gflops:,.0f} GFLOP/s, copies "
        f"{result.copy_gb_s:,.0f} GB/s"
    )
    show(result, [table(title, columns, rows)], as_json=json)


def _reference(
    paths: list[Path] | None, checkpoint: Path | None, output: Path | None, *, force: bool, json: bool
) -> None:
    from edgeacc.weights import checkpoint as checkpoint_of

    if paths or checkpoint is None:
        raise BadInput(
            "--suite reference takes a checkpoint, and no path",
            valid="edgeacc bench --suite reference --checkpoint STUDENT -o reference.json",
        )
    from edgeacc.benchmarks.reference import run_reference
    from edgeacc.files import write_json

    with progress("bench reference") as report:
        result = run_reference(checkpoint_of(checkpoint), report)
    if output is not None:
        write_json(output, result, force=force)
    columns = ("device", "precision", "snr_db", "p50_ms", "p99_ms", "best_batch", "windows_per_s")
    row = (result.device, result.precision, round(result.snr_db, 1), _short(result.p50_ms, 4))
    rows = [(*row, _short(result.p99_ms, 4), result.best_batch, round(result.windows_per_s))]
    show(result, [table(f"{result.checkpoint} on a GPU, CUDA graph", columns, rows)], as_json=json)


def _cycles(result: "MlperfResult") -> "Table":
    columns = ("board", "network", "instructions_per_mac", "cycles_per_mac (low-high)", "least-median-most", "inside")
    rows = [
        (
            row.board,
            row.network,
            round(row.instructions_per_mac, 2),
            "{1:.2f} ({0:.2f}-{2:.2f})".format(*row.cycles_per_mac),
            f"{row.published.least:.2f} - {row.published.median:.2f} - {row.published.most:.2f}",
            "yes" if row.inside else "no",
        )
        for row in result.rows
    ]
    title = (
        f"Emulated cycles per multiply-accumulate beside published ones: {result.near_median} of {len(rows)} "
        f"within 25 % of the median, {result.inside} inside"
    )
    return table(title, columns, rows)


def _energies(result: "MlperfResult") -> "Table":
    columns = ("board", "network", "energy_uj", "measured_uj", "energy_ratio", "energy_of_its_cycles_ratio")
    rows = [
        (
            row.board,
            row.network,
            None if row.energy_uj is None else round(row.energy_uj.typical, 1),
            row.measured_uj,
            _short(row.energy_ratio, 2),
            _short(row.energy_of_its_cycles_ratio, 2),
        )
        for row in result.rows
    ]
    title = (
        f"Energy of one inference beside another engine's: {result.near_energy} of {len(rows)} within 20 %, "
        f"{result.near_energy_of_its_cycles} by that engine's own cycles"
    )
    return table(title, columns, rows)


def _latency(result: "BenchResult") -> "Table":
    machine, settings = result.machine, result.settings
    title = (
        f"One window at a time on {settings.threads} thread of {machine.cpu}: {settings.rounds} interleaved rounds of "
        f"{settings.calls_per_turn} calls, after a burn-in of {settings.burn_in_calls}"
    )
    if roofline := result.roofline:
        int8 = "" if roofline.int8_gops is None else f", {roofline.int8_gops:.0f} Gop/s in int8"
        title += f"; its peak: {roofline.fp32_gflops:.0f} GFLOP/s in fp32{int8}, copies {roofline.copy_gb_s:.0f} GB/s"
    return table(title, LATENCY, [_latency_cells(row) for row in result.rows])


def _memory(result: "BenchResult") -> "Table":
    rows = [
        (row.name, row.size_bytes, row.cold.baseline_rss_bytes, row.cold.peak_rss_bytes, row.above_baseline_bytes)
        if row.cold
        else (row.name, row.size_bytes, None, None, None)
        for row in result.rows
    ]
    return table(f"Size, and memory of a fresh process (median of {result.settings.cold_starts})", MEMORY, rows)


def _latency_cells(row: "Row") -> tuple[object, ...]:
    cold, warm = row.cold, row.warm
    return (
        row.name,
        _short(row.snr_db, 1),
        _short(cold.load_ms, 1) if cold else None,
        _short(cold.first_ms, 2) if cold else None,
        _short(warm.p50_ms, 3) if warm else row.state,
        _short(warm.p90_ms, 3) if warm else None,
        _short(warm.p99_ms, 3) if warm else None,
        _short(warm.cpu_ms, 3) if warm else None,
        _short(row.times_floor, 1),
        _short(row.vs_eager, 2),
    )


def _short(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)
