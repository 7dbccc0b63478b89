"""`edgeacc evaluate`: what a student is worth, or what a store allows before anyone trains."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.output import LARGEST_SEED, progress, show, table
from edgeacc.cli.several import require_all
from edgeacc.errors import BadInput, command

if TYPE_CHECKING:
    from edgeacc.evaluation.evaluate import Subjects
    from edgeacc.evaluation.result import EvaluationResult, LimitResult
    from edgeacc.windows.store import Store

USAGE = (
    "edgeacc evaluate --student DIR --teacher DIR --store STORE [--baseline DIR]..., or edgeacc evaluate --limit STORE"
)


class Labels(StrEnum):
    """Whose labels the probes are fitted on."""

    device = "device"
    truth = "truth"


def evaluate(
    student: Annotated[Path | None, typer.Option(help="Checkpoint of a distilled student.")] = None,
    teacher: Annotated[Path | None, typer.Option(help="Checkpoint of the teacher it was distilled from.")] = None,
    store: Annotated[Path | None, typer.Option(help="Store to evaluate on.")] = None,
    baseline: Annotated[list[Path] | None, typer.Option(help="Checkpoint to compare with; may be repeated.")] = None,
    limit: Annotated[Path | None, typer.Option(help="Store whose training-free limit to measure; no network.")] = None,
    window_s: Annotated[
        float | None, typer.Option(min=10, max=600, help="With --limit: cut the windows to this length first.")
    ] = None,
    labels: Annotated[Labels, typer.Option(help="Labels that probes are fitted on.")] = Labels.device,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Decides every random draw.")] = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Probes at 10 % and 100 % of the labels only, and no health targets.")
    ] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the result here as JSON too.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Retrieval with its limit and controls, probes with intervals, improvements over the baselines."""
    _check(student, teacher, store, baseline or [], limit, window_s, quick)
    _check_paths([path for path in (student, teacher, *(baseline or [])) if path], limit or store, output, force)
    import torch

    from edgeacc.evaluation.limit_study import evaluate_limit
    from edgeacc.evaluation.report import evaluation_tables, limit_tables
    from edgeacc.files import write_json
    from edgeacc.windows.store import open_store

    torch.set_num_threads(1)  # threads within small operations wait for one another, minutes beside another command
    result: LimitResult | EvaluationResult
    if limit is not None:
        opened = open_store(limit)
        with progress("Training-free limit") as report:
            result = evaluate_limit(opened, window_s, seed=seed, progress=report)
        tables, after = limit_tables(result), _after_limit(opened)
    else:
        result = _evaluation(student, teacher, store, baseline or [], labels.value, seed, quick)  # type: ignore[arg-type]
        tables, after = evaluation_tables(result), command("edgeacc", "export", student, "--target", "all", "-o", "DIR")
    if output is not None:
        write_json(output, result, force=force)
    show(result, [table(*part) for part in tables], as_json=json, next_command=after)


def _check(
    student: Path | None,
    teacher: Path | None,
    store: Path | None,
    baselines: list[Path],
    limit: Path | None,
    window_s: float | None,
    quick: bool,
) -> None:
    """All mistakes in the combination of options at once."""
    given = {"--student": student, "--teacher": teacher, "--store": store}
    if limit is not None:
        strange = [name for name, value in (given | {"--baseline": baselines or None}).items() if value is not None]
        strange += ["--quick"] if quick else []
        problems = [f"{name} has no part in --limit, which uses no network" for name in strange]
    else:
        problems = [f"{name} is missing" for name, value in given.items() if value is None]
        problems += ["--window-s belongs to --limit"] if window_s is not None else []
    if problems:
        raise BadInput.several("edgeacc evaluate", problems, valid=USAGE)


def _check_paths(checkpoints: list[Path], store: Path | None, output: Path | None, force: bool) -> None:
    """All that is wrong at first sight, before torch is imported (seconds)."""
    from edgeacc.files import refuse_existing
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.windows.manifest import read_manifest

    require_all(
        *(partial(require_checkpoint, path) for path in checkpoints),
        *([partial(read_manifest, store)] if store is not None else []),
        *([partial(refuse_existing, output, force=force)] if output is not None else []),
    )


def _after_limit(store: "Store") -> str:
    """What can be done with these windows next; the networks read windows of one length, and learn from two or more."""
    from edgeacc.models.sizes import SIZES

    if store.manifest.contract.samples not in {size.samples for size in SIZES.values()}:
        return "edgeacc import PATH -o STORE"  # again, with the default length
    if store.count("train") > 1:
        return command("edgeacc", "train", "teacher", store.path, "-o", "DIR")
    return command("edgeacc", "evaluate", "--student", "DIR", "--teacher", "DIR", "--store", store.path)


def _evaluation(
    student: Path, teacher: Path, store: Path, baselines: list[Path], labels: str, seed: int, quick: bool
) -> "EvaluationResult":
    from edgeacc.evaluation.evaluate import evaluate as run
    from edgeacc.windows.store import open_store

    subjects = _subjects(student, teacher, baselines)
    opened = open_store(store, subjects.student.card.contract)
    with progress("Evaluating") as report:
        return run(subjects, opened, labels=labels, seed=seed, quick=quick, progress=report)  # type: ignore[arg-type]


def _subjects(student: Path, teacher: Path, baselines: list[Path]) -> "Subjects":
    from edgeacc.evaluation.evaluate import Subjects
    from edgeacc.models.card import check_teacher, require_teacher
    from edgeacc.models.checkpoint import load_encoder, load_student

    require_teacher(teacher)
    loaded, its_teacher = load_student(student), load_encoder(teacher)
    check_teacher(loaded.card, teacher)
    names = [path.resolve().name for path in baselines]
    if len(set(names)) < len(names):
        raise BadInput(f"two baselines of the same name: {', '.join(names)}", valid="folders with different names")
    named = {name: load_encoder(path) for name, path in zip(names, baselines, strict=True)}
    for name, other in (named | {"the teacher": its_teacher}).items():
        if other.card.contract != loaded.card.contract:
            valid = f"one with signal contract {loaded.card.contract.digest}"
            raise BadInput(f"{name} was trained on another signal contract than the student", valid=valid)
    return Subjects(loaded, its_teacher, named)
