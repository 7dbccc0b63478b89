"""The encoder: a window -> tokens in time -> one embedding that int8 arithmetic can compute."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from edgeacc.models.config import EncoderConfig
from edgeacc.models.efficientnet import Last, Stem, inverted_blocks
from edgeacc.models.layers import Block, Frames, Patches, Stage, sinusoidal_positions

LAGS = (1, 2, 4)  # tokens: 0.5, 1 and 2 s in the conv families, 0.3, 0.6 and 1.3 s with 192 tokens
PARTS = 2 + len(LAGS)  # of the summary, each as wide as one token


class Encoder(nn.Module):
    """Tokenizer, positions (only where blocks follow), transformer blocks, and the summary.

    `forward` is what is deployed and what probes read. The tokens carry the time of the beats; retrieval reads them
    (`edgeacc.models.alignment`). With `recompute`, a layer after the first keeps its input alone while training and
    computes the rest again in the backward pass (Chen et al. 2016), with the same result.
    """

    positions_PD: Tensor
    z_scale_D: Tensor
    z_shift_D: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        """Make an untrained encoder; its weights come from torch's generator."""
        super().__init__()
        self.config = config
        self.recompute = False
        self.tokenizer = _tokenizer(config)
        self.blocks = nn.Sequential(*(Block(config.width, inside, config.head_width) for inside in config.blocks))
        self.norm = nn.LayerNorm(config.width) if config.layers else nn.Identity()
        self.register_buffer("positions_PD", sinusoidal_positions(config.tokens, config.width), persistent=False)
        self.register_buffer("z_scale_D", torch.ones(PARTS * config.width))
        self.register_buffer("z_shift_D", torch.zeros(PARTS * config.width))

    @property
    def embedding_width(self) -> int:
        """D of the embedding `z_BD`."""
        return PARTS * self.config.width

    def embed(self, x_BCT: Tensor) -> Tensor:
        """Prepared windows -> tokens before the transformer blocks, with their positions, (B, P, D)."""
        return self._placed(self._through(list(self.tokenizer)[1:], self.tokenizer[0](x_BCT)))

    def attend(self, tokens_BPD: Tensor) -> Tensor:
        """Transformer blocks and the last norm (nothing in the conv families), (B, P, D)."""
        mixed_BPD: Tensor = self.norm(self._through(self.blocks, tokens_BPD))
        return mixed_BPD

    def tokens(self, x_BCT: Tensor) -> Tensor:
        """Prepared windows (B, C, T) -> tokens (B, P, D), in the order of time."""
        return self.attend(self.embed(x_BCT))

    def both_ends(self, x_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """What the first layer's filters give, linear in the window, (B, P0, D0), and the tokens (B, P, D)."""
        first = cast("Frames | Patches | Stem", self.tokenizer[0])
        filtered_BPD = first.filtered(x_BCT)
        tokens_BPD = self._through(list(self.tokenizer)[1:], first.activated(filtered_BPD))
        return filtered_BPD, self.attend(self._placed(tokens_BPD))

    def forward(self, x_BCT: Tensor) -> Tensor:
        """Prepared windows (B, C, T) -> embeddings (B, D), about zero mean and unit deviation once fitted."""
        return self.embedding(self.tokens(x_BCT))

    def embedding(self, tokens_BPD: Tensor) -> Tensor:
        """Tokens -> the summary on the fitted scale, (B, D)."""
        return summarise(tokens_BPD) * self.z_scale_D + self.z_shift_D

    @torch.no_grad()
    def fit_embedding_scale(self, x_BCT: Tensor, batch: int = 128) -> None:
        """Set the scale and shift so that these windows' embeddings have zero mean and unit deviation.

        One range for all dimensions is what a per-tensor int8 output needs. A dimension that hardly varies is scaled
        as if it had a tenth of the median deviation (our estimate), so that it cannot be blown up to mere noise.
        """
        summary_BD = torch.cat([summarise(self.tokens(chunk.float())) for chunk in torch.split(x_BCT, batch)])
        deviation_D = summary_BD.std(dim=0)
        floor = (0.1 * deviation_D.median()).clamp(min=1e-6)
        self.z_scale_D.copy_(1 / torch.maximum(deviation_D, floor))
        self.z_shift_D.copy_(-summary_BD.mean(dim=0) * self.z_scale_D)

    def _through(self, layers: Iterable[nn.Module], tokens_BPD: Tensor) -> Tensor:
        for layer in layers:
            if self.recompute and torch.is_grad_enabled():
                contexts = partial(_first_and_again, layer)
                tokens_BPD = checkpoint(layer, tokens_BPD, use_reentrant=False, context_fn=contexts)
            else:
                tokens_BPD = layer(tokens_BPD)
        return tokens_BPD

    def _placed(self, tokens_BPD: Tensor) -> Tensor:
        return tokens_BPD + self.positions_PD if self.config.layers else tokens_BPD


def _first_and_again(layer: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _without_statistics(layer)


@contextmanager
def _without_statistics(layer: nn.Module) -> Iterator[None]:
    """The second pass over a batch must not enter BatchNorm's running statistics again."""
    norms = [module for module in layer.modules() if isinstance(module, _BatchNorm)]
    before = [(norm.momentum, cast("Tensor", norm.num_batches_tracked).clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum = momentum
            cast("Tensor", norm.num_batches_tracked).copy_(tracked)


def summarise(tokens_BPD: Tensor) -> Tensor:
    """Mean, mean absolute deviation from it, and mean absolute differences at 1, 2 and 4 tokens, (B, 5 D).

    Rate lives in the mean, variability in the differences. Only additions, absolute values
    and means: no square root, which int8 runtimes for microcontrollers lack.
    """
    mean_BPD = tokens_BPD.mean(dim=1, keepdim=True)
    parts = [mean_BPD.squeeze(1), (tokens_BPD - mean_BPD).abs().mean(dim=1)]
    parts += [(tokens_BPD[:, lag:] - tokens_BPD[:, :-lag]).abs().mean(dim=1) for lag in LAGS]
    return torch.cat(parts, dim=1)


@torch.no_grad()
def settle(encoder: Encoder, batches: Iterable[Tensor]) -> Encoder:
    """Give an untrained encoder the BatchNorm statistics and the embedding scale of these windows; leave it in eval.

    An untrained network with default statistics is a poor stand-in for a trained one: parity figures on it mislead.
    """
    windows = [batch.float() for batch in batches]
    settle_norms([encoder], encoder.tokens, windows)
    encoder.fit_embedding_scale(torch.cat(windows))
    return encoder


@torch.no_grad()
def settle_norms(networks: Sequence[nn.Module], forward: Callable[[Tensor], object], batches: Iterable[Tensor]) -> None:
    """Give every BatchNorm of these networks the statistics of what `forward` lets through; leave them in eval.

    Args:
        networks: they all take part in `forward`.
        forward: called with each batch.
        batches: windows (B, C, T).
    """
    norms = [module for network in networks for module in network.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average over these batches
    for network in networks:
        network.train()
    for batch in batches:
        forward(batch.float())
    for norm in norms:
        norm.momentum = 0.1
    for network in networks:
        network.eval()


def _tokenizer(config: EncoderConfig) -> nn.Sequential:
    if config.family == "transformer":
        return nn.Sequential(Patches(config.in_channels, config.frame_samples, config.frame_filters))
    width = config.frame_filters
    if config.inverted is not None:
        inverted = config.inverted
        return nn.Sequential(
            Stem(config.in_channels, config.frame_samples, config.frame_stride, width),
            *inverted_blocks(width, inverted.stages),
            Last(inverted.stages[-1].width, inverted.last_filters, inverted.width),
        )
    layers: list[nn.Module] = [Frames(config.in_channels, config.frame_samples, config.frame_stride, width)]
    for stage in config.stages:
        layers.append(Stage(width, stage.width, stage.stride, context=stage.context))
        width = stage.width
    return nn.Sequential(*layers)
