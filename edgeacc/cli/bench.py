"""`edgeacc bench`: size, load, latency and memory of bundles beside the usual ways to run them; and other suites."""

import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from edgeacc.cli.bench_tables import bundle_tables, cycles, energies, short
from edgeacc.cli.output import progress, show, table
from edgeacc.cli.several import as_one, require_all
from edgeacc.errors import BadInput, NotPossibleHere, command


class Device(StrEnum):
    """What computes."""

    cpu = "cpu"
    cuda = "cuda"


class Suite(StrEnum):
    """What is measured."""

    latency = "latency"
    load = "load"
    memory = "memory"
    peers = "peers"
    imports = "import"
    kernels = "kernels"
    mlperf = "mlperf"
    train = "train"
    scale = "scale"
    reference = "reference"


OF_BUNDLES = (Suite.latency, Suite.load, Suite.memory, Suite.peers)
"""Measured together, in the same processes."""


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
        str,
        typer.Option(
            help="One or several, with commas. Of bundles: `latency`, `load`, `memory` (size too), and `peers`: beside "
            "torch.compile, onnxruntime and plain conversions of the same weights. `import`: how fast recordings "
            "become windows, in what memory; `kernels`: instructions of the firmware's kernels on emulated cores; "
            "`mlperf`: the simulator's cycles and energies beside published measurements; `train`: windows a second of "
            "students; `scale`: how long 20 million windows take here, on a processor or a GPU; `reference`: a "
            "checkpoint on the GPU, in bf16."
        ),
    ] = "latency,load,memory",
    target: Annotated[str | None, typer.Option(help="Only the bundles of this target.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="What the bundles were made from: PyTorch eager runs it too, and the peers.")
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
    suites = _suites(suite)
    asked = _Asked(what or [], suites, target, checkpoint, device, output, quick, force, json)
    others = [each for each in suites if each not in OF_BUNDLES]
    _refuse_what_has_no_part(asked, others)
    if len(others) < len(suites):
        _bundles(asked)
    measure = {
        Suite.imports: _import,
        Suite.kernels: _kernels,
        Suite.mlperf: _mlperf,
        Suite.train: _train,
        Suite.scale: _scale,
        Suite.reference: _reference,
    }
    for each in others:
        measure[each](asked)


def _suites(words: str) -> list[Suite]:
    asked = dict.fromkeys(word.strip() for word in words.split(",") if word.strip())
    strange = [word for word in asked if word not in tuple(Suite)]
    if strange or not asked:
        raise BadInput(
            f"no suite {', '.join(map(repr, strange)) or repr(words)}",
            valid=", ".join(Suite),
            next_command="edgeacc bench --help",
        )
    return [Suite(word) for word in asked]


def _refuse_what_has_no_part(asked: "_Asked", others: list[Suite]) -> None:
    """All at once: what another suite would take, and several results for one file."""
    of_bundles = len(others) < len(asked.suites)
    problems = []
    if asked.device is not Device.cpu and others != [Suite.scale]:
        problems.append(BadInput(f"--device {asked.device} has a part in --suite scale alone", valid="--suite scale"))
    if asked.target is not None and not of_bundles:
        problems.append(BadInput("--target has a part in the suites of bundles alone", valid=", ".join(OF_BUNDLES)))
    if not asked.what and (of_bundles or Suite.imports in others):
        problems.append(BadInput("no path given", valid="bundles, or recordings with --suite import"))
    if Suite.peers in asked.suites and asked.checkpoint is None:
        problems.append(BadInput("--suite peers needs --checkpoint", valid="what the bundles were made from"))
    if len(others) + of_bundles > 1 and (asked.output is not None or asked.json):
        problems.append(
            BadInput("-o and --json take one result", valid=f"one suite, or several of {', '.join(OF_BUNDLES)}")
        )
    require_all(*(partial(_raise, problem) for problem in problems))


def _raise(error: BadInput) -> None:
    raise error


class _Asked(NamedTuple):
    """What the command line asks of a suite."""

    what: list[Path]
    suites: list[Suite]
    target: str | None
    checkpoint: Path | None
    device: Device
    output: Path | None
    quick: bool
    force: bool
    json: bool


def _bundles(asked: _Asked) -> None:
    from edgeacc.weights import checkpoint as checkpoint_of

    checkpoint = None if asked.checkpoint is None else checkpoint_of(asked.checkpoint)
    what = _of_target(asked.what, asked.target)
    _refuse_no_bundles(what, checkpoint)
    from edgeacc.benchmarks.results import FULL, QUICK
    from edgeacc.benchmarks.suite import run_bench
    from edgeacc.files import write_json

    with progress("bench") as report:
        settings = QUICK if asked.quick else FULL
        outcome = run_bench(what, checkpoint, settings, report, all_peers=Suite.peers in asked.suites)
    result = outcome.result
    timed = any(row.warm for row in result.rows)
    if asked.output is not None and timed:
        write_json(asked.output, result, force=asked.force)
    for warning in result.warnings:
        sys.stderr.write(f"edgeacc: warning: {warning}\n")
    if timed or asked.json:
        show(result, bundle_tables(result, asked.suites), as_json=asked.json)
    if outcome.errors:
        raise as_one(outcome.errors)
    if not timed:
        raise NotPossibleHere(
            f"nothing was timed: {', '.join(f'{row.name} {row.state}' for row in result.rows)}",
            valid="bundles of other targets, or --checkpoint for PyTorch on the same weights",
            next_command=command("edgeacc", "verify", *what),
        )


def _of_target(paths: list[Path], target: str | None) -> list[Path]:
    """The bundles of a target; what is no bundle stays, to be told of."""
    if target is None:
        return paths
    from edgeacc.bundle.bundle import target_of
    from edgeacc.export.registry import target_info

    target_info(target)
    kept = [path for path in paths if target_of(path) in (None, target)]
    if not kept:
        raise BadInput(f"none of the bundles is for {target}", valid="their own targets, or no --target")
    return kept


def _refuse_no_bundles(what: list[Path], checkpoint: Path | None) -> None:
    """Before torch is imported (seconds): no checkpoint, or not one bundle; of several, what is none is a row."""
    from edgeacc.bundle.sums import is_bundle, require_bundle
    from edgeacc.models.folder import require_checkpoint

    checks = [] if any(map(is_bundle, what)) else [partial(require_bundle, path) for path in what]
    require_all(*checks, *([partial(require_checkpoint, checkpoint)] if checkpoint is not None else []))


def _import(asked: _Asked) -> None:
    from edgeacc.benchmarks.import_suite import HOURS, run_import_bench
    from edgeacc.files import write_json

    if asked.checkpoint is not None:
        raise BadInput("--checkpoint has no part in --suite import", valid="recordings alone")
    with progress("bench import") as report:
        result = run_import_bench(asked.what, report, hours=2 if asked.quick else HOURS)
    if asked.output is not None:
        write_json(asked.output, result, force=asked.force)
    for warning in result.warnings:
        sys.stderr.write(f"edgeacc: warning: {warning}\n")
    rows = [
        ("recordings", result.recordings, f"{result.recorded_min:.0f} min, {result.windows} windows kept"),
        ("import [min/s]", round(result.min_per_s, 1), f"{result.seconds:.1f} s on one thread"),
        ("times faster", short(result.times_faster, 2), "than pandas and neurokit2, in turn on the same files"),
        (f"peak of {result.day_hours} h [MB]", round(result.day_peak_bytes / 1e6), "of a fresh process"),
        ("read [windows/s]", round(result.read_windows_per_s), "shuffled batches of 64, one thread"),
    ]
    show(result, [table("Import", ("figure", "value", "of what"), rows)], as_json=asked.json)


def _kernels(asked: _Asked) -> None:
    if asked.what or asked.checkpoint is not None:
        raise BadInput("--suite kernels takes neither paths nor --checkpoint", valid="edgeacc bench --suite kernels")
    from edgeacc.benchmarks.kernels_suite import run_kernels_bench
    from edgeacc.files import write_json

    with progress("bench kernels") as report:
        result = run_kernels_bench(report)
    if asked.output is not None:
        write_json(asked.output, result, force=asked.force)
    rows = [
        (row.layer, row.core, row.macs, round(row.plain_per_mac, 2), round(row.tuned_per_mac, 3), row.goal_per_mac)
        for row in sorted(result.rows, key=lambda row: row.layer)
    ]
    title = f"Instructions per multiply-accumulate of int8 kernels ({result.emulator}; {result.compiler})"
    columns = ("layer", "core", "macs", "plain_per_mac", "tuned_per_mac", "goal_per_mac")
    show(result, [table(title, columns, rows)], as_json=asked.json)


def _mlperf(asked: _Asked) -> None:
    import tempfile

    from edgeacc.benchmarks.mlperf import emulated, networks, run_mlperf
    from edgeacc.benchmarks.mlperf_models import int8_flatbuffer
    from edgeacc.files import write_json

    if asked.checkpoint is not None:
        raise BadInput("--checkpoint has no part in --suite mlperf", valid=".tflite files, or nothing")
    with progress("bench mlperf") as report, tempfile.TemporaryDirectory(prefix="edgeacc-mlperf-") as folder:
        result = run_mlperf(networks(asked.what, int8_flatbuffer), emulated(Path(folder)), report)
    if asked.output is not None:
        write_json(asked.output, result, force=asked.force)
    show(result, [cycles(result), energies(result)], as_json=asked.json)


def _train(asked: _Asked) -> None:
    if asked.what or asked.checkpoint is not None:
        raise BadInput("--suite train takes neither paths nor --checkpoint", valid="edgeacc bench --suite train")
    from edgeacc.benchmarks.training_suite import run_training_bench
    from edgeacc.files import write_json

    with progress("bench train") as report:
        result = run_training_bench(progress=report, turns=3 if asked.quick else 5)
    if asked.output is not None:
        write_json(asked.output, result, force=asked.force)
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
    show(result, [table(title, columns, rows)], as_json=asked.json)


def _scale(asked: _Asked) -> None:
    if asked.what or asked.checkpoint is not None:
        raise BadInput("--suite scale takes neither paths nor --checkpoint", valid="edgeacc bench --suite scale")
    from edgeacc.benchmarks.scale_suite import PAPER_WINDOWS, run_scale_bench
    from edgeacc.files import write_json

    encoder = "transformer-xxxs" if asked.quick else "transformer-xl"
    batch, steps = (16, 3) if asked.device is Device.cpu else (1024, 20)
    with progress("bench scale") as report:
        result = run_scale_bench(encoder, asked.device.value, report, batch=batch, steps=steps)
    if asked.output is not None:
        write_json(asked.output, result, force=asked.force)
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
            short(row.gflop_per_window, 2),
            row.bytes_per_window,
            round(row.predicted_windows_per_s),
            round(row.windows_per_s, 1),
            short(row.gflops, 1),
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
    show(result, [table(title, columns, rows)], as_json=asked.json)


def _reference(asked: _Asked) -> None:
    from edgeacc.weights import checkpoint as checkpoint_of

    if asked.what or asked.checkpoint is None:
        raise BadInput(
            "--suite reference takes a checkpoint, and no path",
            valid="edgeacc bench --suite reference --checkpoint STUDENT -o reference.json",
        )
    from edgeacc.benchmarks.reference import run_reference
    from edgeacc.files import write_json

    with progress("bench reference") as report:
        result = run_reference(checkpoint_of(asked.checkpoint), report)
    if asked.output is not None:
        write_json(asked.output, result, force=asked.force)
    columns = ("device", "precision", "snr_db", "p50_ms", "p99_ms", "best_batch", "windows_per_s")
    row = (result.device, result.precision, round(result.snr_db, 1), short(result.p50_ms, 4))
    rows = [(*row, short(result.p99_ms, 4), result.best_batch, round(result.windows_per_s))]
    show(result, [table(f"{result.checkpoint} on a GPU, CUDA graph", columns, rows)], as_json=asked.json)
