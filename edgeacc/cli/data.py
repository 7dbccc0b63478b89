"""`edgeacc data`: what a store of windows holds."""

from pathlib import Path
from typing import Annotated

import typer

from edgeacc.cli.group import Verb
from edgeacc.cli.output import LARGEST_SEED, progress, show, table

app = typer.Typer(help="What a store of windows holds.")


@app.command(cls=Verb)
def report(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="Made by `import` or `cohort make`.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write (.html).")],
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Decides every random draw.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON too, and nothing else.")] = False,
) -> None:
    """Write a page: minutes kept and lost, heart rates with baselines, spectra, the heartbeat's energy, examples."""
    import torch

    from edgeacc.benchmarks.report.data_page import data_page, summary
    from edgeacc.benchmarks.report.page import render
    from edgeacc.evaluation.data_study import study_data
    from edgeacc.files import refuse_existing, replacing
    from edgeacc.windows.store import open_store

    refuse_existing(output, force=force)
    torch.set_num_threads(1)
    with progress("data report") as tell:
        result, examples = study_data(open_store(store), seed=seed, progress=tell)
    page = render(data_page(result, examples))
    with replacing(output, force=force) as beside:
        beside.write_text(page)
    rows = [(each,) for each in summary(result)]
    show(result, [table("", ("what was found",), rows)], as_json=json, next_command=f"edgeacc evaluate --limit {store}")
