"""`edgeacc compress`: smaller networks from a trained one, which is what every target then starts from."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeacc.cli.compress_tables import prune_tables, report_tables, search_tables
from edgeacc.cli.group import Verb
from edgeacc.cli.output import LARGEST_SEED, progress, show, table
from edgeacc.cli.several import require_all
from edgeacc.errors import BadInput, NotPossibleHere, command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgeacc.benchmarks.search.budget import Limit
    from edgeacc.benchmarks.search.result import Measured, SearchResult
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
    show(
        result, prune_tables(result), as_json=json, next_command=command("edgeacc", "export", output, "--target", "all")
    )


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
    teacher: Annotated[
        Path | None, typer.Option(help="The network's teacher, for what retrieval loses; it converts once more.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the result here as JSON too.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """What artifacts cost in heart rate, its variability and (with a teacher) retrieval, on held-out people.

    Beside it what really is in integers, as the artifact's own file tells, and which layer loses how much.
    """
    from edgeacc.bundle.sums import require_bundle
    from edgeacc.files import refuse_existing, write_json
    from edgeacc.models.card import require_teacher
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.weights import checkpoint as checkpoint_of
    from edgeacc.windows.manifest import read_manifest

    checkpoint = checkpoint_of(checkpoint)
    require_all(
        *(partial(require_bundle, bundle) for bundle in bundles),
        partial(require_checkpoint, checkpoint),
        partial(read_manifest, store),
        *([partial(require_teacher, teacher)] if teacher is not None else []),
        *([partial(refuse_existing, output, force=force)] if output is not None else []),
    )
    import torch

    from edgeacc.export.retrieval import retrieval_report
    from edgeacc.export.task import layer_report, operations_of, task_report
    from edgeacc.windows.store import open_store

    torch.set_num_threads(1)
    reports = []
    for bundle in bundles:
        with progress(bundle.name) as told:
            more: dict[str, Any] = {"operations": operations_of(bundle)}
            if teacher is not None:
                more["retrieval"] = retrieval_report(bundle, checkpoint, teacher, open_store(store), windows, told)
            made = task_report(bundle, checkpoint, open_store(store), windows, told)
        more["layers"] = layer_report(bundle, checkpoint, open_store(store))
        reports.append(made.model_copy(update=more))
    found = {"reports": [each.model_dump(mode="json") for each in reports]}
    if output is not None:
        write_json(output, found, force=force)
    show(found, report_tables(reports), as_json=json)


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
    show(found, search_tables(result, chosen), as_json=json, next_command=_after(output, chosen))


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
