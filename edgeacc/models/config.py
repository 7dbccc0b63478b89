"""What an encoder is, and how it meets the other sensor's, as data."""

import math
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Form = Literal["pooled", "time-resolved", "bound", "regression", "dense"]
FORMS: tuple[Form, ...] = ("pooled", "time-resolved", "bound", "regression", "dense")
CONTRASTIVE: tuple[Form, ...] = FORMS[:3]  # those of InfoNCE
Family = Literal["transformer", "pyramid", "conv", "efficientnet"]

_LONGEST_MOMENT_SAMPLES = 4  # 62.5 ms at 64 Hz
WIDEST = 4096
"""Channels of a layer, or samples under one filter."""
LONGEST_SAMPLES = 65_536
"""Of one window: 17 minutes at 64 Hz."""
MOST_TOKENS = 4096
"""Of one window; attention's memory grows with their square."""

_SHAPE_OF_FAMILY = {
    "transformer": "no stages, at least one layer, and patches that do not overlap (frame_samples = frame_stride)",
    "pyramid": "at least one stage and at least one layer",
    "conv": "at least one stage and no layer",
    "efficientnet": "inverted blocks, an odd number of frame_samples, no stage and no layer",
}


class StageConfig(BaseModel):
    """One strided convolution of the pyramid: kernel 3 x stride, so that neighbouring outputs share input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=1, le=WIDEST)
    stride: int = Field(ge=1, le=64)
    context: bool = Field(False, description="also sees the mean of all tokens")


class InvertedStage(BaseModel):
    """Some inverted residual blocks of one width; the first one has the stride."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repeats: int = Field(ge=1, le=16)
    width: int = Field(ge=1, le=WIDEST)
    kernel: int = Field(ge=1, le=63, description="odd")
    stride: int = Field(ge=1, le=64)
    expand: int = Field(ge=1, le=16, description="times as many channels inside the block")

    @model_validator(mode="after")
    def _is_centred(self) -> Self:
        if self.kernel % 2 == 0:
            raise ValueError(f"a kernel of {self.kernel} has no middle: kernels are odd")
        return self


class InvertedBlocks(BaseModel):
    """All blocks of an EfficientNet, and its last two pointwise layers, from which the tokens come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: tuple[InvertedStage, ...] = Field(min_length=1, max_length=16)
    last_filters: int = Field(ge=1, le=WIDEST)
    width: int = Field(ge=1, le=WIDEST, description="of a token")


class BlockConfig(BaseModel):
    """What a transformer block has inside: heads, and units between the two layers of its MLP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heads: int = Field(ge=1, le=64)
    hidden: int = Field(ge=1, le=16 * WIDEST)


class EncoderConfig(BaseModel):
    """An encoder from a window (B, in_channels, samples) to P tokens of width D, and to one embedding.

    `frame_*` is the first layer (a bank of `frame_filters` filters over `frame_samples` samples every
    `frame_stride`), `stages` the strided convolutions after it or `inverted` the blocks of an EfficientNet, `layers`
    the transformer blocks on the tokens, whose insides pruning makes smaller one by one (`pruned`). The bounds are our
    choice, far above any encoder of the ladder: a configuration comes with files that others made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    family: Family
    in_channels: int = Field(3, ge=1, le=64)
    samples: int = Field(3840, ge=1, le=LONGEST_SAMPLES)
    frame_samples: int = Field(ge=1, le=WIDEST)
    frame_stride: int = Field(ge=1, le=WIDEST)
    frame_filters: int = Field(ge=1, le=WIDEST)
    stages: tuple[StageConfig, ...] = Field((), max_length=16)
    inverted: InvertedBlocks | None = None
    layers: int = Field(0, ge=0, le=64)
    heads: int = Field(4, ge=1, le=64)
    mlp_ratio: int = Field(4, ge=1, le=16)
    pruned: tuple[BlockConfig, ...] = Field((), max_length=64, description="of every block, once some were pruned")

    @property
    def blocks(self) -> tuple[BlockConfig, ...]:
        """The insides of each transformer block."""
        return self.pruned or (BlockConfig(heads=self.heads, hidden=self.mlp_ratio * self.width),) * self.layers

    @property
    def head_width(self) -> int:
        """Channels of one attention head; pruning takes whole heads."""
        return self.width // self.heads

    @property
    def token_samples(self) -> int:
        """Samples from one token to the next."""
        return self.frame_stride * math.prod(stage.stride for stage in self._strided)

    @property
    def tokens(self) -> int:
        """P: tokens in one window."""
        return self.samples // self.token_samples

    @property
    def first_tokens(self) -> int:
        """Positions that the first layer looks at."""
        return self.samples // self.frame_stride

    @property
    def width(self) -> int:
        """D of one token."""
        if self.inverted is not None:
            return self.inverted.width
        return self.stages[-1].width if self.stages else self.frame_filters

    @property
    def context_samples(self) -> int:
        """Samples that one token sees by its convolutions, before the transformer blocks (its receptive field)."""
        reach, step = self.frame_samples, self.frame_stride
        for stage in self.stages:
            reach += (3 * stage.stride - 1) * step
            step *= stage.stride
        for block in self.inverted.stages if self.inverted is not None else ():
            reach += (block.kernel - 1) * step
            step *= block.stride
            reach += (block.kernel - 1) * step * (block.repeats - 1)
        return reach

    @property
    def _strided(self) -> tuple[StageConfig | InvertedStage, ...]:
        return self.stages if self.inverted is None else self.inverted.stages

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        odd = self.frame_samples % 2 == 1
        fits = {
            "efficientnet": self.inverted is not None and odd and not self.stages and self.layers == 0,
            "transformer": not self.stages and self.layers > 0 and self.frame_samples == self.frame_stride,
            "pyramid": bool(self.stages) and self.layers > 0,
            "conv": bool(self.stages) and self.layers == 0,
        }
        if not fits[self.family] or (self.inverted is not None) != (self.family == "efficientnet"):
            raise ValueError(f"a {self.family} has {_SHAPE_OF_FAMILY[self.family]}")
        if self.token_samples > self.samples or self.samples % self.token_samples:
            raise ValueError(f"{self.samples} samples are not a multiple of the token's {self.token_samples}")
        if not 1 <= self.tokens <= MOST_TOKENS:
            raise ValueError(f"{self.tokens} tokens; there can be 1 to {MOST_TOKENS}")
        uneven = self.inverted is None and (self.frame_samples - self.frame_stride) % 2
        if self.frame_samples < self.frame_stride or uneven:
            raise ValueError("frame_samples must exceed frame_stride by an even number: frames are centred")
        if self.layers and self.width % self.heads:
            raise ValueError(f"a width of {self.width} does not divide into {self.heads} heads")
        if self.pruned and len(self.pruned) != self.layers:
            raise ValueError(f"{len(self.pruned)} pruned blocks of {self.layers} layers")
        if any(block.heads > self.heads or block.hidden > self.mlp_ratio * self.width for block in self.pruned):
            raise ValueError(f"a pruned block has up to {self.heads} heads and {self.mlp_ratio * self.width} units")
        return self


class AlignmentConfig(BaseModel):
    """The two heads: their form and what they read.

    `times` is the number of times at which the two sides are compared: slots (`bound`, `dense`) or moments
    (`time-resolved`) of the window.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Form
    times: int = Field(ge=1, le=LONGEST_SAMPLES)
    acc_tokens: int = Field(ge=1, le=MOST_TOKENS)
    acc_width: int = Field(ge=1, le=WIDEST)
    acc_first_tokens: int = Field(ge=1, le=LONGEST_SAMPLES)
    acc_first_width: int = Field(ge=1, le=WIDEST)
    ppg_tokens: int = Field(ge=1, le=MOST_TOKENS)
    ppg_width: int = Field(ge=1, le=WIDEST)

    @classmethod
    def between(cls, form: Form, student: EncoderConfig, teacher: EncoderConfig) -> "AlignmentConfig":
        """The heads that fit these two encoders."""
        slots = math.gcd(student.tokens, teacher.tokens)
        times: dict[Form, int] = {
            "pooled": 1,
            "time-resolved": _moments(student, teacher),
            "bound": slots,
            "regression": 1,
            "dense": slots,
        }
        return cls(
            form=form,
            times=times[form],
            acc_tokens=student.tokens,
            acc_width=student.width,
            acc_first_tokens=student.first_tokens,
            acc_first_width=student.frame_filters,
            ppg_tokens=teacher.tokens,
            ppg_width=teacher.width,
        )


def _moments(student: EncoderConfig, teacher: EncoderConfig) -> int:
    """The fewest moments that every layer read divides into, none longer than 4 samples."""
    common = math.lcm(student.tokens, student.first_tokens, teacher.tokens)
    return common * math.ceil(student.samples / _LONGEST_MOMENT_SAMPLES / common)
