"""A set of paired windows in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgeacc.errors import unknown
from edgeacc.signals.contract import SignalContract
from edgeacc.windows.labels import Source, column


@dataclass(frozen=True)
class WindowSet:
    """B paired windows, prepared by the contract's steps, with their beats and labels.

    Attributes:
        acc_BCT: (B, 3, T) float16 standard scores, prepared accelerometer.
        ppg_BCT: (B, ppg_channels, T) float16 standard scores, prepared PPG.
        beats_BK: (B, K) float32, seconds from the window's start, ascending, NaN behind the last: the PPG's
            steepest points.
        participant_B: (B,) int64, an opaque number per person.
        window_id_B: (B,) int64, unique within a store.
        labels: name -> (B,) float32, NaN where not known; names and units in `edgeacc.windows.labels`.
        contract: what the windows were prepared by.
    """

    acc_BCT: Tensor
    ppg_BCT: Tensor
    beats_BK: Tensor
    participant_B: Tensor
    window_id_B: Tensor
    labels: dict[str, Tensor]
    contract: SignalContract

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together (a programming mistake, hence ValueError)."""
        count, samples = len(self.window_id_B), self.contract.samples
        wanted = {"acc_BCT": (count, 3, samples), "ppg_BCT": (count, self.contract.ppg_channels, samples)}
        for name, shape in wanted.items():
            if tuple(getattr(self, name).shape) != shape:
                raise ValueError(f"{name} has shape {tuple(getattr(self, name).shape)}, the contract wants {shape}")
        columns = {"beats_BK": self.beats_BK, "participant_B": self.participant_B, **self.labels}
        wrong = [name for name, column_B in columns.items() if len(column_B) != count]
        if wrong:
            raise ValueError(f"not one entry per window in: {', '.join(wrong)}")

    def __len__(self) -> int:
        """B, the number of windows."""
        return len(self.window_id_B)

    def take(self, index_B: Tensor | slice) -> "WindowSet":
        """The windows at these positions (int64), under this mask (bool), or of this slice (not copied), in order."""
        return WindowSet(
            acc_BCT=self.acc_BCT[index_B],
            ppg_BCT=self.ppg_BCT[index_B],
            beats_BK=self.beats_BK[index_B],
            participant_B=self.participant_B[index_B],
            window_id_B=self.window_id_B[index_B],
            labels={name: label_B[index_B] for name, label_B in self.labels.items()},
            contract=self.contract,
        )

    def to(self, device: torch.device | str) -> "WindowSet":
        """The same on another device."""
        return WindowSet(
            acc_BCT=self.acc_BCT.to(device),
            ppg_BCT=self.ppg_BCT.to(device),
            beats_BK=self.beats_BK.to(device),
            participant_B=self.participant_B.to(device),
            window_id_B=self.window_id_B.to(device),
            labels={name: label_B.to(device) for name, label_B in self.labels.items()},
            contract=self.contract,
        )

    def target(self, names: Sequence[str], source: Source = "truth") -> Tensor:
        """Labels side by side.

        Args:
            names: label names without prefix, such as `hr_bpm`.
            source: `truth`, or `device` for the rhythm labels as a watch gives them.

        Returns:
            (B, K) float32, one column per name, NaN where not known.

        Raises:
            BadInput: a name that does not exist.
        """
        columns = [column(name, source) for name in names]
        for name in columns:
            if name not in self.labels:
                raise unknown("label", name, list(self.labels))
        return torch.stack([self.labels[name].float() for name in columns], dim=1)
