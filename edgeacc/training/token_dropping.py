"""Token-dropping masked autoencoder, the paper's teacher: the encoder sees a fifth of the tokens.

He et al. 2022 ("Masked Autoencoders Are Scalable Vision Learners") for the form; 80 % dropped, 192 patches and a
light decoder as recalled of the paper. It learns far more slowly than `masked_input`: hours, not minutes.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from edgeacc.errors import BadInput
from edgeacc.models.config import BlockConfig
from edgeacc.models.encoder import Encoder
from edgeacc.models.layers import Block, sinusoidal_positions
from edgeacc.training.across import own
from edgeacc.training.augment import Augmentation, augment
from edgeacc.training.objective import Objective, Rows

DROPPED = 0.8
DECODER_WIDTH = 64
DECODER_LAYERS = 2
DECODER_HEADS = 4
_INSIDE = BlockConfig(heads=DECODER_HEADS, hidden=4 * DECODER_WIDTH)


class TokenDropping(Objective):
    """Mean squared error on the patches of the dropped tokens."""

    positions_PD: Tensor

    def __init__(self, encoder: Encoder, x_NCT: Rows, augmentation: Augmentation) -> None:
        """Put a light transformer decoder beside the encoder.

        Raises:
            BadInput: the encoder is not a transformer: overlapping tokens would show what was dropped.
        """
        super().__init__()
        config = encoder.config
        if config.family != "transformer":
            raise BadInput(
                f"the objective token-dropping cannot train {config.name}: its tokens overlap",
                valid="--encoder transformer-..., or --objective masked-input",
            )
        self.encoder = encoder
        self.augmentation = augmentation
        self.project = nn.Linear(config.width, DECODER_WIDTH)
        self.dropped_token_D = nn.Parameter(torch.zeros(DECODER_WIDTH))
        blocks = [Block(DECODER_WIDTH, _INSIDE, DECODER_WIDTH // DECODER_HEADS) for _ in range(DECODER_LAYERS)]
        self.decoder = nn.Sequential(*blocks, nn.LayerNorm(DECODER_WIDTH))
        self.predict = nn.Linear(DECODER_WIDTH, config.in_channels * config.token_samples)
        self.register_buffer("positions_PD", sinusoidal_positions(config.tokens, DECODER_WIDTH), persistent=False)
        self._x_NCT = x_NCT

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """Mean squared error over the dropped patches of these windows."""
        x_BCT = augment(self._x_NCT[index_B].float(), self.augmentation, generator)
        tokens = self.encoder.config.tokens
        order_BP = own(torch.rand(len(x_BCT), tokens, generator=generator, device=generator.device).argsort(dim=1))
        x_BCT = own(x_BCT)
        kept = tokens - round(DROPPED * tokens)
        kept_BK, dropped_BK = order_BP[:, :kept], order_BP[:, kept:]
        seen_BKD = self.project(self.encoder.attend(_at(self.encoder.embed(x_BCT), kept_BK))).float()
        all_BPD = self.dropped_token_D.expand(len(x_BCT), tokens, -1).scatter(1, _spread(kept_BK, seen_BKD), seen_BKD)
        predicted_BPS = self.predict(self.decoder(all_BPD + self.positions_PD)).float()
        return F.mse_loss(_at(predicted_BPS, dropped_BK), _at(self._patches(x_BCT), dropped_BK))

    def _patches(self, x_BCT: Tensor) -> Tensor:
        """(B, C, T) -> (B, P, C x samples of a token)."""
        windows, channels, _ = x_BCT.shape
        return x_BCT.reshape(windows, channels, self.encoder.config.tokens, -1).transpose(1, 2).flatten(2)


def _at(tokens_BPD: Tensor, index_BK: Tensor) -> Tensor:
    return tokens_BPD.gather(1, _spread(index_BK, tokens_BPD))


def _spread(index_BK: Tensor, like_BPD: Tensor) -> Tensor:
    return index_BK[:, :, None].expand(-1, -1, like_BPD.shape[2])
