"""Whole runs: a store in, a checkpoint folder out. The same call goes on with a run that was interrupted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from pydantic import JsonValue

from edgeacc.errors import BadInput, NotPossibleHere, command
from edgeacc.files import refuse_existing
from edgeacc.models.alignment import Student
from edgeacc.models.card import Card, DataProvenance, Kind, TeacherReference, require_teacher, teacher_reference
from edgeacc.models.checkpoint import load_encoder, save
from edgeacc.models.config import AlignmentConfig, EncoderConfig
from edgeacc.models.encoder import Encoder
from edgeacc.models.sizes import build
from edgeacc.progress import Progress, silent
from edgeacc.training import across
from edgeacc.training.augment import NONE
from edgeacc.training.config import TrainConfig, fastest_precision
from edgeacc.training.contrastive import Contrastive
from edgeacc.training.distill import Distill, Negatives, Regress, teacher_tokens
from edgeacc.training.loop import fit, prepared, recent_loss
from edgeacc.training.masked_input import MaskedInput
from edgeacc.training.momentum import Momentum, Partners
from edgeacc.training.negatives import LikeRate, Queue
from edgeacc.training.objective import Objective, Windows
from edgeacc.training.scalars import Scalars, unwatched
from edgeacc.training.sources import Frozen, Kept, Learned, TokenSource
from edgeacc.training.state import discard_state, partial_folder, saved_precision
from edgeacc.training.supervised import Supervised
from edgeacc.training.token_dropping import TokenDropping
from edgeacc.windows.endless import Endless
from edgeacc.windows.labels import RHYTHM
from edgeacc.windows.store import Store
from edgeacc.windows.window_set import WindowSet

_SCALE_WINDOWS = 1024  # that the embedding's scale is fitted on


@dataclass(frozen=True)
class TrainResult:
    """What a run made."""

    path: Path
    card: Card


@dataclass(frozen=True)
class _Run:
    """The parts that every run has."""

    kind: Kind
    store: Store
    out: Path
    config: TrainConfig
    windows: WindowSet
    progress: Progress
    scalars: Scalars
    force: bool
    teacher: TeacherReference | None = None
    continued_from: TeacherReference | None = None


def train_teacher(
    store: Store,
    out: Path,
    config: TrainConfig,
    *,
    start_from: Path | None = None,
    progress: Progress = silent,
    scalars: Scalars = unwatched,
    force: bool = False,
) -> TrainResult:
    """Train a PPG encoder by itself (`masked-input`, `token-dropping` or `contrastive`).

    Args:
        store: its training split is used.
        out: the checkpoint folder to make.
        config: of the run.
        start_from: continue from this teacher's weights, for example on real PPG.
        progress: told of every step.
        scalars: told the curves.
        force: replace `out`, and start afresh where an unfinished run of it is there.

    Raises:
        BadInput: `out` exists, the store has no training windows, an objective that the encoder cannot have, a
            checkpoint of another architecture, or an unfinished run with another configuration.
        TrainingDiverged: the loss is no longer a number.
    """
    run = _begin("teacher", store, out, config, progress, scalars, force, start_from)
    encoder = _new_encoder(run, run.windows.ppg_BCT.shape[1])
    if start_from is not None:
        encoder.load_state_dict(_starting_point(start_from, encoder).state_dict())
        run = replace(run, continued_from=teacher_reference(start_from))
    ppg_NCT = _training(run).ppg_BCT
    objectives: dict[str, Callable[[], Objective]] = {
        "masked-input": lambda: MaskedInput(encoder, ppg_NCT, config.augmentation),
        "token-dropping": lambda: TokenDropping(encoder, ppg_NCT, config.augmentation),
        "contrastive": lambda: Momentum(encoder, ppg_NCT, config.augmentation, _partners(run)),
    }
    objective = objectives[config.objective]()
    return _finish(run, objective, run.windows.ppg_BCT)


def train_student(
    store: Store,
    teacher_path: Path,
    out: Path,
    config: TrainConfig,
    *,
    progress: Progress = silent,
    scalars: Scalars = unwatched,
    force: bool = False,
) -> TrainResult:
    """Distil a frozen teacher into an accelerometer encoder on paired windows.

    Raises:
        BadInput: as `train_teacher`, and a teacher that reads another signal.
    """
    teacher = _teacher_for(teacher_path, store)
    run = _begin("student", store, out, config, progress, scalars, force, teacher_path)
    run = replace(run, teacher=teacher_reference(teacher_path))
    teacher.to(config.device)
    student = _new_student(run, teacher.config)
    source: TokenSource = (
        Kept(teacher_tokens(teacher, run.windows.ppg_BCT, progress=run.progress))
        if config.augmentation_ppg == NONE and config.endless is None
        else Frozen(teacher, _training(run).ppg_BCT, config.augmentation_ppg)
    )
    return _finish(run, _distillation(run, student, source), run.windows.acc_BCT, student)


def train_joint(
    store: Store,
    out: Path,
    config: TrainConfig,
    *,
    progress: Progress = silent,
    scalars: Scalars = unwatched,
    force: bool = False,
) -> TrainResult:
    """Train both encoders together from scratch (the paper's ablation); the PPG encoder becomes `out/teacher`.

    Raises:
        BadInput: as `train_teacher`.
        TrainingDiverged: the loss is no longer a number.
    """
    if config.ppg_encoder is None:
        raise ValueError("joint needs a ppg_encoder")
    run = _begin("student", store, out, config, progress, scalars, force)
    student = _new_student(run, config.ppg_encoder)
    ppg_encoder = build(config.ppg_encoder, run.windows.ppg_BCT.shape[1])
    source = Learned(ppg_encoder, _training(run).ppg_BCT, config.augmentation_ppg)
    return _finish(run, _distillation(run, student, source), run.windows.acc_BCT, student, ppg_encoder)


def _new_student(run: _Run, ppg: EncoderConfig) -> Student:
    encoder = _new_encoder(run, 3)
    student = Student(encoder, AlignmentConfig.between(run.config.form, encoder.config, ppg))
    if run.config.temperature is not None:
        student.fix_temperature(run.config.temperature)
    return student


def _distillation(run: _Run, student: Student, source: TokenSource) -> Objective:
    config, windows = run.config, _training(run)
    if config.objective in ("distill-l2", "distill-tokens"):
        return Regress(student, windows.acc_BCT, source, config.augmentation)
    queue = Queue(config.queue, student.acc_size, student.ppg_size) if config.queue else None
    like_rate = LikeRate(run.windows.beats_BK) if config.hard_negatives else None
    return Distill(
        student,
        windows,
        source,
        config.augmentation,
        window_s=run.windows.contract.window_s,
        interval_target=config.interval_target,
        negatives=Negatives(queue, like_rate, config.hard_negatives),
    )


def _training(run: _Run) -> Windows:
    """What is trained on: the store's windows, or the stream."""
    if run.config.endless is None:
        return run.windows
    return Endless(run.config.endless, run.windows.contract, run.config.device)


def _partners(run: _Run) -> Partners | None:
    return Partners(run.windows.participant_B) if run.config.positives == "participant" else None


def train_baseline(
    store: Store,
    out: Path,
    config: TrainConfig,
    *,
    progress: Progress = silent,
    scalars: Scalars = unwatched,
    force: bool = False,
) -> TrainResult:
    """Train an accelerometer encoder without a teacher: `acc-mae`, `acc-contrastive` or `supervised`.

    Raises:
        BadInput: as `train_teacher`, and for `supervised` labels that the store does not have.
        TrainingDiverged: the loss is no longer a number.
    """
    run = _begin("baseline", store, out, config, progress, scalars, force)
    encoder = _new_encoder(run, 3)
    acc_NCT, augmentation = _training(run).acc_BCT, config.augmentation
    objectives: dict[str, Callable[[], Objective]] = {
        "acc-mae": lambda: MaskedInput(encoder, acc_NCT, augmentation),
        "acc-contrastive": lambda: Contrastive(encoder, acc_NCT, augmentation),
        "supervised": lambda: Supervised(encoder, acc_NCT, run.windows.target(RHYTHM, config.labels), augmentation),
    }
    return _finish(run, objectives[config.objective](), run.windows.acc_BCT)


def _begin(
    kind: Kind,
    store: Store,
    out: Path,
    config: TrainConfig,
    progress: Progress,
    scalars: Scalars,
    force: bool,
    *inputs: Path | None,
) -> _Run:
    refuse_existing(out, force=force, inputs=[store.path, *(path for path in inputs if path is not None)])
    if config.device == "cuda" and not torch.cuda.is_available():
        raise NotPossibleHere("there is no CUDA device here", valid="--device cpu")
    if config.encoder.samples != store.manifest.contract.samples:
        raise BadInput(
            f"{config.encoder.name} reads windows of {config.encoder.samples} samples, store {store.path} has "
            f"{store.manifest.contract.samples}",
            valid=f"a store of windows of {config.encoder.samples} samples",
        )
    if store.count("train") == 1:
        raise BadInput(f"store {store.path} has one training window, which has no spread", valid="two or more")
    across.join()
    across.wait()
    if force and across.is_first():
        discard_state(partial_folder(out))
    across.wait()
    precision = config.precision or saved_precision(partial_folder(out)) or fastest_precision(config.device)
    config = config.model_copy(update={"precision": precision})
    progress(0, config.steps, "reading the store")
    windows = store.load("train").to(config.device)
    if not across.is_first():
        progress, scalars = silent, unwatched
    return _Run(kind, store, out, config, windows, progress, scalars, force)


def _new_encoder(run: _Run, channels: int) -> Encoder:
    """An untrained encoder whose first weights depend on the seed alone."""
    torch.manual_seed(run.config.seed)
    return build(run.config.encoder, channels)


def _starting_point(path: Path, encoder: Encoder) -> Encoder:
    found = load_encoder(path)
    if found.encoder.config != encoder.config:
        raise BadInput(
            f"{path} is a {found.encoder.config.name} for {found.encoder.config.in_channels} channels",
            valid=f"a {encoder.config.name} for {encoder.config.in_channels} channels, or another --encoder",
        )
    return found.encoder


def _teacher_for(path: Path, store: Store) -> Encoder:
    require_teacher(path)
    teacher, card = load_encoder(path)
    contract = store.manifest.contract
    if card.contract != contract:
        raise BadInput(
            f"{path} is a teacher with signal contract {card.contract.digest}",
            valid=f"a teacher with the store's contract {contract.digest}",
            next_command=command("edgeacc", "train", "teacher", store.path, "-o", "DIR"),
        )
    return teacher


def _finish(
    run: _Run,
    objective: Objective,
    x_NCT: torch.Tensor,
    student: Student | None = None,
    ppg_encoder: Encoder | None = None,
) -> TrainResult:
    """Fit, put the embedding on its scale, write the checkpoint, forget the run's state."""
    folder = partial_folder(run.out)
    with prepared(objective, run.config):
        losses = fit(objective, run.config, run.windows.window_id_B, folder, _inputs(run), run.progress, run.scalars)
    _fit_scale(objective.encoder, x_NCT)
    card = _card(run, objective.encoder, losses, student)
    beside = None
    if ppg_encoder is not None:
        _fit_scale(ppg_encoder, run.windows.ppg_BCT)
        beside = (
            card.model_copy(update={"kind": "teacher", "encoder": ppg_encoder.config, "alignment": None}),
            ppg_encoder,
        )
    if across.is_first():
        save(run.out, card, objective.encoder, student=student, teacher=beside, force=run.force)
        discard_state(folder)
    across.wait()
    return TrainResult(run.out, card)


def _fit_scale(encoder: Encoder, x_NCT: torch.Tensor) -> None:
    encoder.fit_embedding_scale(x_NCT[:: max(1, len(x_NCT) // _SCALE_WINDOWS)])


def _card(run: _Run, encoder: Encoder, losses: list[float], student: Student | None) -> Card:
    manifest = run.store.manifest
    return Card(
        kind=run.kind,
        objective=run.config.objective,
        encoder=encoder.config,
        contract=manifest.contract,
        data=DataProvenance(
            store_digest=manifest.content_digest,
            source=manifest.source,
            name=manifest.name,
            windows=len(run.windows),
        ),
        training=run.config.model_dump(mode="json"),
        outcome={"steps": len(losses), "first_loss": losses[0], "last_loss": recent_loss(losses)},
        alignment=student.config if student is not None else None,
        teacher=run.teacher,
        continued_from=run.continued_from,
    )


def _inputs(run: _Run) -> dict[str, JsonValue]:
    """What decides the outcome besides the configuration."""
    teacher, start = run.teacher, run.continued_from
    return {
        "store": run.store.manifest.content_digest,
        "teacher": teacher.encoder_sha256 if teacher is not None else "",
        "from": start.encoder_sha256 if start is not None else "",
    }
