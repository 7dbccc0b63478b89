"""The common space of accelerometer and PPG: heads in three forms, and the student that holds them.

- `pooled` (the paper's form): the embedding -> MLP -> 128-d. It forgets when the beats happened.
- `time-resolved` (ours): every slot of time -> 16-d, all slots in one unit vector (120 x 16 = 1,920-d). The 16 are 8
  moments of 2 channels, so the vector is a series in time (every 62.5 ms), and a late pulse is the same vector moved.
- `bound` (ours, compact): every slot times a fixed code of signs of that slot, then the mean: 256-d.

One unit vector over all slots, not a unit vector per slot: a noisy slot can then shrink (science spike, section 1).

How late the pulse comes after the wrist's movement differs by some 50 ms between windows and cannot be known from
either side alone. `Student.score` therefore searches the lag (time-resolved only): `docs/research-log.md`.
"""

import math
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from edgeacc.models.config import EncoderConfig
from edgeacc.models.encoder import PARTS, Encoder, summarise

Form = Literal["pooled", "time-resolved", "bound"]

FORMS: tuple[Form, ...] = ("pooled", "time-resolved", "bound")
_WIDTH: dict[Form, int] = {"pooled": 128, "time-resolved": 16, "bound": 256}
_HIDDEN: dict[Form, int] = {"pooled": 256, "time-resolved": 64, "bound": 64}
_MOMENTS = 8  # of one slot
_CHANNELS = 2  # at each moment
_LONGEST_LAG_SAMPLES = 8  # 125 ms at 64 Hz
_FIRST_TEMPERATURE, _LOWEST_TEMPERATURE = 0.04, 0.005
_CODE_SEED = 20_240_917  # any: both sides and every checkpoint must draw the same codes


class AlignmentConfig(BaseModel):
    """The two heads: their form and what they read.

    `slots` is the number of times at which the two sides are compared: the largest number that divides both encoders'
    token counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Form
    slots: int = Field(ge=1)
    acc_tokens: int = Field(ge=1)
    acc_width: int = Field(ge=1)
    ppg_tokens: int = Field(ge=1)
    ppg_width: int = Field(ge=1)
    lags: int = Field(0, ge=0, description="moments by which one side may be moved against the other, either way")

    @classmethod
    def between(cls, form: Form, student: EncoderConfig, teacher: EncoderConfig) -> "AlignmentConfig":
        """The heads that fit these two encoders."""
        slots = math.gcd(student.tokens, teacher.tokens)
        moment_samples = student.samples / (slots * _MOMENTS)
        return cls(
            form=form,
            slots=slots,
            lags=int(_LONGEST_LAG_SAMPLES / moment_samples) if form == "time-resolved" else 0,
            acc_tokens=student.tokens,
            acc_width=student.width,
            ppg_tokens=teacher.tokens,
            ppg_width=teacher.width,
        )

    @property
    def embedding_width(self) -> int:
        """E of the unit vectors."""
        return _WIDTH[self.form] * (self.slots if self.form == "time-resolved" else 1)


class PooledHead(nn.Module):
    """Tokens -> summary -> BatchNorm -> MLP."""

    def __init__(self, form: Form, width: int) -> None:
        """Make the head for tokens of that width."""
        super().__init__()
        hidden = _HIDDEN[form]
        self.layers = nn.Sequential(
            nn.BatchNorm1d(PARTS * width, affine=False),
            nn.Linear(PARTS * width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.GELU(),
            nn.Linear(hidden, _WIDTH[form]),
        )

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D) -> (B, E), not yet of unit length."""
        joint_BE: Tensor = self.layers(summarise(tokens_BPD))
        return joint_BE


class SlotHead(nn.Module):
    """Tokens -> one vector per slot of time -> all of them in a row, or bound to their slot by signs and averaged."""

    codes_SE: Tensor

    def __init__(self, form: Form, tokens: int, width: int, slots: int) -> None:
        """Make the head for that many tokens of that width."""
        super().__init__()
        self.form, self.slots = form, slots
        hidden, out = _HIDDEN[form], _WIDTH[form]
        self.layers = nn.Sequential(
            nn.Linear(width * tokens // slots, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.GELU(),
            nn.Linear(hidden, out, bias=False),
            nn.BatchNorm1d(out, affine=False),
        )
        signs = torch.rand(slots, out, generator=torch.Generator().manual_seed(_CODE_SEED)) < 0.5
        self.register_buffer("codes_SE", signs.float() * 2 - 1, persistent=False)
        self.norm = nn.BatchNorm1d(out, affine=False) if form == "bound" else nn.Identity()

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D) -> (B, E), not yet of unit length."""
        slots_SD = tokens_BPD.reshape(tokens_BPD.shape[0] * self.slots, -1)
        slots_BSE: Tensor = self.layers(slots_SD).float().reshape(tokens_BPD.shape[0], self.slots, -1)
        if self.form == "time-resolved":
            return slots_BSE.flatten(1)
        bound_BE: Tensor = self.norm((slots_BSE * self.codes_SE).mean(dim=1))
        return bound_BE


class Student(nn.Module):
    """The accelerometer encoder with the heads that place it and its teacher in one space."""

    def __init__(self, encoder: Encoder, config: AlignmentConfig) -> None:
        """Put untrained heads beside the encoder."""
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.acc_head = _head(config, config.acc_tokens, config.acc_width)
        self.ppg_norm = nn.BatchNorm1d(config.ppg_width, affine=False)
        self.ppg_head = _head(config, config.ppg_tokens, config.ppg_width)
        self.log_sharpness = nn.Parameter(torch.tensor(-math.log(_FIRST_TEMPERATURE)))
        self.lag_logits_L = nn.Parameter(torch.zeros(2 * config.lags + 1))

    def align_acc(self, acc_BCT: Tensor) -> Tensor:
        """Prepared accelerometer windows (B, 3, T) -> unit vectors (B, E)."""
        return self.align_acc_tokens(self.encoder.tokens(acc_BCT))

    def align_acc_tokens(self, tokens_BPD: Tensor) -> Tensor:
        """The accelerometer encoder's own tokens (B, P, D) -> unit vectors (B, E)."""
        return F.normalize(self.acc_head(tokens_BPD).float(), dim=1)

    def align_ppg(self, teacher_tokens_BPD: Tensor) -> Tensor:
        """The frozen teacher's tokens (B, P, D) of the PPG windows -> unit vectors (B, E)."""
        flat = self.ppg_norm(teacher_tokens_BPD.flatten(0, 1))
        return F.normalize(self.ppg_head(flat.reshape(teacher_tokens_BPD.shape)).float(), dim=1)

    def score(self, acc_BE: Tensor, ppg_NE: Tensor) -> Tensor:
        """How well every accelerometer window goes with every PPG window, (B, N); higher is better.

        The log of the sum, over the lags and weighted by how likely each is, of exp(cosine / temperature); without
        lags the cosine over the temperature. Weights and temperature are learned.
        """
        lags = range(-self.config.lags, self.config.lags + 1)
        cosine_LBN = torch.stack([acc_BE @ moved(ppg_NE, lag).T for lag in lags])
        sharpness = self.log_sharpness.exp().clamp(max=1 / _LOWEST_TEMPERATURE)
        prior_L11 = torch.log_softmax(self.lag_logits_L, dim=0)[:, None, None]
        return torch.logsumexp(cosine_LBN * sharpness + prior_L11, dim=0)

    def heads(self) -> dict[str, Tensor]:
        """The state of everything but the encoder, as a checkpoint's `heads.safetensors` holds it."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("encoder.")}


def moved(series_BE: Tensor, moments: int) -> Tensor:
    """A time-resolved vector later by so many moments; what falls off the end is lost, what comes in is zero."""
    step = moments * _CHANNELS
    return F.pad(series_BE, (step, -step))


def _head(config: AlignmentConfig, tokens: int, width: int) -> nn.Module:
    if config.form == "pooled":
        return PooledHead(config.form, width)
    return SlotHead(config.form, tokens, width, config.slots)
