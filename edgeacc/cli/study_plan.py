"""The plan of a study: the edgeacc commands of its cells, each with its place in the grid."""

from functools import partial
from pathlib import Path
from typing import Any

import typer

from edgeacc.cli.demo_journal import Step, StepRecord
from edgeacc.cli.demo_plan import Plan
from edgeacc.cli.group import told
from edgeacc.cli.several import require_all
from edgeacc.errors import BadInput
from edgeacc.evaluation.result import EvaluationResult, LimitResult
from edgeacc.files import read_model, write_json
from edgeacc.models.card import load_card
from edgeacc.models.cost import cost
from edgeacc.models.sizes import require_size
from edgeacc.study.cell import CELLS, Cell, Place
from edgeacc.study.spec import CohortData, Network, Study
from edgeacc.windows.manifest import read_manifest


class StudyPlan:
    """Steps and, by their names, places; `where` is the store that a step reads or makes."""

    def __init__(self, study: Study, folder: Path) -> None:
        """Lay out the whole grid."""
        self.study = study
        self._plan = Plan(folder)
        self.places: dict[str, Place] = {}
        self.where: dict[str, Path] = {}
        for data in study.data:
            store = self._cohort(data) if isinstance(data, CohortData) else data.path
            self._add(
                store, Place(kind="limit", data=data.name), f"limit/{data.name}.json", "evaluate", "--limit", store
            )
            for seed in study.seeds:
                self._trained_once(data.name, store, seed)

    @property
    def steps(self) -> list[Step]:
        """In the order in which they are preferred."""
        return self._plan.steps

    def _cohort(self, data: CohortData) -> Path:
        people = ("--participants", data.participants, "--windows-per-participant", data.windows_per_participant)
        place = Place(kind="cohort", data=data.name)
        output = f"windows/{data.name}"
        store = self._plan.folder / output
        words = ("cohort", "make", "--preset", data.preset, *people, "--seed", data.seed)
        return self._add(store, place, output, *words, threads=2)

    def _trained_once(self, data: str, store: Path, seed: int) -> None:
        """All networks of one seed, and their evaluation."""

        def trained(kind: str, row: Network, name: str, place: Place, *more: object) -> Path:
            fit = ("--batch", self.study.batch, "--seed", seed, "--device", self.study.device)
            return self._add(
                store, place, f"trained/{data}/{seed}/{name}", "train", kind, store, *row.words(), *more, *fit
            )

        at = partial(Place, data=data, seed=seed)
        pairs = self.study.pairs(data, seed)
        teachers = {
            row.name: trained("teacher", row, row.name, at(kind="teacher", teacher=row.name, network=row.name))
            for row in self.study.teachers
            if any(row == teacher for _, teacher, _ in pairs)
        }
        bases = [
            trained("baseline", row, row.name, at(kind="baseline", network=row.name))
            for row in self.study.baselines
            if row.is_trained(data, seed)
        ]

        def evaluated(name: str, student: Path, teacher: Path, place: Place) -> None:
            compared = [] if place.ablation else [word for base in bases for word in ("--baseline", base)]
            networks = ("--student", student, "--teacher", teacher, "--store", store)
            output = f"evaluation/{data}/{seed}/{name}.json"
            self._add(store, place, output, "evaluate", *networks, *compared, "--seed", seed)

        for row, teacher, ablation in pairs:
            here = partial(at, teacher=teacher.name, network=row.name, ablation=ablation)
            name, path = f"{teacher.name}/{row.name}", teachers[teacher.name]
            student = trained("student", row, f"of/{name}", here(kind="student"), "--teacher", path)
            evaluated(name, student, path, here(kind="evaluation"))
        for row in (row for row in self.study.joint if row.is_trained(data, seed)):
            here = partial(at, network=row.name, ablation=True)
            student = trained("joint", row, f"joint/{row.name}", here(kind="student"))
            evaluated(f"joint/{row.name}", student, student / "teacher", here(kind="evaluation"))

    def _add(self, store: Path, place: Place, output: str, *words: object, threads: int = 1) -> Path:
        path = self._plan.add(output, *words, threads=threads)
        name = self._plan.steps[-1].name
        self.places[name], self.where[name] = place, store
        return path

    def check(self) -> None:
        """Refuse what the command line would refuse, all of it at once: unknown encoders and options, missing stores.

        Raises:
            BadInput: any of these.
        """
        networks = {row.encoder for row in self.study.networks}
        told_once: dict[str, BadInput] = {}
        verbs = _verbs()
        for step in self.steps:
            if problem := _refused(step, verbs):
                told_once.setdefault(problem, BadInput(problem))
        require_all(
            *(partial(require_size, name) for name in sorted(networks)),
            *(partial(read_manifest, store.path) for store in self.study.stores),
            *(partial(_raise, error) for error in told_once.values()),
        )

    def write_cells(self, records: dict[str, StepRecord]) -> None:
        """Write the JSON of every finished cell that has none yet."""
        for step in self.steps:
            path = self._plan.folder / CELLS / f"{step.name}.json"
            record = records.get(step.name)
            if record is not None and record.output is not None and step.output.exists() and not path.exists():
                write_json(path, self._cell(step, record))

    def _cell(self, step: Step, record: StepRecord) -> Cell:
        place = self.places[step.name]
        bare = Cell(
            study=self.study.name,
            place=place,
            command=record.arguments,
            code=record.code,
            inputs=record.inputs,
            data_digest=read_manifest(self.where[step.name]).content_digest,
            wall_s=round(record.seconds, 1),
            cpu_s=round(record.cpu_s, 1),
        )
        if place.kind == "cohort":
            return bare
        if place.kind in ("limit", "evaluation"):
            kind = LimitResult if place.kind == "limit" else EvaluationResult
            return bare.model_copy(update={"result": read_model(step.output, kind)})
        card = load_card(step.output)
        costs = cost(card.encoder)
        told = {"config": card.training, "outcome": card.outcome}
        told |= {"parameters": costs.parameters, "macs_per_window": costs.macs_per_window}
        return bare.model_copy(update=told)


def _verbs() -> Any:  # noqa: ANN401
    """The whole command line, which imports this file's verb."""
    from edgeacc.cli.main import app

    return typer.main.get_command(app)


def _refused(step: Step, command: Any) -> str:  # noqa: ANN401
    """What the command line finds wrong with a step's options; empty for nothing."""
    left = [str(word) for word in step.arguments]
    while hasattr(command, "commands"):
        command, left = command.commands[left[0]], left[1:]
    try:
        command.make_context(" ".join(map(str, step.arguments[:2])), left)
    except typer.TyperException as error:
        return f"edgeacc {' '.join(map(str, step.arguments[:2]))}: {told(error)}"
    except BadInput as error:
        return error.problem
    return ""


def _raise(error: BadInput) -> None:
    raise error
