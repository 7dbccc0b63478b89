"""Masked-input autoencoder: patches of the raw window are zeroed, every token is processed, the gaps are predicted.

It learns in minutes where the token-dropping autoencoder needs far longer, and it suits any encoder. On PPG it trains
the demo's teacher, on accelerometer the MAE baseline.
"""

import torch
from torch import Generator, Tensor, nn

from edgeacc.models.encoder import Encoder
from edgeacc.training.across import own
from edgeacc.training.augment import Augmentation, augment
from edgeacc.training.objective import Objective, Rows

PATCH_SAMPLES = 20
MASKED = 0.6


class MaskedInput(Objective):
    """Mean squared error on the zeroed patches, predicted from the tokens by one linear map."""

    def __init__(self, encoder: Encoder, x_NCT: Rows, augmentation: Augmentation) -> None:
        """Put a linear decoder beside the encoder.

        Args:
            encoder: to be trained.
            x_NCT: all training windows, prepared.
            augmentation: applied before masking; the target is the augmented window.
        """
        super().__init__()
        config = encoder.config
        self.encoder = encoder
        self.decoder = nn.Linear(config.width, config.in_channels * config.token_samples)
        self.augmentation = augmentation
        self._x_NCT = x_NCT

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """Mean squared error over the masked samples of these windows."""
        x_BCT = augment(self._x_NCT[index_B].float(), self.augmentation, generator)
        masked_BT = own(mask_patches(len(x_BCT), x_BCT.shape[2], generator))
        x_BCT = own(x_BCT)
        tokens_BPD = self.encoder.tokens(x_BCT * ~masked_BT[:, None])
        error_BCT = (self._decode(tokens_BPD) - x_BCT).square()
        return (error_BCT.mean(dim=1) * masked_BT).sum() / masked_BT.sum()

    def _decode(self, tokens_BPD: Tensor) -> Tensor:
        """(B, P, D) -> (B, C, T)."""
        windows, tokens, _ = tokens_BPD.shape
        samples = self.decoder(tokens_BPD).float().reshape(windows, tokens, self.encoder.config.in_channels, -1)
        x_BCT: Tensor = samples.transpose(1, 2).flatten(2)
        return x_BCT


def mask_patches(windows: int, samples: int, generator: Generator) -> Tensor:
    """Choose 60 % of each window's patches of 20 samples at random: (B, T) bool, true where masked."""
    patches = samples // PATCH_SAMPLES
    rank_BP = torch.rand(windows, patches, generator=generator, device=generator.device).argsort(dim=1).argsort(dim=1)
    return (rank_BP < round(MASKED * patches)).repeat_interleave(PATCH_SAMPLES, dim=1)
