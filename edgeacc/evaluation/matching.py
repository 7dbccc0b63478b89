"""What both ways of matching share: beats as trains, jitter, delays, noise."""

from typing import Protocol

import torch
from torch import Tensor

from edgeacc.evaluation.people import people
from edgeacc.signals.beat_locked import BeatTrains, beat_trains
from edgeacc.signals.prepare import prepare_acc
from edgeacc.windows.window_set import WindowSet

JITTERS_MS = (30.0, 100.0)
"""Errors put on the beat times: a match by their timing hardly survives the first and not the second."""


class Scorer(Protocol):
    """`Plain` or `Template`."""

    def scores(self, acc_QCT: Tensor, trains: BeatTrains) -> Tensor:
        """(Q, N), higher is a better match."""
        ...


def by_participant(participant_B: Tensor) -> list[Tensor]:
    """Positions of the windows of each participant."""
    order_B = participant_B.argsort(stable=True)
    return list(torch.split(order_B, people(participant_B).windows_P.tolist()))


def trains_of(windows: WindowSet, beats_BK: Tensor | None = None) -> BeatTrains:
    """The windows' own beats, or others, as impulse trains."""
    contract = windows.contract
    return beat_trains(windows.beats_BK if beats_BK is None else beats_BK, contract.rate_hz, contract.samples)


def jittered(beats_BK: Tensor, jitter_ms: float, seed: int) -> Tensor:
    """Beat times moved by independent normal errors.

    A match by the beats' timing does not survive 100 ms; one by movement that both sensors see does.
    """
    noise_BK = torch.randn(beats_BK.shape, generator=torch.Generator().manual_seed(seed))
    return beats_BK + noise_BK * jitter_ms / 1000


def delayed(acc_BCT: Tensor, by_B: Tensor) -> Tensor:
    """Each window delayed by its own number of samples (negative: earlier), zeros moving in."""
    samples = acc_BCT.shape[2]
    source_BT = torch.arange(samples)[None] - by_B[:, None]
    inside_B1T = ((source_BT >= 0) & (source_BT < samples))[:, None]
    source_BCT = source_BT.clamp(0, samples - 1)[:, None].expand_as(acc_BCT)
    return acc_BCT.gather(2, source_BCT) * inside_B1T


def noisier(windows: WindowSet, lower_db: float, seed: int) -> Tensor:
    """Accelerometer windows whose SNR is lowered by white noise in their band, float32 (B, 3, T) of variance about 1.

    Args:
        windows: with the label `acc_snr`, the heartbeat's variance over the rest's.
        lower_db: by how much, above 0.
        seed: of the noise; the same for every `lower_db`.
    """
    acc_BCT, snr_B = windows.acc_BCT.float(), windows.labels["acc_snr"]
    white_BCT = torch.randn(acc_BCT.shape, generator=torch.Generator().manual_seed(seed))
    added_B11 = ((10 ** (lower_db / 10) - 1) / (1 + snr_B))[:, None, None]  # the rest is 1 / (1 + SNR) of the variance
    return (acc_BCT + added_B11.sqrt() * prepare_acc(white_BCT, windows.contract)) / (1 + added_B11).sqrt()
