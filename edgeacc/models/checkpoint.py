"""Checkpoints: a folder with `config.json` (the card) and `*.safetensors`. Nothing is ever unpickled."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from edgeacc.errors import BadInput
from edgeacc.files import replacing, sha256, write_json
from edgeacc.models.alignment import Student
from edgeacc.models.card import ENCODER, Card, load_card, teacher_reference
from edgeacc.models.encoder import Encoder
from edgeacc.models.folder import CARD, HELP

Network = TypeVar("Network", bound=nn.Module)

_HEADS = "heads.safetensors"
_TEACHER = "teacher"
_AS_WRITTEN = "a checkpoint as it was written: copy or train it again"


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
        save_file(_contiguous(encoder.state_dict()), beside / ENCODER)
        if student is not None:
            save_file(_contiguous(student.heads()), beside / _HEADS)
        hashes = {file.name: sha256(file) for file in sorted(beside.iterdir())}
        if teacher is not None:
            save(beside / _TEACHER, *teacher)
            card = card.model_copy(update={"teacher": teacher_reference(beside / _TEACHER)})
        write_json(beside / CARD, card.model_copy(update={"weights_sha256": hashes}))


def load_encoder(path: Path) -> LoadedEncoder:
    """Read a checkpoint's encoder, in eval.

    Raises:
        BadInput: not a checkpoint, truncated, or weights of another architecture.
    """
    card = load_card(path)
    encoder = _filled(lambda: Encoder(card.encoder), load_tensors(path / ENCODER), path / ENCODER)
    _check_unchanged(path / ENCODER, card)
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
