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
