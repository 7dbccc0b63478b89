"""What a training run is, as data."""

import time
from typing import Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edgeacc.models.config import CONTRASTIVE, EncoderConfig, Form
from edgeacc.training.augment import NONE, Augmentation
from edgeacc.training.momentum import Positives
from edgeacc.windows.endless import EndlessConfig

ObjectiveName = Literal[
    "masked-input",
    "token-dropping",
    "contrastive",
    "distill",
    "distill-l2",
    "distill-tokens",
    "joint",
    "acc-mae",
    "acc-contrastive",
    "supervised",
    "imitate",
    "imitate-rounded",
]
LabelSource = Literal["truth", "device"]
Precision = Literal["fp32", "bf16"]
Device = Literal["cpu", "cuda"]

_PAYS = 3.0
_FORM_OF: dict[str, Form] = {"distill-l2": "regression", "distill-tokens": "dense"}


class TrainConfig(BaseModel):
    """Everything that decides the outcome of a run, besides its windows and the networks that it starts from.

    The optimizer is AdamW with a linear warm-up and a cosine to 1 % of the peak. Fields that an objective does not
    have keep their defaults. `threads` changes the order of sums, hence the last bits of a result, and may be another
    when a run goes on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    objective: ObjectiveName
    encoder: EncoderConfig
    steps: int = Field(ge=1)
    batch: int = Field(64, ge=2)
    seed: int = Field(0, ge=0)
    peak_lr: float = Field(3e-3, gt=0)
    warm_up: float = Field(0.06, ge=0, le=1, description="part of the steps")
    weight_decay: float = Field(0.05, ge=0)
    beta_2: float = Field(0.98, gt=0, lt=1)
    clip_norm: float = Field(1.0, gt=0)
    augmentation: Augmentation = NONE
    form: Form = "time-resolved"
    interval_target: bool = True
    labels: LabelSource = "truth"
    precision: Precision | None = Field("fp32", description="none: of a run that goes on its own, else the fastest")
    threads: int = Field(1, ge=1)
    device: Device = Field("cpu", description="that computes; the windows lie in its memory")
    augmentation_ppg: Augmentation = Field(NONE, description="of the teacher's windows, drawn by itself")
    positives: Positives = Field("window", description="of `contrastive`")
    temperature: float | None = Field(None, ge=0.005, le=10, description="of `distill` and `joint`; none: learned")
    queue: int = Field(0, ge=0, description="past embeddings that are negatives too")
    hard_negatives: int = Field(0, ge=0, le=16, description="more PPG windows of like heart rate, for every window")
    ppg_encoder: EncoderConfig | None = Field(None, description="of `joint`, which trains both encoders")
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one step")
    recompute: bool = Field(False, description="activations in the backward pass, to keep fewer of them")
    compiled: bool = Field(False, description="the encoder by torch.compile")
    endless: EndlessConfig | None = Field(None, description="simulated windows without end, instead of the store's")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        mistakes = []
        wanted = _FORM_OF.get(self.objective)
        if wanted is not None and self.form != wanted:
            mistakes.append(f"{self.objective} has the form {wanted}, not {self.form}")
        if self.objective in ("distill", "joint") and self.form not in CONTRASTIVE:
            mistakes.append(f"{self.objective} has one of the forms {', '.join(CONTRASTIVE)}, not {self.form}")
        if self.objective in ("distill", "joint") and self.interval_target and self.augmentation.time_warp:
            mistakes.append("a time warp moves the beats away from the interval target: turn one of both off")
        if self.queue and self.queue < self.batch:
            mistakes.append(f"a queue of {self.queue} is smaller than the batch of {self.batch}")
        if (self.objective == "joint") != (self.ppg_encoder is not None):
            mistakes.append("joint, and nothing else, has a ppg_encoder")
        if self.endless is not None:
            whole = {
                "the objective supervised": self.objective == "supervised",
                "positives of a participant": self.positives == "participant",
                "hard negatives": self.hard_negatives > 0,
            }
            mistakes += [
                f"{name} need all windows at once, not an endless stream" for name, is_on in whole.items() if is_on
            ]
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self


def fastest_precision(device: Device = "cpu") -> Precision:
    """bf16 on a GPU, and where this processor multiplies bf16 matrices at least three times as fast as fp32 (AMX).

    Without such units bf16 is emulated, up to 50 times slower, hence measured and not assumed (a few milliseconds).
    """
    if device == "cuda":
        return "bf16"
    seconds = {kind: _product_s(kind) for kind in (torch.float32, torch.bfloat16)}
    return "bf16" if seconds[torch.bfloat16] * _PAYS < seconds[torch.float32] else "fp32"


def _product_s(kind: torch.dtype) -> float:
    """Best of five: seconds for one product of 256 x 256 matrices."""
    a = torch.ones(256, 256, dtype=kind)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        torch.mm(a, a)
        best = min(best, time.perf_counter() - start)
    return best
