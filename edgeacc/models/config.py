"""What an encoder is, as data."""

from math import prod
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Family = Literal["transformer", "pyramid", "conv"]

_SHAPE_OF_FAMILY = {
    "transformer": "no stages, at least one layer, and patches that do not overlap (frame_samples = frame_stride)",
    "pyramid": "at least one stage and at least one layer",
    "conv": "at least one stage and no layer",
}


class StageConfig(BaseModel):
    """One strided convolution of the pyramid: kernel 3 x stride, so that neighbouring outputs share input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=1)
    stride: int = Field(ge=1)
    context: bool = Field(False, description="also sees the mean of all tokens")


class EncoderConfig(BaseModel):
    """An encoder from a window (B, in_channels, samples) to P tokens of width D, and to one embedding.

    `frame_*` is the first layer (a bank of `frame_filters` filters over `frame_samples` samples every
    `frame_stride`), `stages` the strided convolutions after it, `layers` the transformer blocks on the tokens.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    family: Family
    in_channels: int = Field(3, ge=1)
    samples: int = Field(3840, ge=1)
    frame_samples: int = Field(ge=1)
    frame_stride: int = Field(ge=1)
    frame_filters: int = Field(ge=1)
    stages: tuple[StageConfig, ...] = ()
    layers: int = Field(0, ge=0)
    heads: int = Field(4, ge=1)
    mlp_ratio: int = Field(4, ge=1)

    @property
    def token_samples(self) -> int:
        """Samples from one token to the next."""
        return self.frame_stride * prod(stage.stride for stage in self.stages)

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
        return self.stages[-1].width if self.stages else self.frame_filters

    @property
    def context_samples(self) -> int:
        """Samples that one token sees before the transformer blocks (its receptive field)."""
        reach, step = self.frame_samples, self.frame_stride
        for stage in self.stages:
            reach += (3 * stage.stride - 1) * step
            step *= stage.stride
        return reach

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        fits = {
            "transformer": not self.stages and self.layers > 0 and self.frame_samples == self.frame_stride,
            "pyramid": bool(self.stages) and self.layers > 0,
            "conv": bool(self.stages) and self.layers == 0,
        }
        if not fits[self.family]:
            raise ValueError(f"a {self.family} has {_SHAPE_OF_FAMILY[self.family]}")
        if self.samples % self.token_samples:
            raise ValueError(f"{self.samples} samples are not a multiple of the token's {self.token_samples}")
        if self.frame_samples < self.frame_stride or (self.frame_samples - self.frame_stride) % 2:
            raise ValueError("frame_samples must exceed frame_stride by an even number: frames are centred")
        if self.layers and self.width % self.heads:
            raise ValueError(f"a width of {self.width} does not divide into {self.heads} heads")
        return self
