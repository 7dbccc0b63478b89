"""`edgeacc compress`: smaller networks from a trained one, which is what every target then starts from."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.group import Verb
from edgeacc.cli.output import LARGEST_SEED, progress, show, table
from edgeacc.cli.several import require_all
from edgeacc.errors import command

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.compression.prune import PruneResult
    from edgeacc.evaluation.bootstrap import Interval
    from edgeacc.export.task import TaskReport

app = typer.Typer(help="Make a trained network smaller; the same command goes on after an interruption.")


@app.command(cls=Verb)
def prune(
    checkpoint: Annotated[Path, typer.Argument(help="A student's or an accelerometer baseline's checkpoint.")],
    ratio: Annotated[
        float,
        typer.Option(
            min=0.05, max=0.95, help="Part of the channels, heads and hidden units to take out, 0.05 to 0.95."
        ),
    ],
    store: Annotated[Path, typer.Option(help="Its training windows tell what matters, and train what is left.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The checkpoint folder to make.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps of training after the cut.")] = 400,
    batch: Annotated[int, typer.Option(min=2, help="Windows per step.")] = 64,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Decides every random draw.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 1,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the output if it exists; an unfinished run of it is discarded.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Take units out of the inner layers, and train what is left to imitate the whole network.

    The result is a smaller checkpoint with an embedding of the same width, not a mask.
    """
    from edgeacc.files import refuse_existing
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.windows.manifest import read_manifest

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
def report(
    bundles: Annotated[list[Path], typer.Argument(help="Folders written by `edgeacc export`.")],
    checkpoint: Annotated[Path, typer.Option(help="The network that they were made from.")],
    store: Annotated[Path, typer.Option(help="Its training people fit the probes, its test people are judged.")],
    windows: Annotated[int, typer.Option(min=2, help="At most so many windows of test people.")] = 1024,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the result here as JSON too.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """What artifacts cost in heart rate and its variability, on held-out people, with intervals."""
    from edgeacc.bundle.sums import require_bundle
    from edgeacc.files import refuse_existing, write_json
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.windows.manifest import read_manifest

    require_all(
        *(partial(require_bundle, bundle) for bundle in bundles),
        partial(require_checkpoint, checkpoint),
        partial(read_manifest, store),
        *([partial(refuse_existing, output, force=force)] if output is not None else []),
    )
    import torch

    from edgeacc.export.task import task_report
    from edgeacc.windows.store import open_store

    torch.set_num_threads(1)
    reports = []
    for bundle in bundles:
        with progress(bundle.name) as told:
            reports.append(task_report(bundle, checkpoint, open_store(store), windows, told))
    found = {"reports": [each.model_dump(mode="json") for each in reports]}
    if output is not None:
        write_json(output, found, force=force)
    show(found, [_costs(reports)], as_json=json)


def _costs(reports: "list[TaskReport]") -> "Table":
    rows = [
        (each.recipe, round(each.snr_db, 1), cost.target, cost.probe, round(cost.whole.value, 3), _told(cost.cost),
         _told(cost.part, 100))
        for each in reports
        for cost in each.costs
    ]  # fmt: skip
    columns = ("recipe", "SNR [dB]", "target", "probe", "error of the network", "cost of the artifact", "in percent")
    return table(f"On {reports[0].windows} windows of {reports[0].participants} held-out people", columns, rows)


def _told(interval: "Interval", scale: float = 1.0) -> str:
    value = f"{scale * interval.value:+.3f}"
    if interval.low is None or interval.high is None:
        return value
    return f"{value} ({scale * interval.low:+.3f} to {scale * interval.high:+.3f})"
