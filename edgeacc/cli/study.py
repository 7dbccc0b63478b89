"""`edgeacc study`: a whole grid of trainings and evaluations, and its tables."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.group import Verb
from edgeacc.cli.output import show, table
from edgeacc.errors import BadInput, EdgeaccError, command

if TYPE_CHECKING:
    from edgeacc.study.spec import Study

app = typer.Typer(help="A grid of trainings and evaluations, as one resumable command, and the tables of its results.")
STUDY = "study.json"


@app.command(cls=Verb)
def run(
    study: Annotated[str, typer.Argument(help="smoke, laptop, gpu, paper, or the path of a TOML file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the study.")],
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Run what is not done yet, two cells at a time; the same command goes on and tries what failed again."""
    from edgeacc.cli.demo_display import display
    from edgeacc.cli.demo_journal import read_journal
    from edgeacc.cli.demo_run import Runner
    from edgeacc.cli.study_plan import StudyPlan
    from edgeacc.study.spec import read_study

    asked = read_study(study)
    _refuse_another(output, asked)
    plan = StudyPlan(asked, output)
    plan.check()
    _remember(output, asked)
    runner = Runner(plan.steps, output, keep_going=True)
    try:
        with display(plan.steps, "study") as watch:
            runner.run(watch)
    finally:
        plan.write_cells(read_journal(output).steps)
    left = [step.name for step in plan.steps if not step.output.exists()]
    if left:
        raise _unfinished(output, runner.failed, left, study)
    told = {"study": asked.name, "path": str(output), "cells": len(plan.steps)}
    page = output / "study.md"
    after = command("edgeacc", "study", "table", output, "-o", page)
    show(told, [table(f"Study {asked.name}", ("what", "value"), list(told.items()))], as_json=json, next_command=after)


@app.command("table", cls=Verb)
def tables(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders that `study run` made.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The Markdown page; its pictures lie beside it.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the page and its pictures.")] = False,
) -> None:
    """Write tables and pictures from the cells' JSONs alone."""
    from edgeacc.files import refuse_existing, replacing
    from edgeacc.study.cell import read_cells
    from edgeacc.study.plots import draw_all
    from edgeacc.study.table import page

    refuse_existing(output, force=force)
    cells = read_cells(folders)
    pictures = draw_all(cells, output.parent, output.stem, force=force)
    with replacing(output, force=force) as beside:
        beside.write_text(page(cells, pictures))
    sys.stdout.write(f"{output}: {len(cells)} cells, {len(pictures)} pictures\n")


@app.command(cls=Verb)
def ship(
    folder: Annotated[Path, typer.Argument(help="A folder that `study run` made.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Gets a checkpoint for every student.")],
    data: Annotated[str, typer.Option(help="The windows they were trained on.")] = "calibrated",
    seed: Annotated[int, typer.Option(min=0, help="Of which training.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace checkpoints that exist.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Pack the students of a study: half precision, each with a card of its figures and limits."""
    from edgeacc.study.ship import ship as shipped

    paths = shipped(folder, output, data=data, seed=seed, force=force)
    rows = [(path.name, str(path), sum(file.stat().st_size for file in path.iterdir())) for path in paths]
    after = command("edgeacc", "export", paths[0], "--target", "coreml")
    show(
        {"students": rows}, [table("Students", ("name", "path", "size_bytes"), rows)], as_json=json, next_command=after
    )


def _refuse_another(folder: Path, study: "Study") -> None:
    from edgeacc.files import read_model
    from edgeacc.study.spec import Study

    path = folder / STUDY
    if not path.exists() and folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{folder} is there, and no study's", valid="a new folder, or one that this study began")
    if path.exists() and (found := read_model(path, Study)) != study:
        changed = [name for name in Study.model_fields if getattr(found, name) != getattr(study, name)]
        raise BadInput(
            f"{folder} holds study {found.name!r} with other {', '.join(changed)}",
            valid="another -o, or the study that began it",
        )


def _remember(folder: Path, study: "Study") -> None:
    from edgeacc.files import write_json

    if not (folder / STUDY).exists():
        write_json(folder / STUDY, study)


def _unfinished(folder: Path, failed: "Mapping[str, EdgeaccError]", left: list[str], study: str) -> EdgeaccError:
    """What failed, and how much waits for it."""
    waiting = [name for name in left if name not in failed]
    lines = [error.problem for error in failed.values()]
    lines += [f"not begun, as they need one that failed: {', '.join(waiting)}"] if waiting else []
    told = "".join(f"\n  - {line}" for line in lines)
    return EdgeaccError(
        f"{folder}: {len(failed)} of the cells failed; the finished ones are kept{told}",
        next_command=f"mend what these lines tell; then {command('edgeacc', 'study', 'run', study, '-o', folder)}",
    )
