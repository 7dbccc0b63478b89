"""The common space of accelerometer and PPG: heads in three forms, and the student that holds them.

- `pooled` (the paper's form): the embedding -> MLP -> 128-d. It forgets when the beats happened.
- `time-resolved` (ours): each side becomes series in time, 16 or more moments a second. The PPG becomes one, the
  accelerometer ten, four from its tokens and six from the filters of its first layer. The score is the energy with
  which they agree, a sum of squares: the training-free limit (`edgeacc.evaluation.limit`) with learned shapes.
- `bound` (ours, compact): every slot of time times a fixed code of signs of that slot, then the mean: 256-d.
- `regression` and `dense`: the teacher's own space, its pooled embedding or its tokens, standardised; the student
  predicts them (L2 distillation), nothing is learned on the teacher's side.

Why ten series and squares: how late the pulse comes after the wrist's movement, and what shape that movement has,
differs between people and cannot be known from either side alone. Why the first layer: a beat far below the noise does
not pass a ReLU, but sixty of them, added up in step with the pulse, are plain; linear filters keep them
(`docs/research-log.md`).
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeacc.models.config import AlignmentConfig, Form
from edgeacc.models.encoder import PARTS, Encoder, summarise

_TOKEN_SERIES, _FILTER_SERIES = 4, 6  # of the accelerometer, in this order
_FILTER_REACH_SAMPLES = 48  # 0.75 s either way: the main deflection comes within 0.6 s of the pulse's start
_HIDDEN: dict[Form, int] = {"pooled": 256, "time-resolved": 64, "bound": 64, "regression": 256, "dense": 64}
_POOLED_WIDTH, _BOUND_WIDTH = 128, 256
_FIRST_SHARPNESS: dict[Form, float] = {"pooled": 25, "time-resolved": 60, "bound": 25, "regression": 25, "dense": 25}
_LARGEST_SHARPNESS = 200
_CODE_SEED = 20_240_917  # any: both sides and every checkpoint must draw the same codes


class PooledHead(nn.Module):
    """Tokens -> summary -> BatchNorm -> MLP."""

    def __init__(self, width: int, out: int = _POOLED_WIDTH) -> None:
        """Make the head for tokens of that width."""
        super().__init__()
        hidden = _HIDDEN["pooled"]
        self.layers = nn.Sequential(
            nn.BatchNorm1d(PARTS * width, affine=False),
            nn.Linear(PARTS * width, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.GELU(),
            nn.Linear(hidden, out),
        )

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D) -> (B, out)."""
        joint_BE: Tensor = self.layers(summarise(tokens_BPD))
        return joint_BE


class SummaryHead(nn.Module):
    """The teacher's pooled embedding, standardised; nothing is learned."""

    def __init__(self, width: int) -> None:
        """Make the head for tokens of that width."""
        super().__init__()
        self.norm = nn.BatchNorm1d(PARTS * width, affine=False)

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D) -> (B, 5 D)."""
        standard_BE: Tensor = self.norm(summarise(tokens_BPD))
        return standard_BE


class DenseHead(nn.Module):
    """The accelerometer's tokens of a slot -> a prediction of the teacher's tokens in it."""

    def __init__(self, tokens: int, width: int, slots: int, out: int) -> None:
        """Make the head for that many tokens of that width; `out` values in every slot."""
        super().__init__()
        self.slots = slots
        hidden = _HIDDEN["dense"]
        self.layers = nn.Sequential(
            nn.Linear(width * tokens // slots, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.GELU(),
            nn.Linear(hidden, out),
        )

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D) -> (B, slots x out)."""
        slots_SE: Tensor = self.layers(tokens_BPD.reshape(tokens_BPD.shape[0] * self.slots, -1))
        return slots_SE.reshape(tokens_BPD.shape[0], -1)


class BoundHead(nn.Module):
    """Tokens -> one vector per slot of time, bound to the slot by signs -> their mean."""

    codes_SE: Tensor

    def __init__(self, tokens: int, width: int, slots: int) -> None:
        """Make the head for that many tokens of that width."""
        super().__init__()
        self.slots = slots
        self.layers = _per_place(width * tokens // slots, _HIDDEN["bound"], _BOUND_WIDTH)
        signs = torch.rand(slots, _BOUND_WIDTH, generator=torch.Generator().manual_seed(_CODE_SEED)) < 0.5
        self.register_buffer("codes_SE", signs.float() * 2 - 1, persistent=False)
        self.norm = nn.BatchNorm1d(_BOUND_WIDTH, affine=False)

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D) -> (B, 256)."""
        slots_SE: Tensor = self.layers(tokens_BPD.reshape(tokens_BPD.shape[0] * self.slots, -1)).float()
        slots_BSE = slots_SE.reshape(tokens_BPD.shape[0], self.slots, -1)
        bound_BE: Tensor = self.norm((slots_BSE * self.codes_SE).mean(dim=1))
        return bound_BE


class SeriesHead(nn.Module):
    """Tokens -> series over the moments of the window; a token gives all the moments that lie in it."""

    def __init__(self, tokens: int, width: int, moments: int, series: int) -> None:
        """Make the head for that many tokens of that width."""
        super().__init__()
        self.series = series
        self.layers = _per_place(width, _HIDDEN["time-resolved"], series * moments // tokens)

    def forward(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D) -> (B, series, moments)."""
        moments_BMS: Tensor = self.layers(tokens_BPD.flatten(0, 1)).float().reshape(len(tokens_BPD), -1, self.series)
        return moments_BMS.transpose(1, 2)


class FilterHead(nn.Module):
    """What the first layer's filters gave -> series over the moments, by one more linear filter in time.

    A convolution of height 1 on channels-last memory: four times as fast on a CPU as Conv1d with as few outputs.
    """

    def __init__(self, config: AlignmentConfig, samples: int) -> None:
        """Make the head for a window of that many samples."""
        super().__init__()
        reach = round(_FILTER_REACH_SAMPLES * config.acc_first_tokens / samples)
        out = _FILTER_SERIES * config.times // config.acc_first_tokens
        self.filters = nn.Conv2d(config.acc_first_width, out, (1, 2 * reach + 1), padding=(0, reach), bias=False)
        self.norm = nn.BatchNorm1d(out, affine=False)

    def forward(self, filtered_BPD: Tensor) -> Tensor:
        """(B, P0, D0) -> (B, series, moments)."""
        series_BEP: Tensor = self.norm(self.filters(filtered_BPD.transpose(1, 2).unsqueeze(2)).squeeze(2).float())
        moments_BMS = series_BEP.transpose(1, 2).reshape(len(filtered_BPD), -1, _FILTER_SERIES)
        return moments_BMS.transpose(1, 2)


class Student(nn.Module):
    """The accelerometer encoder with the heads that place it and its teacher in one space."""

    def __init__(self, encoder: Encoder, config: AlignmentConfig) -> None:
        """Put untrained heads beside the encoder."""
        super().__init__()
        self.config = config
        self.encoder = encoder
        self.acc_head = _acc_head(config)
        self.ppg_norm = nn.BatchNorm1d(config.ppg_width, affine=False)
        self.ppg_head = _ppg_head(config)
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(_FIRST_SHARPNESS[config.form])))
        self.filter_head: FilterHead | None = None
        if config.form == "time-resolved":
            self.filter_head = FilterHead(config, encoder.config.samples)
            self.agreement_S = nn.Parameter(torch.zeros(_TOKEN_SERIES + _FILTER_SERIES))

    def align_acc(self, acc_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """Prepared accelerometer windows (B, 3, T) -> unit vectors (B, E), and the encoder's tokens (B, P, D)."""
        joint_BE, tokens_BPD = self.place_acc(acc_BCT)
        return F.normalize(joint_BE, dim=1), tokens_BPD

    def place_acc(self, acc_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """As `align_acc`, of any length: what L2 distillation compares."""
        filtered_BPD, tokens_BPD = self.encoder.both_ends(acc_BCT)
        return self.place_ends(filtered_BPD, tokens_BPD), tokens_BPD

    def place_ends(self, filtered_BPD: Tensor, tokens_BPD: Tensor) -> Tensor:
        """What `Encoder.both_ends` gives -> (B, E), of any length."""
        joint_BE = self.acc_head(tokens_BPD)
        if self.filter_head is not None:
            joint_BE = torch.cat([joint_BE, self.filter_head(filtered_BPD)], dim=1).flatten(1)
        return cast("Tensor", joint_BE.float())

    def acc_side(self) -> list[nn.Module]:
        """The parts that accelerometer windows pass."""
        return [self.encoder, self.acc_head, *([] if self.filter_head is None else [self.filter_head])]

    def align_ppg(self, teacher_tokens_BPD: Tensor) -> Tensor:
        """The frozen teacher's tokens (B, P, D) of the PPG windows -> unit vectors (B, E).

        Time-resolved, E is a series of the PPG; the accelerometer's vector is a whole number of them in a row.
        """
        return F.normalize(self.place_ppg(teacher_tokens_BPD), dim=1)

    def place_ppg(self, teacher_tokens_BPD: Tensor) -> Tensor:
        """As `align_ppg`, of any length."""
        flat = self.ppg_norm(teacher_tokens_BPD.flatten(0, 1))
        placed_BE: Tensor = self.ppg_head(flat.reshape(teacher_tokens_BPD.shape)).flatten(1).float()
        return placed_BE

    def fix_temperature(self, temperature: float) -> None:
        """Let the sharpness be one over this, and no longer learned."""
        self.log_sharpness.data.fill_(-math.log(temperature))
        self.log_sharpness.requires_grad = False

    def score(self, acc_BE: Tensor, ppg_NE: Tensor) -> Tensor:
        """How well every accelerometer window goes with every PPG window, (B, N); higher is better.

        Time-resolved: the sum over the accelerometer's series of (sharpness x cosine + agreement)^2; fewer series than
        all, the first ones, are scored by themselves. Otherwise sharpness x cosine. Sharpness and agreement are
        learned.
        """
        sharpness = self.log_sharpness.exp().clamp(max=_LARGEST_SHARPNESS)
        if self.config.form != "time-resolved":
            return sharpness * (acc_BE @ ppg_NE.T)
        series = acc_BE.shape[1] // self.config.times
        cosine_BSN = (acc_BE.reshape(-1, self.config.times) @ ppg_NE.T).reshape(len(acc_BE), series, len(ppg_NE))
        return (sharpness * cosine_BSN + self.agreement_S[:series, None]).square().sum(dim=1)

    def token_part(self, acc_BE: Tensor) -> Tensor:
        """Of time-resolved vectors, the series that come from the tokens."""
        return acc_BE[:, : _TOKEN_SERIES * self.config.times]

    @property
    def ppg_size(self) -> int:
        """E of `align_ppg`."""
        sizes: dict[Form, int] = {
            "pooled": _POOLED_WIDTH,
            "time-resolved": self.config.times,
            "bound": _BOUND_WIDTH,
            "regression": PARTS * self.config.ppg_width,
            "dense": self.config.ppg_tokens * self.config.ppg_width,
        }
        return sizes[self.config.form]

    @property
    def acc_size(self) -> int:
        """E of `align_acc`."""
        series = _TOKEN_SERIES + _FILTER_SERIES if self.config.form == "time-resolved" else 1
        return series * self.ppg_size

    def heads(self) -> dict[str, Tensor]:
        """The state of everything but the encoder, as a checkpoint's `heads.safetensors` holds it."""
        return {name: value for name, value in self.state_dict().items() if not name.startswith("encoder.")}


Deployable = Encoder | Student
"""What reads the accelerometer: an encoder alone, or with the heads that place it in the common space."""


def encoder_of(network: Deployable) -> Encoder:
    """The encoder, which is what is deployed."""
    return network if isinstance(network, Encoder) else network.encoder


def told(network: Deployable, acc_BCT: Tensor) -> list[Tensor]:
    """The embedding (B, D) and, of a student, the unit vectors in the common space (B, E)."""
    if isinstance(network, Encoder):
        return [network(acc_BCT)]
    joint_BE, tokens_BPD = network.align_acc(acc_BCT)
    return [network.encoder.embedding(tokens_BPD), joint_BE]


def _acc_head(config: AlignmentConfig) -> nn.Module:
    tokens, width = config.acc_tokens, config.acc_width
    match config.form:
        case "pooled":
            return PooledHead(width)
        case "bound":
            return BoundHead(tokens, width, config.times)
        case "time-resolved":
            return SeriesHead(tokens, width, config.times, _TOKEN_SERIES)
        case "regression":
            return PooledHead(width, PARTS * config.ppg_width)
        case "dense":
            return DenseHead(tokens, width, config.times, config.ppg_width * config.ppg_tokens // config.times)


def _ppg_head(config: AlignmentConfig) -> nn.Module:
    tokens, width = config.ppg_tokens, config.ppg_width
    match config.form:
        case "pooled":
            return PooledHead(width)
        case "bound":
            return BoundHead(tokens, width, config.times)
        case "time-resolved":
            return SeriesHead(tokens, width, config.times, 1)
        case "regression":
            return SummaryHead(width)
        case "dense":
            return nn.Flatten()


def _per_place(width: int, hidden: int, out: int) -> nn.Sequential:
    """The small network that reads one place in time."""
    return nn.Sequential(
        nn.Linear(width, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.GELU(),
        nn.Linear(hidden, out, bias=False),
        nn.BatchNorm1d(out, affine=False),
    )
