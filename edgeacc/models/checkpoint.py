"""Checkpoints: a folder with `config.json` (the card) and `*.safetensors`. Nothing is ever unpickled."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Literal, NamedTuple, Self, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import edgeacc
from edgeacc.errors import BadInput
from edgeacc.files import read_model, replacing, sha256, write_json
from edgeacc.models.alignment import AlignmentConfig, Student
from edgeacc.models.config import EncoderConfig
from edgeacc.models.encoder import Encoder
from edgeacc.models.folder import CARD, HELP, require_checkpoint
from edgeacc.signals.contract import SignalContract

Kind = Literal["teacher", "student", "baseline"]
Network = TypeVar("Network", bound=nn.Module)

_ENCODER, _HEADS = "encoder.safetensors", "heads.safetensors"
_TEACHER = "teacher"
_AS_WRITTEN = "a checkpoint as it was written: copy or train it again"


class DataProvenance(BaseModel):
    """The windows that a checkpoint was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store_digest: str
    source: str
    name: str = Field(description="the cohort's preset, or the names of the data sets")
    windows: int = Field(ge=0)


class TeacherReference(BaseModel):
    """Which teacher a student was distilled from, or what a teacher was continued or a pruned network cut from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    encoder_sha256: str


class Pruning(BaseModel):
    """How much structured pruning took out of the encoder of `Card.continued_from`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratio: float = Field(gt=0, lt=1, description="of the units of every inner layer, or as much work elsewhere")
    macs_before: int = Field(ge=1, description="multiply-accumulates of one window, in the layers")
    macs: int = Field(ge=1)


class Card(BaseModel):
    """What a checkpoint is and where it comes from; `training` repeats the configuration of the run.

    A teacher reads the contract's PPG, a student or a baseline the three axes of the accelerometer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    kind: Kind
    objective: str
    encoder: EncoderConfig
    contract: SignalContract
    data: DataProvenance | None = None
    training: dict[str, JsonValue] = Field(default_factory=dict)
    outcome: dict[str, float] = Field(default_factory=dict)
    alignment: AlignmentConfig | None = None
    teacher: TeacherReference | None = None
    continued_from: TeacherReference | None = None
    pruning: Pruning | None = None
    versions: dict[str, str] = Field(default_factory=lambda: versions())
    weights_sha256: dict[str, str] = Field(default_factory=dict, description="file -> its hash; filled in by `save`")

    @property
    def sensor(self) -> Literal["acc", "ppg"]:
        """Whose windows the encoder reads."""
        return "ppg" if self.kind == "teacher" else "acc"

    @model_validator(mode="after")
    def _reads_its_sensor(self) -> Self:
        channels = self.contract.ppg_channels if self.sensor == "ppg" else len(self.contract.acc_axes)
        if self.encoder.in_channels != channels:
            raise ValueError(f"a {self.kind} reads {channels} channels, its encoder {self.encoder.in_channels}")
        return self


class LoadedEncoder(NamedTuple):
    """An encoder in eval, and its card."""

    encoder: Encoder
    card: Card


class LoadedStudent(NamedTuple):
    """A student (encoder and heads) in eval, and its card."""

    student: Student
    card: Card


def save(
    path: Path,
    card: Card,
    encoder: Encoder,
    *,
    student: Student | None = None,
    teacher: tuple[Card, Encoder] | None = None,
    force: bool = False,
) -> None:
    """Write a checkpoint folder in one move.

    Args:
        path: the folder to make.
        card: what it is; its encoder's configuration must be the encoder's.
        encoder: the network.
        student: the heads' holder, where there are heads; then `card.alignment` is set too.
        teacher: a PPG encoder that was trained together with the student; it becomes the checkpoint `teacher` within.
        force: replace what is there.

    Raises:
        BadInput: the folder exists.
        NotPossibleHere: it cannot be written.
    """
    with replacing(path, force=force) as beside:
        beside.mkdir()
        save_file(_contiguous(encoder.state_dict()), beside / _ENCODER)
        if student is not None:
            save_file(_contiguous(student.heads()), beside / _HEADS)
        hashes = {file.name: sha256(file) for file in sorted(beside.iterdir())}
        if teacher is not None:
            save(beside / _TEACHER, *teacher)
            card = card.model_copy(update={"teacher": teacher_reference(beside / _TEACHER)})
        write_json(beside / CARD, card.model_copy(update={"weights_sha256": hashes}))


def load_card(path: Path) -> Card:
    """Read a checkpoint's card.

    Raises:
        BadInput: no checkpoint there, or its card is wrong (all mistakes listed).
    """
    require_checkpoint(path)
    return read_model(path / CARD, Card)


def load_encoder(path: Path) -> LoadedEncoder:
    """Read a checkpoint's encoder, in eval.

    Raises:
        BadInput: not a checkpoint, truncated, or weights of another architecture.
    """
    card = load_card(path)
    encoder = _filled(lambda: Encoder(card.encoder), load_tensors(path / _ENCODER), path / _ENCODER)
    _check_unchanged(path / _ENCODER, card)
    return LoadedEncoder(encoder.eval(), card)


def load_student(path: Path) -> LoadedStudent:
    """Read a distilled student with its heads, in eval.

    Raises:
        BadInput: not a student's checkpoint, truncated, or weights of another architecture.
    """
    encoder, card = load_encoder(path)
    if card.alignment is None:
        raise BadInput(
            f"{path} is a {card.kind} ({card.objective}) without alignment heads",
            valid="a student",
            next_command="edgeacc train student STORE --teacher DIR -o DIR",
        )
    alignment = card.alignment
    encoder_state = {f"encoder.{name}": value for name, value in encoder.state_dict().items()}
    heads = load_tensors(path / _HEADS)
    student = _filled(lambda: Student(encoder, alignment), encoder_state | heads, path / _HEADS)
    _check_unchanged(path / _HEADS, card)
    return LoadedStudent(student.eval(), card)


def encoder_file(path: Path) -> Path:
    """The file of a checkpoint's encoder weights.

    Raises:
        BadInput: not there.
    """
    if not (path / _ENCODER).is_file():
        raise BadInput(f"{path} is not a checkpoint: no {_ENCODER} in it", valid="a checkpoint folder")
    return path / _ENCODER


def teacher_reference(path: Path) -> TeacherReference:
    """The name and digest by which a student's card names its teacher."""
    return TeacherReference(name=path.name, encoder_sha256=sha256(encoder_file(path)))


def require_teacher(path: Path) -> None:
    """Refuse a checkpoint that is no PPG encoder.

    Raises:
        BadInput: a student or a baseline, or no checkpoint.
    """
    kind = load_card(path).kind
    if kind != "teacher":
        raise BadInput(
            f"{path} is a {kind}, which reads the accelerometer; it cannot be the teacher, which reads the PPG",
            valid="the checkpoint of a teacher",
            next_command="edgeacc train teacher STORE -o DIR",
        )


def check_teacher(card: Card, teacher_path: Path) -> None:
    """Refuse a teacher that is not the one that the student was distilled from.

    Raises:
        BadInput: another teacher.
    """
    given = teacher_reference(teacher_path)
    if card.teacher is not None and card.teacher.encoder_sha256 != given.encoder_sha256:
        raise BadInput(
            f"{teacher_path} is not the teacher of this student (weights {given.encoder_sha256[:12]})",
            valid=f"the teacher {card.teacher.name!r} (weights {card.teacher.encoder_sha256[:12]})",
        )


def _check_unchanged(path: Path, card: Card) -> None:
    if card.weights_sha256.get(path.name) != sha256(path):
        raise BadInput(f"{path} was changed since it was written", valid=_AS_WRITTEN, next_command=HELP)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        BadInput: missing, truncated or not safetensors.
    """
    if not path.is_file():
        raise BadInput(f"{path} is missing: the checkpoint is not complete", next_command=HELP)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise BadInput(f"{path} is truncated or no safetensors file: {error}", valid=_AS_WRITTEN) from error


def _filled(make: Callable[[], Network], state: dict[str, Tensor], path: Path) -> Network:
    """Make a network and load its state strictly: every key known, none missing, every shape right.

    The shapes are compared on torch's `meta` device first: no card makes this process allocate more than its file has.

    Raises:
        BadInput: all mistakes at once.
    """
    with torch.device("meta"):
        expected = make().state_dict()
    problems = [f"{name}: missing" for name in expected if name not in state]
    problems += [f"{name}: not a part of this architecture" for name in state if name not in expected]
    problems += [
        f"{name}: {tuple(state[name].shape)} where the architecture has {tuple(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    if problems:
        where = f"{path}: weights of another architecture than {CARD} says"
        raise BadInput.several(where, problems, most=8, valid=_AS_WRITTEN)
    network = make()
    network.load_state_dict(state)
    return network


def _contiguous(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}


def versions() -> dict[str, str]:
    """Of what writes a checkpoint."""
    return {"edgeacc": edgeacc.__version__, "torch": torch.__version__, "safetensors": version("safetensors")}
