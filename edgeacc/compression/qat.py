"""Quantization-aware training: a checkpoint in, one with the same network out that loses less in static int8.

The network, rounded as int8 rounds it, learns to tell what the whole one tells in float, by squared error of the
embedding: no label and no PPG. The export of the result is the usual one, calibration included. The same call goes on
with a run that was interrupted.
"""

import copy
import math
from pathlib import Path

import torch
from pydantic import BaseModel
from torch import Generator, Tensor
from torch.nn import functional as F

from edgeacc.compression.calibration import require_signal
from edgeacc.compression.imitation import Imitation, ImitationConfig, card_after, read_whole, trained, training
from edgeacc.compression.rounding import Rounded
from edgeacc.errors import BadInput
from edgeacc.files import refuse_existing
from edgeacc.models.alignment import Deployable, Student, encoder_of
from edgeacc.models.card import Card, Rounding, load_card
from edgeacc.models.checkpoint import save
from edgeacc.models.deploy import Deployed, deployable, restored
from edgeacc.models.encoder import Encoder
from edgeacc.progress import Progress, silent
from edgeacc.training.augment import NONE
from edgeacc.training.loop import TrainingDiverged
from edgeacc.training.objective import Objective
from edgeacc.training.state import discard_state, partial_folder
from edgeacc.windows.store import Store, check_contract
from edgeacc.windows.window_set import WindowSet

HELD = 0.1
"""Part of the training participants whose windows are held apart, to tell which weights are best (our choice)."""
MOST_HELD = 256
"""Windows: more would cost more time than the steps between two looks (our choice)."""
LOOK_EVERY_STEPS = 25
_PEAK_LR = 3e-4
_BATCH = 64


class QatResult(BaseModel):
    """What was made.

    Attributes:
        path: the checkpoint.
        card: its card; `rounding` tells what the training gained.
        stopped: why the training ended before its last step, if it did; the best weights before that were kept.
    """

    path: str
    card: Card
    stopped: str | None = None


class ImitateRounded(Objective):
    """Squared error of the embedding in int8 to the whole network's in float; keeps the best weights.

    The best are those with the least noise on windows held apart; the first weights count too.
    """

    best_noise: Tensor
    best_step: Tensor
    steps_done: Tensor

    def __init__(self, encoder: Encoder, acc_NCT: Tensor, held_BCT: Tensor) -> None:
        """Start from the encoder, whose embedding is imitated and which is left as it is.

        Args:
            encoder: the whole network.
            acc_NCT: training windows; some of them set the first ranges of the results.
            held_BCT: windows held apart.
        """
        super().__init__()
        self.encoder = copy.deepcopy(encoder).requires_grad_(requires_grad=False)
        self.rounded = Rounded(deployable(encoder), encoder.config.samples)
        self._acc_NCT, self._held_BCT = acc_NCT, held_BCT
        with torch.no_grad():
            self.rounded(acc_NCT[:: math.ceil(len(acc_NCT) / MOST_HELD)].float())
            self._wanted_BD = torch.cat([encoder(x_BCT) for x_BCT in held_BCT.split(_BATCH)])
        self.best: Deployed = copy.deepcopy(self.rounded.network).requires_grad_(requires_grad=False)
        self.first_noise = self._noise()
        self.register_buffer("best_noise", torch.tensor(self.first_noise))
        self.register_buffer("best_step", torch.tensor(0))
        self.register_buffer("steps_done", torch.tensor(0))

    def train(self, mode: bool = True) -> "ImitateRounded":
        """Nothing: the encoder tells what is wanted, and the deployed form computes alike in training."""
        del mode
        self.encoder.eval()
        return self

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """Mean squared error of the embedding."""
        del generator
        acc_BCT = self._acc_NCT[index_B].float()
        with torch.no_grad():
            wanted_BD = self.encoder(acc_BCT)
        return F.mse_loss(self.rounded(acc_BCT), wanted_BD)

    def after_step(self) -> None:
        """Now and then look at the windows held apart."""
        self.steps_done += 1
        if self.steps_done % LOOK_EVERY_STEPS == 0:
            self.look()

    def look(self) -> None:
        """Keep the weights if they are the best so far."""
        noise = self._noise()
        if noise < self.best_noise:
            self.best_noise.fill_(noise)
            self.best_step.copy_(self.steps_done)
            self.best.load_state_dict(self.rounded.network.state_dict())

    @torch.no_grad()
    def _noise(self) -> float:
        """Energy of the difference, a part of the embedding's energy about its mean."""
        got_BD = torch.cat([self.rounded(x_BCT) for x_BCT in self._held_BCT.split(_BATCH)])
        energy = (self._wanted_BD - self._wanted_BD.mean(dim=0)).square().sum()
        error_BD = got_BD - self._wanted_BD
        return float((error_BD - error_BD.mean(dim=0)).square().sum() / energy)


def train_rounded(
    checkpoint: Path,
    store: Store,
    out: Path,
    config: ImitationConfig,
    *,
    progress: Progress = silent,
    force: bool = False,
) -> QatResult:
    """Train a student or an accelerometer baseline to lose less in static int8.

    Args:
        checkpoint: stays as it is.
        store: its training participants' windows are used, no others.
        out: the checkpoint folder to make.
        config: how long.
        progress: told of every step.
        force: replace `out`, and start afresh where an unfinished run of it is there.

    Raises:
        BadInput: `out` exists, a teacher or an EfficientNet, a network that was trained so already, a store of another
            contract, with fewer than three training participants or with constant windows, or an unfinished run with
            another configuration.
    """
    refuse_existing(out, force=force, inputs=[store.path, checkpoint])
    whole, card = read_whole(checkpoint)
    _require_possible(checkpoint, card)
    check_contract(str(store.path), store.manifest, card.contract)
    torch.set_num_threads(config.threads)
    folder = partial_folder(out)
    if force:
        discard_state(folder)
    windows, held = _apart(store)
    require_signal(held.acc_BCT, held.window_id_B, f"store {store.path}")
    run = Imitation(checkpoint, store, folder, card, whole, windows, progress)
    settings = training(run, config, "imitate-rounded", card.encoder, word="qat", peak_lr=_PEAK_LR, augmentation=NONE)
    objective = ImitateRounded(encoder_of(whole), windows.acc_BCT, held.acc_BCT.float())
    stopped, losses = None, []
    try:
        losses = trained(run, objective, settings)
        objective.look()
    except TrainingDiverged as error:
        stopped = error.problem
    made = _with_encoder(whole, restored(objective.best, encoder_of(whole)))
    rounding = Rounding(
        step=int(objective.best_step),
        snr_db_before=_decibels(objective.first_noise),
        snr_db=_decibels(float(objective.best_noise)),
    )
    told = card_after(run, settings, losses, int(objective.steps_done)).model_copy(update={"rounding": rounding})
    save(out, told, encoder_of(made), student=made if isinstance(made, Student) else None, force=force)
    discard_state(folder)
    return QatResult(path=str(out), card=load_card(out), stopped=stopped)


def _require_possible(checkpoint: Path, card: Card) -> None:
    if card.rounding is not None:
        raise BadInput(f"{checkpoint} was trained for int8 already", valid="the network that it was trained from")
    if card.encoder.family == "efficientnet":
        raise BadInput(
            f"{card.encoder.name} cannot be trained for int8: nothing puts an efficientnet back from its deployed form",
            valid="a conv, a pyramid or a transformer",
            next_command="edgeacc ls sizes",
        )


def _apart(store: Store) -> tuple[WindowSet, WindowSet]:
    """Windows to train on and, of other participants, to look at."""
    windows = store.load("train")
    people = windows.participant_B.unique()
    if len(people) < 3:
        raise BadInput(
            f"store {store.path} has windows of {len(people)} training participants",
            valid="three or more: some are held apart, to tell which weights are best",
        )
    apart_B = torch.isin(windows.participant_B, people[-max(1, round(HELD * len(people))) :])
    held_B = apart_B.nonzero()[:, 0]
    spread_B = held_B[:: math.ceil(len(held_B) / MOST_HELD)]
    return windows.take((~apart_B).nonzero()[:, 0]), windows.take(spread_B)


def _with_encoder(whole: Deployable, encoder: Encoder) -> Deployable:
    if isinstance(whole, Encoder):
        return encoder
    student = copy.deepcopy(whole)
    student.encoder = encoder
    return student


def _decibels(noise: float) -> float:
    return round(-10 * math.log10(max(noise, 1e-20)), 2)
