"""What pruning and rounding share: a trained network in, one that was trained to imitate it out."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from edgeacc.errors import BadInput, command
from edgeacc.models.alignment import Deployable
from edgeacc.models.card import Card, DataProvenance, teacher_reference, versions
from edgeacc.models.checkpoint import load_encoder, load_student
from edgeacc.models.config import EncoderConfig
from edgeacc.progress import Progress
from edgeacc.training.augment import Augmentation
from edgeacc.training.config import ObjectiveName, Precision, TrainConfig
from edgeacc.training.loop import fit, recent_loss
from edgeacc.training.objective import Objective
from edgeacc.training.state import saved_precision
from edgeacc.windows.store import Store
from edgeacc.windows.window_set import WindowSet


class ImitationConfig(BaseModel):
    """How long a network learns to imitate another.

    Attributes:
        steps: of training.
        batch: windows per step.
        seed: decides every random draw.
        precision: of the training.
        threads: of the processor.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int
    batch: int = 64
    seed: int = 0
    precision: Precision = "fp32"
    threads: int = 1


@dataclass(frozen=True)
class Imitation:
    """What a run has from its inputs.

    Attributes:
        checkpoint: of the whole network, which is imitated.
        store: whose training participants' windows are used.
        folder: keeps the state of the run.
        card: of the whole network.
        whole: the network itself.
        windows: that are trained on.
        progress: told of every step.
    """

    checkpoint: Path
    store: Store
    folder: Path
    card: Card
    whole: Deployable
    windows: WindowSet
    progress: Progress


def read_whole(checkpoint: Path) -> tuple[Deployable, Card]:
    """The network that is to be imitated: a student with its heads, or a baseline.

    Raises:
        BadInput: no checkpoint, or a teacher's.
    """
    encoder, card = load_encoder(checkpoint)
    if card.sensor != "acc":
        raise BadInput(
            f"{checkpoint} is a {card.kind}, which reads the PPG and is not deployed",
            valid="a student, or an accelerometer baseline",
            next_command=command("edgeacc", "train", "student", "STORE", "--teacher", checkpoint, "-o", "DIR"),
        )
    return (encoder if card.alignment is None else load_student(checkpoint).student), card


def training(
    run: Imitation,
    given: ImitationConfig,
    objective: ObjectiveName,
    encoder: EncoderConfig,
    *,
    word: str,
    peak_lr: float,
    augmentation: Augmentation,
) -> TrainConfig:
    """The configuration of the training; `word` is added to the encoder's name."""
    return TrainConfig(
        objective=objective,
        encoder=encoder.model_copy(update={"name": f"{encoder.name}-{word}"[-64:]}),
        steps=given.steps,
        batch=given.batch,
        seed=given.seed,
        peak_lr=peak_lr,
        augmentation=augmentation,
        precision=saved_precision(run.folder) or given.precision,
        threads=given.threads,
    )


def trained(run: Imitation, objective: Objective, config: TrainConfig) -> list[float]:
    """Train, or go on; the losses. Raises as `fit`."""
    inputs: dict[str, JsonValue] = {
        "store": run.store.manifest.content_digest,
        "from": teacher_reference(run.checkpoint).encoder_sha256,
    }
    return fit(objective, config, run.windows.window_id_B, run.folder, inputs, run.progress)


def card_after(run: Imitation, config: TrainConfig, losses: list[float], steps: int) -> Card:
    """The whole network's card, told how it was trained after it; without losses where the training diverged."""
    manifest = run.store.manifest
    told = {"first_loss": losses[0], "last_loss": recent_loss(losses)} if losses else {}
    return run.card.model_copy(
        update={
            "objective": config.objective,
            "encoder": config.encoder,
            "data": DataProvenance(
                store_digest=manifest.content_digest,
                source=manifest.source,
                name=manifest.name,
                windows=len(run.windows),
            ),
            "training": config.model_dump(mode="json"),
            "outcome": {"steps": steps, **told},
            "continued_from": teacher_reference(run.checkpoint),
            "versions": versions(),
        }
    )
