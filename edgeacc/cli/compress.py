"""`edgeacc compress`: smaller networks from a trained one, which is what every target then starts from."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.group import Verb
from edgeacc.cli.output import LARGEST_SEED, progress, show, table
from edgeacc.cli.several import require_all
from edgeacc.errors import BadInput, NotPossibleHere, command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table

    from edgeacc.benchmarks.search.budget import Limit
    from edgeacc.benchmarks.search.result import Measured, SearchResult
    from edgeacc.compression.prune import PruneResult
    from edgeacc.evaluation.bootstrap import Interval
    from edgeacc.export.task import TaskReport
    from edgeacc.firmware_sim.profile import Target
    from edgeacc.firmware_sim.wear_day import Wearable

Checkpoint = Annotated[
    Path,
    typer.Argument(help="A student's or an accelerometer baseline's checkpoint, or a name from `edgeacc ls students`."),
]
Output = Annotated[Path, typer.Option("-o", "--output", help="The checkpoint folder to make.")]
Batch = Annotated[int, typer.Option(min=2, help="Windows per step.")]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Decides every random draw.")]
Threads = Annotated[int, typer.Option(min=1, help="Processor threads.")]
Force = Annotated[
    bool, typer.Option("--force", help="Replace the output if it exists; an unfinished run of it is discarded.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]

app = typer.Typer(help="Make a trained network smaller; the same command goes on after an interruption.")


@app.command(cls=Verb)
def prune(
    checkpoint: Checkpoint,
    ratio: Annotated[
        float,
        typer.Option(
            min=0.05, max=0.95, help="Part of the channels, heads and hidden units to take out, 0.05 to 0.95."
        ),
    ],
    store: Annotated[Path, typer.Option(help="Its training windows tell what matters, and train what is left.")],
    output: Output,
    steps: Annotated[int, typer.Option(min=1, help="Steps of training after the cut.")] = 400,
    batch: Batch = 64,
    seed: Seed = 0,
    threads: Threads = 1,
    force: Force = False,
    json: Json = False,
) -> None:
    """Take units out of the inner layers, and train what is left to imitate the whole network.

    The result is a smaller checkpoint with an embedding of the same width, not a mask.
    """
    from edgeacc.files import refuse_existing
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.weights import checkpoint as checkpoint_of
    from edgeacc.windows.manifest import read_manifest

    checkpoint = checkpoint_of(checkpoint)
    require_all(
        partial(require_checkpoint, checkpoint),
        partial(read_manifest, store),
        partial(refuse_existing, output, force=force, inputs=[store, checkpoint]),
    )
    from edgeacc.compression.prune import PruneConfig
    from edgeacc.compression.prune import prune as run
    from edgeacc.training.config import fastest_precision
    from edgeacc.windows.store import open_store

    precision = fastest_precision()
    config = PruneConfig(ratio=ratio, steps=steps, batch=batch, seed=seed, precision=precision, threads=threads)
    with progress("prune") as report:
        result = run(checkpoint, open_store(store), output, config, progress=report, force=force)
    show(result, _tables(result), as_json=json, next_command=command("edgeacc", "export", output, "--target", "all"))


def _tables(result: "PruneResult") -> "list[Table]":
    pruning, macs = result.card.pruning, 1e6
    work = f"{pruning.macs_before / macs:.2f} -> {pruning.macs / macs:.2f}" if pruning is not None else None
    rows = [
        ("checkpoint", result.path),
        ("encoder", result.card.encoder.name),
        ("multiply-accumulates of a window [million]", work),
        ("SNR to the whole network, untrained [dB]", round(result.snr_db[0], 1)),
        ("SNR to the whole network, trained [dB]", round(result.snr_db[1], 1)),
    ]
    sizes = [(name, before, after) for name, (before, after) in result.sizes.items()]
    return [table("A pruned network", ("what", "value"), rows), table("Units", ("layer", "before", "after"), sizes)]


@app.command(cls=Verb)
def qat(
    checkpoint: Checkpoint,
    store: Annotated[Path, typer.Option(help="Its training windows train the network; some tell when it is best.")],
    output: Output,
    steps: Annotated[int, typer.Option(min=1, help="Steps of training.")] = 400,
    batch: Batch = 64,
    seed: Seed = 0,
    threads: Threads = 1,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train a network to lose less in static int8: rounded so, it imitates itself in float.

    The result is a checkpoint of the same network, for the recipes with static int8 activations of every target.
    """
    from edgeacc.files import refuse_existing
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.weights import checkpoint as checkpoint_of
    from edgeacc.windows.manifest import read_manifest

    checkpoint = checkpoint_of(checkpoint)
    require_all(
        partial(require_checkpoint, checkpoint),
        partial(read_manifest, store),
        partial(refuse_existing, output, force=force, inputs=[store, checkpoint]),
    )
    from edgeacc.compression.imitation import ImitationConfig
    from edgeacc.compression.qat import train_rounded
    from edgeacc.windows.store import open_store

    config = ImitationConfig(steps=steps, batch=batch, seed=seed, threads=threads)
    with progress("qat") as told:
        result = train_rounded(checkpoint, open_store(store), output, config, progress=told, force=force)
    rounding = result.card.rounding
    rows = [
        ("checkpoint", result.path),
        ("encoder", result.card.encoder.name),
        ("SNR in int8, before [dB]", rounding and round(rounding.snr_db_before, 1)),
        ("SNR in int8, after [dB]", rounding and round(rounding.snr_db, 1)),
        ("best after step", rounding and rounding.step),
        *([("stopped, the best kept", result.stopped)] if result.stopped else []),
    ]
    next_command = command("edgeacc", "export", output, "--target", "tflite", "--recipe", "tflite-w8a8-qat")
    show(result, [table("A network for int8", ("what", "value"), rows)], as_json=json, next_command=next_command)


@app.command(cls=Verb)
def report(
    bundles: Annotated[list[Path], typer.Argument(help="Folders written by `edgeacc export`.")],
    checkpoint: Annotated[Path, typer.Option(help="The network that they were made from.")],
    store: Annotated[Path, typer.Option(help="Its training people fit the probes, its test people are judged.")],
    windows: Annotated[int, typer.Option(min=2, help="At most so many windows of test people.")] = 1024,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the result here as JSON too.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """What artifacts cost in heart rate and its variability, on held-out people.

    Beside it what really is in integers, as the artifact's own file tells, and which layer loses how much.
    """
    from edgeacc.bundle.sums import require_bundle
    from edgeacc.files import refuse_existing, write_json
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.weights import checkpoint as checkpoint_of
    from edgeacc.windows.manifest import read_manifest

    checkpoint = checkpoint_of(checkpoint)
    require_all(
        *(partial(require_bundle, bundle) for bundle in bundles),
        partial(require_checkpoint, checkpoint),
        partial(read_manifest, store),
        *([partial(refuse_existing, output, force=force)] if output is not None else []),
    )
    import torch

    from edgeacc.export.task import layer_report, operations_of, task_report
    from edgeacc.windows.store import open_store

    torch.set_num_threads(1)
    reports = []
    for bundle in bundles:
        with progress(bundle.name) as told:
            made = task_report(bundle, checkpoint, open_store(store), windows, told)
        layers = layer_report(bundle, checkpoint, open_store(store))
        reports.append(made.model_copy(update={"layers": layers, "operations": operations_of(bundle)}))
    found = {"reports": [each.model_dump(mode="json") for each in reports]}
    if output is not None:
        write_json(output, found, force=force)
    looked_into = [each for each in reports if each.layers]
    tables = [_costs(reports), *_formats([each for each in reports if each.operations])]
    show(found, [*tables, *([_layers(looked_into), _first_below(looked_into)] if looked_into else [])], as_json=json)


def _costs(reports: "list[TaskReport]") -> "Table":
    rows = [
        (each.recipe, round(each.snr_db, 1), cost.target, cost.probe, round(cost.whole.value, 3), _told(cost.cost),
         _told(cost.part, 100))
        for each in reports
        for cost in each.costs
    ]  # fmt: skip
    columns = ("recipe", "SNR [dB]", "target", "probe", "error of the network", "cost of the artifact", "in percent")
    return table(f"On {reports[0].windows} windows of {reports[0].participants} held-out people", columns, rows)


def _formats(reports: "list[TaskReport]") -> "list[Table]":
    """None where no artifact's file tells of formats."""
    if not reports:
        return []
    from edgeacc.export.precision import computing, weight_bytes

    weights = [weight_bytes(each.operations) for each in reports]
    names = sorted({name for each in weights for name in each})
    stored = [
        (report.recipe, *(round(each[name] / 1000, 1) if name in each else None for name in names))
        for report, each in zip(reports, weights, strict=True)
    ]
    computed = [
        (report.recipe, kind, sum(counts.values()), ", ".join(f"{name} {count}" for name, count in counts.items()))
        for report in reports
        for kind, counts in computing(report.operations).items()
    ]
    return [
        table("Weights by the format that the artifact stores [kB]", ("recipe", *names), stored),
        table("What flows into operations", ("recipe", "format", "operations", "which"), computed),
    ]


def _layers(reports: "list[TaskReport]") -> "Table":
    names = list(dict.fromkeys(layer.name for each in reports for layer in each.layers))
    columns = [{layer.name: round(layer.snr_db, 1) for layer in each.layers} for each in reports]
    rows = [(name, *(column.get(name) for column in columns)) for name in names]
    title = "SNR of each layer's result, what came before it included [dB]"
    return table(title, ("layer", *(each.recipe for each in reports)), rows)


def _first_below(reports: "list[TaskReport]") -> "Table":
    rows = []
    for report in reports:
        below = (layer.name for layer in report.layers if not layer.snr_db >= report.min_snr_db)
        rows.append((report.recipe, f"{report.min_snr_db:g}", next(below, None)))
    return table("First layer below the recipe's floor", ("recipe", "floor [dB]", "layer"), rows)


def _told(interval: "Interval", scale: float = 1.0) -> str:
    value = f"{scale * interval.value:+.3f}"
    if interval.low is None or interval.high is None:
        return value
    return f"{value} ({scale * interval.low:+.3f} to {scale * interval.high:+.3f})"


@app.command(cls=Verb)
def search(
    checkpoints: Annotated[
        list[Path], typer.Argument(help="The whole network first, then smaller ones that were made from it, if any.")
    ],
    target: Annotated[str, typer.Option(help="A name from `edgeacc ls targets`.")],
    store: Annotated[
        Path, typer.Option(help="Its training people calibrate and fit the probes, its test people judge.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="A folder; the same command goes on in it.")],
    budget: Annotated[
        str | None, typer.Option(help="What an artifact may cost: 'size<300kB, flash<256KiB, d_hr<0.1bpm'.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="From `edgeacc ls devices`: memory, time and energy there of static int8.")
    ] = None,
    windows: Annotated[int, typer.Option(min=2, help="At most so many windows of test people.")] = 1024,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Measure every recipe of a target and mixtures of formats by layer; tell what no other beats, or meet a budget."""
    from edgeacc.benchmarks.search.budget import parse_budget
    from edgeacc.export.registry import target_info
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.weights import checkpoint as checkpoint_of
    from edgeacc.windows.manifest import read_manifest

    checkpoints = [checkpoint_of(path) for path in checkpoints]
    limits = () if budget is None else parse_budget(budget)
    require_all(
        partial(target_info, target),
        *(partial(require_checkpoint, checkpoint) for checkpoint in checkpoints),
        partial(read_manifest, store),
        partial(_require_search_folder, output),
    )
    import torch

    from edgeacc.benchmarks.search.page import write_page
    from edgeacc.benchmarks.search.search import Search, require_searchable, run_search
    from edgeacc.files import write_json
    from edgeacc.windows.store import open_store

    torch.set_num_threads(1)
    worn, simulated = _worn(device)
    asked = Search(checkpoints, target, open_store(store), windows, output, simulated, worn)
    require_searchable(asked, limits)
    output.mkdir(parents=True, exist_ok=True)
    with progress("search") as told:
        result = run_search(asked, told)
    write_json(output / SEARCH, result, force=True)
    write_page([result], output / "search.md", force=True)
    chosen = _chosen(result, limits) if limits else None
    found = {"chosen": chosen, "result": result} if limits else result
    show(found, _search_tables(result, chosen), as_json=json, next_command=_after(output, chosen))


SEARCH = "search.json"


def _require_search_folder(output: Path) -> None:
    if output.exists() and not (output.is_dir() and ((output / SEARCH).exists() or _only_ours(output))):
        raise BadInput(f"{output} is there, and no search's", valid="a new folder, or one that a search began")


def _only_ours(output: Path) -> bool:
    return {path.name for path in output.iterdir()} <= {"bundles", "reports", "scans"}


def _worn(device: str | None) -> "tuple[Callable[[Target], Wearable] | None, Target | None]":
    if device is None:
        return None, None
    from edgeacc.cli.simulate import worn_with
    from edgeacc.firmware_sim.profile import target as device_of

    return worn_with("adxl367", "adpd4000", "lipo-100", radio=False), device_of(device)


def _chosen(result: "SearchResult", limits: "Sequence[Limit]") -> "Measured":
    """The best candidate.

    Raises:
        NotPossibleHere: none meets all limits; which cannot be met, and how near the nearest comes.
    """
    from edgeacc.benchmarks.search.result import meeting, nearest, unreachable

    fitting = meeting(result.measured, limits)
    if fitting:
        return fitting[0]
    best, missed = nearest(result.measured, limits)
    alone = unreachable(result.measured, limits)
    told = f"cannot be met: {'; '.join(alone)}. " if alone else "each limit can be met, but not all by one artifact. "
    raise NotPossibleHere(f"{told}Nearest: {best.name}, which misses {'; '.join(missed)}", valid="a larger budget")


def _search_tables(result: "SearchResult", chosen: "Measured | None") -> "list[Table]":
    front = {each.name for each in result.front}
    rows = [
        (
            each.name, round(each.size_bytes / 1000), each.snr_db, _told(each.errors["d_hr_bpm"]),
            _short(each.latency_ms),
            None if each.flash_bytes is None else round(each.flash_bytes / 1024), _short(each.device_ms),
            "chosen" if chosen is not None and each.name == chosen.name else "yes" if each.name in front else None,
        )
        for each in result.measured
    ]  # fmt: skip
    columns = ("artifact", "size [kB]", "SNR [dB]", "heart-rate error added [bpm]", "latency here [ms]", "flash [KiB]",
               "time there [ms]", "on the front")  # fmt: skip
    title = f"{result.target}: on {result.windows} windows of {result.participants} held-out people"
    refused = [(each.name, each.problem) for each in result.refused]
    return [table(title, columns, rows), *([table("Refused", ("artifact", "why"), refused)] if refused else [])]


def _short(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"


def _after(output: Path, chosen: "Measured | None") -> str:
    if chosen is None:
        return command("edgeacc", "compress", "table", output / SEARCH, "-o", "page.md")
    return command("edgeacc", "verify", output / "bundles" / chosen.name)


@app.command("table", cls=Verb)
def page(
    results: Annotated[list[Path], typer.Argument(help="`search.json` of searches, one of each target.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write; its picture lies beside it.")],
    force: Annotated[bool, typer.Option("--force", help="Replace them if they exist.")] = False,
) -> None:
    """Write what searches found as a page with a picture, from their JSONs alone."""
    from edgeacc.benchmarks.search.page import read_results, write_page
    from edgeacc.files import refuse_existing

    if output.suffix != ".md":
        raise BadInput(f"{output} is no Markdown file", valid="a name that ends in .md")
    for path in (output, output.with_suffix(".png")):
        refuse_existing(path, force=force, inputs=results)
    write_page(read_results(results), output, force=force)
    show({"page": output}, [table("Written", ("what", "where"), [("page", output)])], as_json=False)
