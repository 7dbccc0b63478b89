"""Structured pruning: a checkpoint in, a smaller and faster checkpoint out, which every exporter takes.

Least important units go, as many of each layer as its sensitivity allows, and what is left learns to imitate the whole
network. The same call goes on with a run that was interrupted; the scan of the layers is kept beside its state.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, JsonValue
from torch import Tensor

from edgeacc.compression.calibration import require_signal
from edgeacc.compression.channels import macs, shrunk
from edgeacc.compression.sensitivity import (
    WINDOWS,
    Importance,
    Reference,
    Sensitivity,
    importance,
    pruned,
    require_units,
    scan,
    settled,
    sizes_for,
)
from edgeacc.errors import BadInput, command
from edgeacc.files import read_model, refuse_existing, sha256, write_json
from edgeacc.models.alignment import Deployable, Student, encoder_of
from edgeacc.models.card import Card, DataProvenance, Pruning, encoder_file, load_card, teacher_reference, versions
from edgeacc.models.checkpoint import load_encoder, load_student, save
from edgeacc.models.config import EncoderConfig
from edgeacc.progress import Progress, silent
from edgeacc.training.augment import MILD
from edgeacc.training.config import Precision, TrainConfig
from edgeacc.training.imitate import Imitate
from edgeacc.training.loop import fit, recent_loss
from edgeacc.training.state import discard_state, partial_folder, saved_precision
from edgeacc.windows.store import Store, check_contract
from edgeacc.windows.window_set import WindowSet

_SCAN = "sensitivity.json"
_PEAK_LR = 1e-3


class PruneConfig(BaseModel):
    """How much is taken out, and how long the rest learns.

    Attributes:
        ratio: of the units of every inner layer; which layers really lose them, their sensitivity decides, at the same
            number of multiply-accumulates.
        steps: of training after it.
        batch: windows per step.
        seed: decides every random draw.
        precision: of the training.
        threads: of the processor.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratio: float
    steps: int
    batch: int = 64
    seed: int = 0
    precision: Precision = "fp32"
    threads: int = 1


class PruneResult(BaseModel):
    """What was made.

    Attributes:
        path: the checkpoint.
        card: its card.
        sizes: units of each inner layer, before and after.
        snr_db: of what it tells of training windows (embedding and place in the common space), the mean removed,
            against the whole network: before any training, and after it.
    """

    path: str
    card: Card
    sizes: dict[str, tuple[int, int]]
    snr_db: tuple[float, float]


@dataclass(frozen=True)
class _Run:
    """What a run has from its inputs."""

    checkpoint: Path
    store: Store
    config: PruneConfig
    folder: Path
    card: Card
    whole: Deployable
    windows: WindowSet
    progress: Progress


class _Scan(BaseModel):
    """A scan of the layers, and what it was of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder_sha256: str
    store_digest: str
    layers: dict[str, Sensitivity]


def prune(
    checkpoint: Path, store: Store, out: Path, config: PruneConfig, *, progress: Progress = silent, force: bool = False
) -> PruneResult:
    """Prune a student or an accelerometer baseline, and train what is left to imitate it.

    Args:
        checkpoint: stays as it is.
        store: its training participants' windows are used, no others.
        out: the checkpoint folder to make.
        config: how much, how long.
        progress: told of the scan and of every step.
        force: replace `out`, and start afresh where an unfinished run of it is there.

    Raises:
        BadInput: `out` exists, a network that cannot be pruned, a ratio that empties a layer, a store of another
            contract, without training windows or with constant ones, or an unfinished run with another configuration.
        TrainingDiverged: the loss is no longer a number.
    """
    refuse_existing(out, force=force, inputs=[store.path, checkpoint])
    whole, card = _read(checkpoint)
    check_contract(str(store.path), store.manifest, card.contract)
    require_units(card.encoder, config.ratio)
    torch.set_num_threads(config.threads)
    folder = partial_folder(out)
    if force:
        _discard(folder)
    run = _Run(checkpoint, store, config, folder, card, whole, store.load("train"), progress)
    every = max(1, len(run.windows) // WINDOWS)
    some = run.windows.take(slice(0, every * WINDOWS, every))
    require_signal(some.acc_BCT, some.window_id_B, f"store {store.path}")
    acc_BCT = some.acc_BCT
    reference = Reference(whole, acc_BCT)
    found = importance(whole, reference, acc_BCT)
    sizes = sizes_for(card.encoder, _scanned(run, acc_BCT, found, reference), config.ratio)
    smaller = settled(pruned(whole, found, sizes), acc_BCT)
    before_db = reference.snr_db(smaller)
    made = _trained(run, smaller, shrunk(card.encoder, sizes))
    student = smaller if isinstance(smaller, Student) else None
    save(out, made, encoder_of(smaller), student=student, force=force)
    _discard(folder)
    counts = {name: (len(each.squared_U), sizes[name]) for name, each in found.items()}
    return PruneResult(path=str(out), card=load_card(out), sizes=counts, snr_db=(before_db, reference.snr_db(smaller)))


def _read(checkpoint: Path) -> tuple[Deployable, Card]:
    encoder, card = load_encoder(checkpoint)
    if card.sensor != "acc":
        raise BadInput(
            f"{checkpoint} is a {card.kind}, which reads the PPG and is not deployed",
            valid="a student, or an accelerometer baseline",
            next_command=command("edgeacc", "train", "student", "STORE", "--teacher", checkpoint, "-o", "DIR"),
        )
    if card.pruning is not None:
        raise BadInput(f"{checkpoint} is pruned already", valid="the whole network, with a higher ratio")
    return (encoder if card.alignment is None else load_student(checkpoint).student), card


def _scanned(run: _Run, acc_BCT: Tensor, found: dict[str, Importance], reference: Reference) -> dict[str, Sensitivity]:
    """The scan, or the one of an earlier call on the same network and windows."""
    kept = run.folder / _SCAN
    known = {"encoder_sha256": sha256(encoder_file(run.checkpoint)), "store_digest": run.store.manifest.content_digest}
    if kept.is_file():
        earlier = read_model(kept, _Scan)
        if earlier.model_dump(include=set(known)) == known:
            return earlier.layers
    layers = scan(run.whole, acc_BCT, found, reference, run.progress)
    write_json(kept, _Scan(**known, layers=layers), force=True)
    return layers


def _trained(run: _Run, smaller: Deployable, encoder: EncoderConfig) -> Card:
    """Let the pruned network imitate the whole one, and tell so on its card."""
    given, card = run.config, run.card
    named = encoder.model_copy(update={"name": f"{encoder.name}-p{round(100 * given.ratio)}"[-64:]})
    config = TrainConfig(
        objective="imitate",
        encoder=named,
        steps=given.steps,
        batch=given.batch,
        seed=given.seed,
        peak_lr=_PEAK_LR,
        augmentation=MILD,
        precision=saved_precision(run.folder) or given.precision,
        threads=given.threads,
    )
    objective = Imitate(smaller, run.whole, run.windows.acc_BCT, MILD)
    origin, manifest = teacher_reference(run.checkpoint), run.store.manifest
    inputs: dict[str, JsonValue] = {"store": manifest.content_digest, "from": origin.encoder_sha256}
    losses = fit(objective, config, run.windows.window_id_B, run.folder, inputs, run.progress)
    return card.model_copy(
        update={
            "objective": config.objective,
            "encoder": named,
            "data": DataProvenance(
                store_digest=manifest.content_digest,
                source=manifest.source,
                name=manifest.name,
                windows=len(run.windows),
            ),
            "training": config.model_dump(mode="json"),
            "outcome": {"steps": len(losses), "first_loss": losses[0], "last_loss": recent_loss(losses)},
            "alignment": smaller.config if isinstance(smaller, Student) else None,
            "continued_from": origin,
            "pruning": Pruning(ratio=given.ratio, macs_before=macs(card.encoder), macs=macs(encoder)),
            "versions": versions(),
        }
    )


def _discard(folder: Path) -> None:
    (folder / _SCAN).unlink(missing_ok=True)
    discard_state(folder)
