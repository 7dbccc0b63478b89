"""More negatives than a batch has: past embeddings in a queue, and windows of like heart rate."""

import torch
from torch import Generator, Tensor, nn

from edgeacc.errors import BadInput

_NEAREST = 16  # ranks of heart rate either way from which negatives are drawn (our estimate)
_NOBODY = -1


class Queue(nn.Module):
    """The last embeddings of both sides, the newest first (cross-batch memory, Wang et al. 2020)."""

    acc_QE: Tensor
    ppg_QE: Tensor
    name_Q: Tensor

    def __init__(self, size: int, acc_width: int, ppg_width: int) -> None:
        """Make an empty queue."""
        super().__init__()
        self.register_buffer("acc_QE", torch.zeros(size, acc_width))
        self.register_buffer("ppg_QE", torch.zeros(size, ppg_width))
        self.register_buffer("name_Q", torch.full((size,), _NOBODY))
        self._waiting: list[tuple[Tensor, Tensor, Tensor]] = []

    def known(self) -> Tensor:
        """(Q,) bool: the places that are taken."""
        return self.name_Q != _NOBODY

    def put(self, acc_BE: Tensor, ppg_BE: Tensor, name_B: Tensor) -> None:
        """Remember a batch; it enters with `advance`."""
        self._waiting.append((acc_BE.detach(), ppg_BE.detach(), name_B))

    def advance(self) -> None:
        """Let the batches of the step enter, and the oldest leave."""
        size = len(self.name_Q)
        for acc_BE, ppg_BE, name_B in self._waiting:
            self.acc_QE.copy_(torch.cat([acc_BE, self.acc_QE])[:size])
            self.ppg_QE.copy_(torch.cat([ppg_BE, self.ppg_QE])[:size])
            self.name_Q.copy_(torch.cat([name_B, self.name_Q])[:size])
        self._waiting.clear()


class LikeRate:
    """Windows ordered by heart rate, from the PPG's beats: no label is used."""

    def __init__(self, beats_NK: Tensor) -> None:
        """Order them.

        Raises:
            BadInput: too few windows for anybody to have neighbours.
        """
        if len(beats_NK) <= 2 * _NEAREST:
            raise BadInput(
                f"{len(beats_NK)} training windows are too few for negatives of like heart rate",
                valid=f"more than {2 * _NEAREST} windows, or --hard-negatives 0",
            )
        interval_N = torch.nanmedian(beats_NK.diff(dim=1), dim=1).values.nan_to_num()
        self._order_N = interval_N.argsort(stable=True)
        self._rank_N = self._order_N.argsort()

    def draw(self, index_B: Tensor, count: int, generator: Generator) -> Tensor:
        """(B x count,) positions, each within 16 ranks of heart rate of its window and never the window itself."""
        size, device = (len(index_B), count), generator.device
        step_BC = torch.randint(1, _NEAREST + 1, size, generator=generator, device=device)
        sign_BC = torch.randint(0, 2, size, generator=generator, device=device) * 2 - 1
        rank_BC = (self._rank_N[index_B][:, None] + sign_BC * step_BC) % len(self._order_N)
        return self._order_N[rank_BC].flatten()
