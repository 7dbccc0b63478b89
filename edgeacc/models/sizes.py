"""The size ladder by name, and the one way to build an encoder."""

from typing import TYPE_CHECKING, Literal

from edgeacc.errors import unknown
from edgeacc.models.config import EncoderConfig, InvertedBlocks, InvertedStage, StageConfig

if TYPE_CHECKING:
    from edgeacc.models.encoder import Encoder


def _transformer(size: str, layers: int, width: int) -> EncoderConfig:
    """192 tokens of 20 samples; heads of 32 (our estimate: the paper's number of heads is not known to us)."""
    return EncoderConfig(
        name=f"transformer-{size}",
        family="transformer",
        frame_samples=20,
        frame_stride=20,
        frame_filters=width,
        layers=layers,
        heads=width // 32,
    )


def _stages(*parts: tuple[int, int] | tuple[int, int, Literal["context"]]) -> tuple[StageConfig, ...]:
    """(width, stride) of each stage, and whether it sees the whole window's mean."""
    return tuple(StageConfig(width=part[0], stride=part[1], context=len(part) == 3) for part in parts)


def _transformer_c(size: str, layers: int, width: int, filters: int, *stages: tuple[int, int]) -> EncoderConfig:
    """The transformer of that size, 192 tokens too, behind convolutions in place of linear patches.

    As the ViT_C of Xiao et al. 2021, "Early convolutions help transformers see better". Behind linear patches nothing
    of the heart is learned in the steps that our studies have (docs/research-log.md).
    """
    return EncoderConfig(
        name=f"transformer-c-{size}",
        family="pyramid",
        frame_samples=25,
        frame_stride=5,
        frame_filters=filters,
        stages=_stages(*stages, (width, 1)),
        layers=layers,
        heads=width // 32,
    )


def _inverted(*parts: tuple[int, int, int, int, int]) -> tuple[InvertedStage, ...]:
    """(repeats, width, kernel, stride, expand) of each stage."""
    names = ("repeats", "width", "kernel", "stride", "expand")
    return tuple(InvertedStage.model_validate(dict(zip(names, part, strict=True))) for part in parts)


_LADDER = (
    _transformer("xl", 8, 256),
    _transformer("l", 6, 256),
    _transformer("m", 6, 192),
    _transformer("s", 4, 192),
    _transformer("xs", 4, 128),
    _transformer("xxs", 3, 96),
    _transformer("xxxs", 2, 64),
    _transformer_c("xs", 4, 128, 24, (32, 2), (64, 2), (64, 1)),
    _transformer_c("xxs", 3, 96, 16, (24, 2), (48, 2), (48, 1)),
    EncoderConfig(  # the stages are the paper's; stem, last filters and token width our choice, which counts 3.38 M
        name="efficientnet",
        family="efficientnet",
        frame_samples=3,
        frame_stride=2,
        frame_filters=32,
        inverted=InvertedBlocks(
            stages=_inverted(
                (1, 16, 3, 1, 1),
                (2, 24, 3, 2, 6),
                (2, 40, 5, 2, 6),
                (3, 80, 3, 2, 6),
                (3, 112, 5, 1, 6),
                (3, 160, 5, 2, 6),
                (2, 192, 5, 1, 6),
            ),
            last_filters=1280,
            width=256,
        ),
    ),
    EncoderConfig(
        name="pyramid-s",
        family="pyramid",
        frame_samples=32,
        frame_stride=8,
        frame_filters=32,
        stages=_stages((64, 2), (96, 2)),
        layers=2,
        mlp_ratio=2,
    ),
    EncoderConfig(
        name="conv-ppg",
        family="conv",
        frame_samples=32,
        frame_stride=8,
        frame_filters=24,
        stages=_stages((48, 2), (64, 2), (64, 1, "context"), (64, 1)),
    ),
    EncoderConfig(
        name="conv-s",
        family="conv",
        frame_samples=20,
        frame_stride=4,
        frame_filters=24,
        stages=_stages((32, 2), (64, 2), (64, 2), (96, 1, "context"), (96, 1, "context")),
    ),
    EncoderConfig(
        name="conv-xs",
        family="conv",
        frame_samples=20,
        frame_stride=4,
        frame_filters=24,
        stages=_stages((32, 2), (64, 2), (64, 2), (96, 1)),
    ),
    EncoderConfig(
        name="conv-xxs",
        family="conv",
        frame_samples=20,
        frame_stride=4,
        frame_filters=16,
        stages=_stages((24, 2), (32, 2), (48, 2), (48, 1)),
    ),
)

SIZES: dict[str, EncoderConfig] = {config.name: config for config in _LADDER}


def require_size(name: str) -> None:
    """Raise BadInput where there is no size of that name."""
    if name not in SIZES:
        raise unknown("size", name, list(SIZES), next_command="edgeacc ls sizes")


def build(size: str | EncoderConfig, in_channels: int) -> "Encoder":
    """Make an untrained encoder for that many input channels.

    Raises:
        BadInput: no such size.
    """
    from edgeacc.models.encoder import Encoder  # here, since names of sizes are checked before torch is imported

    if isinstance(size, str):
        require_size(size)
        size = SIZES[size]
    return Encoder(size.model_copy(update={"in_channels": in_channels}))


def parameters(encoder: "Encoder") -> int:
    """Trainable parameters, after training's BatchNorm (2 per filter) is counted in."""
    return sum(parameter.numel() for parameter in encoder.parameters())
