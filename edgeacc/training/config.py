"""What a training run is, as data."""

import time
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field

from edgeacc.models.alignment import Form
from edgeacc.models.config import EncoderConfig
from edgeacc.training.augment import NONE, Augmentation

ObjectiveName = Literal["masked-input", "token-dropping", "distill", "acc-mae", "acc-contrastive", "supervised"]
LabelSource = Literal["truth", "device"]
Precision = Literal["fp32", "bf16"]

_PAYS = 3.0


class TrainConfig(BaseModel):
    """Everything that decides the outcome of a run, besides its windows and the networks that it starts from.

    The optimizer is AdamW with a linear warm-up and a cosine to 1 % of the peak. Fields that an objective does not
    have keep their defaults. `threads` changes the order of sums, hence the last bits of a result, and may be another
    when a run goes on; `precision` is of a run that begins: one that goes on keeps its own.
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
    precision: Precision = "fp32"
    threads: int = Field(1, ge=1)


def fastest_precision() -> Precision:
    """bf16 where this processor multiplies bf16 matrices at least three times as fast as fp32, as with AMX.

    Without such units bf16 is emulated, up to 50 times slower, hence measured and not assumed (a few milliseconds).
    """
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
