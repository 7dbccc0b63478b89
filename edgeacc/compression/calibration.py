"""Which windows calibrate a network: of slow and fast hearts, faint and plain heartbeats, as many of each."""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from edgeacc.errors import BadInput, counted

_THIRDS = ("low", "middle", "high", "unknown")
_RANGE = (0.05, 0.95)
_SHOWN = 5


class Strata(NamedTuple):
    """Windows by thirds of the range of heart rate and of signal-to-noise ratio.

    Attributes:
        names: of the strata.
        of_B: the position of each window's stratum among the names.
    """

    names: tuple[str, ...]
    of_B: Tensor

    def sizes(self, index_B: Tensor) -> dict[str, int]:
        """How many of the windows at these positions are in each stratum that has any."""
        counts = torch.bincount(self.of_B[index_B], minlength=len(self.names)).tolist()
        return {name: number for name, number in zip(self.names, counts, strict=True) if number}


def strata(hr_bpm_B: Tensor, snr_B: Tensor) -> Strata:
    """Cut the range that holds nine tenths of the values into three of equal length; not known (NaN) is a fourth part.

    Args:
        hr_bpm_B: heart rate.
        snr_B: how plain the heartbeat is in the accelerometer, on any scale that grows with it.
    """
    names = tuple(f"heart rate {rate}, SNR {snr}" for rate, snr in product(_THIRDS, repeat=2))
    return Strata(names, _third(hr_bpm_B) * len(_THIRDS) + _third(snr_B))


def stratified(among: Strata, count: int) -> Tensor:
    """Positions of at most `count` windows, as many of each stratum as of any other, while it has them.

    They are ordered by stratum; those of one are evenly spread over its windows.
    """
    members = [(among.of_B == place).nonzero()[:, 0] for place in range(len(among.names))]
    members = [each_S for each_S in members if len(each_S)]
    shares = _shares([len(each_S) for each_S in members], min(count, len(among.of_B)))
    spread = [
        each_S[torch.arange(share) * len(each_S) // max(share, 1)]
        for each_S, share in zip(members, shares, strict=True)
    ]
    return torch.cat(spread) if spread else torch.zeros(0, dtype=torch.int64)


def require_signal(acc_BCT: Tensor, window_id_B: Tensor, origin: str) -> None:
    """Refuse windows in which nothing moves: they would set ranges and weigh units for a sensor that was off.

    Raises:
        BadInput: how many, and the first of them.
    """
    constant_B = (acc_BCT == acc_BCT[:, :, :1]).flatten(1).all(dim=1)
    if constant_B.any():
        wrong = window_id_B[constant_B].tolist()
        shown = ", ".join(map(str, wrong[:_SHOWN])) + (", ..." if len(wrong) > _SHOWN else "")
        raise BadInput(
            f"{counted(len(wrong), 'window')} of {len(window_id_B)} of {origin} {'is' if len(wrong) == 1 else 'are'} "
            f"constant: {shown}",
            valid="windows in which the accelerometer recorded something",
            next_command="edgeacc data report STORE -o data.html",
        )


def _third(values_B: Tensor) -> Tensor:
    known_B = values_B.isfinite()
    if not known_B.any():
        return torch.full(values_B.shape, len(_THIRDS) - 1)
    low, high = torch.quantile(values_B[known_B].float(), torch.tensor(_RANGE))
    edges = low + (high - low) * torch.tensor([1 / 3, 2 / 3])
    return torch.where(known_B, torch.bucketize(values_B.float().contiguous(), edges), len(_THIRDS) - 1)


def _shares(sizes: list[int], count: int) -> list[int]:
    """Deal `count` out over groups of these sizes, as evenly as they allow."""
    shares = [0] * len(sizes)
    while (left := count - sum(shares)) > 0:
        open_ = [place for place, size in enumerate(sizes) if shares[place] < size]
        each, rest = divmod(left, len(open_))
        for turn, place in enumerate(open_):
            shares[place] = min(sizes[place], shares[place] + each + (turn < rest))
    return shares
