"""The card of a checkpoint, `config.json`: read, and asked what it is of, without torch."""

from importlib.metadata import version
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

import edgeacc
from edgeacc.errors import BadInput
from edgeacc.files import read_model, sha256
from edgeacc.models.config import AlignmentConfig, EncoderConfig
from edgeacc.models.folder import CARD, require_checkpoint
from edgeacc.signals.contract import SignalContract

Kind = Literal["teacher", "student", "baseline"]

ENCODER = "encoder.safetensors"


class DataProvenance(BaseModel):
    """The windows that a checkpoint was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    store_digest: str
    source: str
    name: str = Field(description="the cohort's preset, or the names of the data sets")
    windows: int = Field(ge=0)


class TeacherReference(BaseModel):
    """Which teacher a student was distilled from, or which network this one was made from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    encoder_sha256: str


class Pruning(BaseModel):
    """How much structured pruning took out of the encoder of `Card.continued_from`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratio: float = Field(gt=0, lt=1, description="of the units of every inner layer, or as much work elsewhere")
    macs_before: int = Field(ge=1, description="multiply-accumulates of one window, in the layers")
    macs: int = Field(ge=1)


class Rounding(BaseModel):
    """How the encoder of `Card.continued_from` was trained to be computed in static int8."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int = Field(ge=0, description="after which the weights were kept: the best on windows held apart")
    snr_db_before: float = Field(description="of the int8 embedding there, against the float one, the mean removed")
    snr_db: float


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
    rounding: Rounding | None = None
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


def load_card(path: Path) -> Card:
    """Read a checkpoint's card.

    Raises:
        BadInput: no checkpoint there, or its card is wrong (all mistakes listed).
    """
    require_checkpoint(path)
    return read_model(path / CARD, Card)


def encoder_file(path: Path) -> Path:
    """The file of a checkpoint's encoder weights.

    Raises:
        BadInput: not there.
    """
    if not (path / ENCODER).is_file():
        raise BadInput(f"{path} is not a checkpoint: no {ENCODER} in it", valid="a checkpoint folder")
    return path / ENCODER


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


def versions() -> dict[str, str]:
    """Of what writes a checkpoint."""
    return {"edgeacc": edgeacc.__version__, "torch": version("torch"), "safetensors": version("safetensors")}
