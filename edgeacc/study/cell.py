"""What one cell of a study found: a small JSON that holds all that a table needs to know of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from edgeacc.errors import BadInput
from edgeacc.evaluation.result import EvaluationResult, LimitResult
from edgeacc.files import read_model

CELLS = "cells"


class Place(BaseModel):
    """Where a cell stands in the grid.

    Attributes:
        kind: what its command does.
        data: name of the windows.
        seed: of the networks; None of what has none.
        teacher: name of the teacher's row; the cell's own for a teacher, None where there is none, or one that was
            trained together with the student.
        network: name of the row that is trained or evaluated.
        ablation: whether that row is an ablation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["cohort", "limit", "teacher", "student", "baseline", "evaluation"]
    data: str
    seed: int | None = None
    teacher: str | None = None
    network: str | None = None
    ablation: bool = False


class Cell(BaseModel):
    """One finished cell.

    Attributes:
        study: its name.
        place: in the grid.
        command: arguments of edgeacc; the study's own folder is told as DEMO.
        code: version and digest of the sources that made it.
        inputs: what it read -> short digest.
        data_digest: content digest of the windows.
        wall_s: seconds it ran, over all attempts.
        cpu_s: processor seconds over the attempts that ended by themselves.
        config: of a training, whole.
        outcome: of a training: steps and losses.
        parameters: of the trained encoder.
        macs_per_window: of the trained encoder.
        result: of an evaluation or a limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    study: str
    place: Place
    command: list[str]
    code: str
    inputs: dict[str, str | None]
    data_digest: str
    wall_s: float
    cpu_s: float
    config: dict[str, JsonValue] | None = None
    outcome: dict[str, float] | None = None
    parameters: int | None = None
    macs_per_window: int | None = None
    result: EvaluationResult | LimitResult | None = None


def read_cells(folders: Sequence[Path]) -> list[Cell]:
    """Every cell of some study folders, in the order of their names.

    Raises:
        BadInput: a folder without cells, or cells that are damaged; all of them listed.
    """
    cells, problems = [], []
    for folder in folders:
        paths = sorted((folder / CELLS).rglob("*.json"))
        problems += [] if paths else [f"{folder} holds no cells of a study"]
        for path in paths:
            try:
                cells.append(read_model(path, Cell))
            except BadInput as error:
                problems.append(error.problem)
    if problems:
        valid = "folders that `edgeacc study run` made"
        raise BadInput.several("edgeacc study table", problems, valid=valid, next_command="edgeacc study run smoke")
    return cells
