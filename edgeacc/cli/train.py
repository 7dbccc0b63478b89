"""`edgeacc train`: a PPG teacher, an accelerometer student distilled from it, and baselines without a teacher."""

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeacc.cli.group import Verb
from edgeacc.cli.output import LARGEST_SEED, progress, show, table
from edgeacc.cli.several import require_all
from edgeacc.errors import command

if TYPE_CHECKING:
    from edgeacc.training.config import TrainConfig
    from edgeacc.training.runs import TrainResult
    from edgeacc.training.scalars import Scalars
    from edgeacc.windows.store import Store

app = typer.Typer(help="Train a teacher, a student or a baseline; the same command goes on after an interruption.")


class TeacherObjective(StrEnum):
    """How a teacher learns."""

    masked_input = "masked-input"
    token_dropping = "token-dropping"
    contrastive = "contrastive"


class StudentObjective(StrEnum):
    """How a student learns from its teacher."""

    distill = "distill"
    distill_l2 = "distill-l2"
    distill_tokens = "distill-tokens"


class Positives(StrEnum):
    """What two views of a contrastive teacher are of."""

    window = "window"
    participant = "participant"


class Preset(StrEnum):
    """What an endless stream simulates."""

    calibrated = "calibrated"
    quiet = "quiet"


class Augment(StrEnum):
    """What is done to the windows: all that the paper does, or one part of it by itself."""

    none = "none"
    mild = "mild"
    paper = "paper"
    cut_out = "cut-out"
    magnitude_warp = "magnitude-warp"
    gaussian_noise = "gaussian-noise"
    time_warp = "time-warp"
    permute_channels = "permute-channels"


class BaselineObjective(StrEnum):
    """How a baseline learns."""

    acc_mae = "acc-mae"
    acc_contrastive = "acc-contrastive"
    supervised = "supervised"


class Form(StrEnum):
    """The space in which student and teacher meet."""

    pooled = "pooled"
    time_resolved = "time-resolved"
    bound = "bound"


class Labels(StrEnum):
    """Whose labels a supervised baseline learns from."""

    device = "device"
    truth = "truth"


class Device(StrEnum):
    """Where a run computes."""

    cpu = "cpu"
    cuda = "cuda"


class Precision(StrEnum):
    """Of matrix products."""

    fp32 = "fp32"
    bf16 = "bf16"


StoreArgument = Annotated[Path, typer.Argument(help="A store of windows, from `edgeacc cohort make` or `import`.")]
Out = Annotated[Path, typer.Option("-o", "--output", help="The checkpoint folder to make.")]
Steps = Annotated[int, typer.Option(min=1, help="Steps of training.")]
Batch = Annotated[int, typer.Option(min=2, help="Windows per step.")]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Decides the first weights and every random draw.")]
Threads = Annotated[int, typer.Option(min=1, help="Processor threads.")]
DeviceOption = Annotated[Device, typer.Option("--device", help="The processor, or an NVIDIA GPU (one).")]
PrecisionOption = Annotated[
    Precision | None,
    typer.Option(help="Of matrix products; without it, the fastest here, or that of a run that goes on."),
]
Augmentation = Annotated[
    Augment, typer.Option(help="Of the accelerometer: none, ours, the paper's five, or one of these by itself.")
]
AugmentPpg = Annotated[
    bool,
    typer.Option("--augment-ppg", help="The same of the PPG, drawn by itself: slower, no tokens are kept."),
]
Temperature = Annotated[float | None, typer.Option(help="Fix InfoNCE's temperature; without it, it is learned.")]
FormOption = Annotated[Form, typer.Option(help="The space in which both meet.")]
IntervalTarget = Annotated[
    bool, typer.Option(help="Also predict the inter-beat interval at every token, from the PPG's beats.")
]
Fresh = Annotated[
    Preset | None,
    typer.Option("--endless", help="Train on simulated windows without end, of people who are in no store."),
]
Accumulate = Annotated[int, typer.Option(min=1, help="Batches whose gradients make one step.")]
Recompute = Annotated[bool, typer.Option("--recompute", help="Less memory: activations are computed twice.")]
Compile = Annotated[bool, typer.Option("--compile", help="The encoder by torch.compile; needs a C++ compiler.")]
Curves = Annotated[Path | None, typer.Option("--tensorboard", help="Folder that gets the curves of the run.")]
Force = Annotated[
    bool, typer.Option("--force", help="Replace the output if it exists; an unfinished run of it is discarded.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]


@app.command(cls=Verb)
def teacher(
    store: StoreArgument,
    output: Out,
    encoder: Annotated[str, typer.Option(help="A name from `edgeacc ls sizes`.")] = "conv-ppg",
    objective: Annotated[TeacherObjective, typer.Option(help="How it learns.")] = TeacherObjective.masked_input,
    positives: Annotated[Positives, typer.Option(help="For `contrastive`: what two views are of.")] = Positives.window,
    steps: Steps = 400,
    batch: Batch = 64,
    seed: Seed = 0,
    start_from: Annotated[Path | None, typer.Option("--from", help="Continue from this teacher's weights.")] = None,
    endless: Fresh = None,
    accumulate: Accumulate = 1,
    recompute: Recompute = False,
    compiled: Compile = False,
    threads: Threads = 1,
    device: DeviceOption = Device.cpu,
    precision: PrecisionOption = None,
    curves: Curves = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train a PPG encoder by itself."""
    _check(store, output, [encoder], force, [start_from] if start_from else [])
    from edgeacc.training.augment import NONE, PAPER
    from edgeacc.training.runs import train_teacher

    config = _config(encoder, objective.value, steps, batch, seed, threads, device.value, precision) | {
        "augmentation": PAPER if objective is TeacherObjective.contrastive else NONE,
        "positives": positives.value,
        "endless": {"preset": endless.value, "seed": seed} if endless else None,
        "accumulate": accumulate,
        "recompute": recompute,
        "compiled": compiled,
    }
    whole = _parsed(config)
    with progress("teacher") as report, _scalars(curves) as scalars:
        result = train_teacher(
            _open(store), output, whole, start_from=start_from, progress=report, scalars=scalars, force=force
        )
    _show(result, json, command("edgeacc", "train", "student", store, "--teacher", output, "-o", "DIR"))


@app.command(cls=Verb)
def student(
    store: StoreArgument,
    output: Out,
    teacher: Annotated[Path, typer.Option(help="The teacher's checkpoint; it stays frozen.")],
    encoder: Annotated[str, typer.Option(help="A name from `edgeacc ls sizes`.")] = "conv-s",
    objective: Annotated[StudentObjective, typer.Option(help="How it learns.")] = StudentObjective.distill,
    form: FormOption = Form.time_resolved,
    interval_target: IntervalTarget = True,
    augmentation: Augmentation = Augment.mild,
    augment_ppg: AugmentPpg = False,
    temperature: Temperature = None,
    queue: Annotated[int, typer.Option(min=0, help="Past embeddings that are negatives too.")] = 0,
    hard_negatives: Annotated[
        int, typer.Option(min=0, max=16, help="More PPG windows of like heart rate as negatives, for every window.")
    ] = 0,
    steps: Steps = 1000,
    batch: Batch = 64,
    seed: Seed = 0,
    endless: Fresh = None,
    accumulate: Accumulate = 1,
    recompute: Recompute = False,
    compiled: Compile = False,
    threads: Threads = 1,
    device: DeviceOption = Device.cpu,
    precision: PrecisionOption = None,
    curves: Curves = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Distil a teacher into an accelerometer encoder."""
    _check(store, output, [encoder], force, [teacher])
    from edgeacc.training.runs import train_student

    own_form = {"distill-l2": "regression", "distill-tokens": "dense"}
    config = (
        _config(encoder, objective.value, steps, batch, seed, threads, device.value, precision)
        | _augmented(augmentation, augment_ppg)
        | {
            "form": own_form.get(objective.value, form.value),
            "interval_target": interval_target,
            "temperature": temperature,
            "queue": queue,
            "hard_negatives": hard_negatives,
            "endless": {"preset": endless.value, "seed": seed} if endless else None,
            "accumulate": accumulate,
            "recompute": recompute,
            "compiled": compiled,
        }
    )
    whole = _parsed(config)
    with progress("student") as report, _scalars(curves) as scalars:
        result = train_student(_open(store), teacher, output, whole, progress=report, scalars=scalars, force=force)
    after = ("--student", output, "--teacher", teacher, "--store", store)
    _show(result, json, command("edgeacc", "evaluate", *after))


@app.command(cls=Verb)
def joint(
    store: StoreArgument,
    output: Out,
    encoder: Annotated[str, typer.Option(help="The accelerometer's, from `edgeacc ls sizes`.")] = "conv-s",
    ppg_encoder: Annotated[str, typer.Option(help="The PPG's, from `edgeacc ls sizes`.")] = "conv-ppg",
    form: FormOption = Form.time_resolved,
    interval_target: IntervalTarget = True,
    augmentation: Augmentation = Augment.mild,
    augment_ppg: AugmentPpg = False,
    temperature: Temperature = None,
    steps: Steps = 1000,
    batch: Batch = 64,
    seed: Seed = 0,
    threads: Threads = 1,
    device: DeviceOption = Device.cpu,
    precision: PrecisionOption = None,
    curves: Curves = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train both encoders together from scratch, the paper's ablation; the PPG's becomes OUTPUT/teacher."""
    _check(store, output, [encoder, ppg_encoder], force, [])
    from edgeacc.models.sizes import SIZES
    from edgeacc.training.runs import train_joint

    opened = _open(store)
    channels = opened.manifest.contract.ppg_channels
    config = (
        _config(encoder, "joint", steps, batch, seed, threads, device.value, precision)
        | _augmented(augmentation, augment_ppg)
        | {
            "form": form.value,
            "interval_target": interval_target,
            "temperature": temperature,
            "ppg_encoder": SIZES[ppg_encoder].model_copy(update={"in_channels": channels}),
        }
    )
    whole = _parsed(config)
    with progress("joint") as report, _scalars(curves) as scalars:
        result = train_joint(opened, output, whole, progress=report, scalars=scalars, force=force)
    after = ("--student", output, "--teacher", output / "teacher", "--store", store)
    _show(result, json, command("edgeacc", "evaluate", *after))


@app.command(cls=Verb)
def baseline(
    store: StoreArgument,
    output: Out,
    objective: Annotated[BaselineObjective, typer.Option(help="How it learns.")],
    encoder: Annotated[str, typer.Option(help="A name from `edgeacc ls sizes`.")] = "conv-s",
    labels: Annotated[Labels, typer.Option(help="For `supervised`: whose labels.")] = Labels.truth,
    steps: Steps = 1000,
    batch: Batch = 64,
    seed: Seed = 0,
    threads: Threads = 1,
    device: DeviceOption = Device.cpu,
    precision: PrecisionOption = None,
    curves: Curves = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Train an accelerometer encoder without a teacher."""
    _check(store, output, [encoder], force, [])
    from edgeacc.training.augment import MILD, NONE, PAPER
    from edgeacc.training.runs import train_baseline

    augmentation = {"acc-mae": NONE, "acc-contrastive": PAPER, "supervised": MILD}[objective.value]
    config = _parsed(
        _config(encoder, objective.value, steps, batch, seed, threads, device.value, precision)
        | {"labels": labels.value, "augmentation": augmentation}
    )
    with progress(objective.value) as report, _scalars(curves) as scalars:
        result = train_baseline(_open(store), output, config, progress=report, scalars=scalars, force=force)
    after = ("--student", "DIR", "--teacher", "DIR", "--store", store, "--baseline", output)
    _show(result, json, command("edgeacc", "evaluate", *after))


def _check(store: Path, output: Path, encoders: list[str], force: bool, checkpoints: list[Path]) -> None:
    """All that is wrong at first sight, before torch is imported (seconds)."""
    from edgeacc.files import refuse_existing
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.models.sizes import require_size
    from edgeacc.windows.manifest import read_manifest

    require_all(
        *(partial(require_size, encoder) for encoder in encoders),
        partial(read_manifest, store),
        *(partial(require_checkpoint, path) for path in checkpoints),
        partial(refuse_existing, output, force=force, inputs=[store, *checkpoints]),
    )


def _augmented(augmentation: Augment, ppg: bool) -> dict[str, Any]:
    from edgeacc.training.augment import MILD, NONE, PAPER

    sets = {Augment.none: NONE, Augment.mild: MILD, Augment.paper: PAPER}
    one = augmentation.name
    chosen = sets[augmentation] if augmentation in sets else NONE.model_copy(update={one: getattr(PAPER, one)})
    return {"augmentation": chosen, "augmentation_ppg": chosen if ppg else NONE}


def _config(
    encoder: str, objective: str, steps: int, batch: int, seed: int, threads: int, device: str, precision: str | None
) -> dict[str, Any]:
    from edgeacc.models.sizes import SIZES

    return {
        "objective": objective,
        "encoder": SIZES[encoder],
        "steps": steps,
        "batch": batch,
        "seed": seed,
        "threads": threads,
        "device": device,
        "precision": precision,
    }


def _parsed(config: dict[str, Any]) -> "TrainConfig":
    """All that does not go together, in one refusal."""
    from edgeacc.files import parse_model
    from edgeacc.training.config import TrainConfig

    return parse_model(config, TrainConfig, where="these options")


def _scalars(folder: Path | None) -> "AbstractContextManager[Scalars]":
    from edgeacc.training.scalars import tensorboard, unwatched

    return nullcontext(unwatched) if folder is None else tensorboard(folder)


def _open(store: Path) -> "Store":
    from edgeacc.windows.store import open_store

    return open_store(store)


def _show(result: "TrainResult", as_json: bool, next_command: str) -> None:
    from edgeacc.training.across import is_first

    if not is_first():
        return
    card = result.card
    rows = [
        ("checkpoint", str(result.path)),
        ("objective", card.objective),
        ("encoder", card.encoder.name),
        ("training windows", card.data.windows if card.data is not None else None),
        ("steps", int(card.outcome["steps"])),
        ("first loss", round(card.outcome["first_loss"], 4)),
        ("last loss (mean of 50 steps)", round(card.outcome["last_loss"], 4)),
    ]
    tables = [table(f"A trained {card.kind}", ("what", "value"), rows)]
    show({"path": str(result.path), "card": card}, tables, as_json=as_json, next_command=next_command)
