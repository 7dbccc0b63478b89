"""What a study is, as data: a grid of stores, seeds, teachers, students, ablations and baselines."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edgeacc.errors import BadInput
from edgeacc.files import read_model

SHIPPED = Path(__file__).parent / "studies"
_FOLDERS = ("joint", "of")
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Data(_Frozen):
    name: Name


class CohortData(_Data):
    """A simulated cohort to make; the options of `edgeacc cohort make`."""

    preset: Literal["calibrated", "quiet"]
    participants: int = Field(ge=3)
    windows_per_participant: int = Field(ge=1)
    seed: int = Field(0, ge=0)


class StoreData(_Data):
    """A store that is there; a relative path counts from the study's file."""

    path: Path


class Network(_Frozen):
    """One row of the grid.

    Attributes:
        name: in the tables.
        encoder: a name from `edgeacc ls sizes`.
        steps: of training.
        options: of the verb that trains it, without the dashes: `{objective = "distill", interval-target = false}`.
        teacher: name of the one that a student or an ablation is distilled from; otherwise a student has every
            teacher, an ablation the first.
        data: names of the windows that it is trained on; all without it.
        seeds: those of the study's that it is trained with; all without it.
    """

    name: Name
    encoder: str
    steps: int = Field(ge=1)
    options: dict[str, bool | int | float | str] = {}
    teacher: Name | None = None
    data: list[Name] = []
    seeds: list[int] = []

    def is_trained(self, data: str, seed: int) -> bool:
        """Whether the row stands on these windows with this seed."""
        return (not self.data or data in self.data) and (not self.seeds or seed in self.seeds)

    def words(self) -> list[object]:
        """Its part of the command line."""
        words: list[object] = ["--encoder", self.encoder, "--steps", self.steps]
        for option, value in self.options.items():
            if isinstance(value, bool):
                words.append(f"--{option}" if value else f"--no-{option}")
            else:
                words += [f"--{option}", value]
        return words


class Study(_Frozen):
    """A whole study.

    Attributes:
        name: of the study, in its folder and its tables.
        seeds: of first weights and every draw; the networks are trained once for each.
        batch: windows per step.
        device: that trains; evaluations are a processor's.
        cohorts: to simulate.
        stores: that are there.
        teachers: those that a student or an ablation has; trained where one of these is.
        students: distilled.
        ablations: students of one teacher, compared with no baseline.
        joint: as the ablations, trained together with a PPG encoder of their own in the teacher's place.
        baselines: without a teacher; every student is compared with each.
    """

    name: Name
    seeds: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    batch: int = Field(64, ge=2)
    device: Literal["cpu", "cuda"] = "cpu"
    cohorts: list[CohortData] = []
    stores: list[StoreData] = []
    teachers: list[Network] = Field(min_length=1)
    students: list[Network] = Field(min_length=1)
    ablations: list[Network] = []
    joint: list[Network] = []
    baselines: list[Network] = []

    @model_validator(mode="after")
    def _named_once(self) -> "Study":
        data = [each.name for each in self.data]
        trained = [row.name for row in self.networks]
        twice = sorted({name for names in (data, trained) for name, count in Counter(names).items() if count > 1})
        problems = [f"the name {name!r} stands for two things" for name in twice]
        problems += [] if data else ["no windows: a study needs [[cohorts]] or [[stores]]"]
        problems += [f"the name {name!r} is kept for a folder of the study" for name in _FOLDERS if name in trained]
        known = {row.name for row in self.teachers}
        distilled = [*self.students, *self.ablations]
        problems += [
            f"{row.name} names a teacher, {row.teacher!r}, that it cannot have (teachers of students and ablations: "
            f"{', '.join(sorted(known))})"
            for row in self.networks
            if row.teacher is not None and (row not in distilled or row.teacher not in known)
        ]
        problems += [
            f"{row.name}: a teacher is trained where a student of it is, not by data and seeds of its own"
            for row in self.teachers
            if row.data or row.seeds
        ]
        problems += [
            f"{row.name} names {what} {value!r}, which the study does not have ({', '.join(map(str, there))})"
            for row in self.networks
            for what, values, there in (("the windows", row.data, data), ("the seed", row.seeds, self.seeds))
            for value in values
            if value not in there
        ]
        problems += [] if len(set(self.seeds)) == len(self.seeds) else ["a seed is listed twice"]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def data(self) -> list[CohortData | StoreData]:
        """All windows."""
        return [*self.cohorts, *self.stores]

    @property
    def networks(self) -> list[Network]:
        """Every row that is trained."""
        return [*self.teachers, *self.students, *self.ablations, *self.joint, *self.baselines]

    def pairs(self, data: str, seed: int) -> list[tuple[Network, Network, bool]]:
        """Row, teacher and whether it is an ablation, of all that is distilled on these windows with this seed."""
        of = {row.name: row for row in self.teachers}
        students = [
            (row, teacher, False)
            for row in self.students
            for teacher in ([of[row.teacher]] if row.teacher else self.teachers)
        ]
        ablations = [(row, of[row.teacher] if row.teacher else self.teachers[0], True) for row in self.ablations]
        return [pair for pair in (*students, *ablations) if pair[0].is_trained(data, seed)]


def read_study(asked: str) -> Study:
    """A shipped study by its name, or a TOML file by its path.

    Raises:
        BadInput: neither; or any number of mistakes in it, all of them listed.
    """
    shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}
    path = shipped.get(asked, Path(asked))
    if not path.is_file():
        raise BadInput(f"no study {asked!r}", valid=f"{', '.join(shipped)}, or the path of a TOML file")
    study = read_model(path, Study)
    here = path.resolve().parent
    stores = [store.model_copy(update={"path": here / store.path}) for store in study.stores]
    return study.model_copy(update={"stores": stores})
