"""Structured pruning: a checkpoint in, a smaller and faster checkpoint out, which every exporter takes.

Least important units go, as many of each layer as its sensitivity allows, and what is left learns to imitate the whole
network. The same call goes on with a run that was interrupted; the scan of the layers is kept beside its state.
"""

from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from edgeacc.compression.calibration import require_signal
from edgeacc.compression.channels import macs, shrunk
from edgeacc.compression.imitation import Imitation, ImitationConfig, card_after, read_whole, trained, training
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
from edgeacc.errors import BadInput
from edgeacc.files import read_model, refuse_existing, sha256, write_json
from edgeacc.models.alignment import Deployable, Student, encoder_of
from edgeacc.models.card import Card, Pruning, encoder_file, load_card
from edgeacc.models.checkpoint import save
from edgeacc.models.config import EncoderConfig
from edgeacc.progress import Progress, silent
from edgeacc.training.augment import MILD
from edgeacc.training.imitate import Imitate
from edgeacc.training.state import discard_state, partial_folder
from edgeacc.windows.store import Store, check_contract

_SCAN = "sensitivity.json"
_PEAK_LR = 1e-3


class PruneConfig(ImitationConfig):
    """How much is taken out, and how long the rest learns.

    Attributes:
        ratio: of the units of every inner layer; which layers really lose them, their sensitivity decides, at the same
            number of multiply-accumulates.
    """

    ratio: float


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
    whole, card = read_whole(checkpoint)
    if card.pruning is not None:
        raise BadInput(f"{checkpoint} is pruned already", valid="the whole network, with a higher ratio")
    check_contract(str(store.path), store.manifest, card.contract)
    require_units(card.encoder, config.ratio)
    torch.set_num_threads(config.threads)
    folder = partial_folder(out)
    if force:
        _discard(folder)
    run = Imitation(checkpoint, store, folder, card, whole, store.load("train"), progress)
    every = max(1, len(run.windows) // WINDOWS)
    some = run.windows.take(slice(0, every * WINDOWS, every))
    require_signal(some.acc_BCT, some.window_id_B, f"store {store.path}")
    acc_BCT = some.acc_BCT
    reference = Reference(whole, acc_BCT)
    found = importance(whole, reference, acc_BCT)
    sizes = sizes_for(card.encoder, _scanned(run, acc_BCT, found, reference), config.ratio)
    smaller = settled(pruned(whole, found, sizes), acc_BCT)
    before_db = reference.snr_db(smaller)
    made = _trained(run, config, smaller, shrunk(card.encoder, sizes))
    student = smaller if isinstance(smaller, Student) else None
    save(out, made, encoder_of(smaller), student=student, force=force)
    _discard(folder)
    counts = {name: (len(each.squared_U), sizes[name]) for name, each in found.items()}
    return PruneResult(path=str(out), card=load_card(out), sizes=counts, snr_db=(before_db, reference.snr_db(smaller)))


def _scanned(
    run: Imitation, acc_BCT: Tensor, found: dict[str, Importance], reference: Reference
) -> dict[str, Sensitivity]:
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


def _trained(run: Imitation, given: PruneConfig, smaller: Deployable, encoder: EncoderConfig) -> Card:
    """Let the pruned network imitate the whole one, and tell so on its card."""
    word = f"p{round(100 * given.ratio)}"
    config = training(run, given, "imitate", encoder, word=word, peak_lr=_PEAK_LR, augmentation=MILD)
    losses = trained(run, Imitate(smaller, run.whole, run.windows.acc_BCT, MILD), config)
    return card_after(run, config, losses, len(losses)).model_copy(
        update={
            "alignment": smaller.config if isinstance(smaller, Student) else None,
            "pruning": Pruning(ratio=given.ratio, macs_before=macs(run.card.encoder), macs=macs(encoder)),
        }
    )


def _discard(folder: Path) -> None:
    (folder / _SCAN).unlink(missing_ok=True)
    discard_state(folder)
