"""Simulated windows without end, made when asked for: window i is a function of the configuration and i alone."""

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from edgeacc.cohort.config import CohortConfig, PresetName
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.windows.from_cohort import cohort_windows
from edgeacc.windows.window_set import WindowSet

FIRST_PARTICIPANT = 2**30
"""Nobody of a cohort's store, whose participants are counted from 0, is in the stream."""
_TOGETHER = 4096  # participants whose windows take turns, so that a batch holds nobody twice


class EndlessConfig(BaseModel):
    """A stream: its preset and seed; every participant has `windows_per_participant` windows in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: PresetName = "calibrated"
    seed: int = Field(0, ge=0, lt=2**63)
    windows_per_participant: int = Field(16, ge=1, le=1024)

    @property
    def cohort(self) -> CohortConfig:
        """The cohort that the windows are of."""
        return CohortConfig(
            preset=self.preset,
            seed=self.seed,
            participants=FIRST_PARTICIPANT,
            windows_per_participant=self.windows_per_participant,
            first_participant=FIRST_PARTICIPANT,
        )


class Endless:
    """The stream; columns can be asked for by position as those of a `WindowSet`."""

    def __init__(
        self, config: EndlessConfig, contract: SignalContract = DEFAULT, device: torch.device | str = "cpu"
    ) -> None:
        """Make nothing yet; windows are made where they are used."""
        self.config = config
        self.contract = contract
        self.device = device
        self._last: tuple[Tensor, WindowSet] | None = None

    def take(self, index_B: Tensor) -> WindowSet:
        """The windows at these positions, which are their `window_id_B`; the last batch is kept for its other columns.

        Raises:
            BadInput: a contract that the cohort cannot serve.
        """
        if self._last is None or not torch.equal(self._last[0], index_B):
            turn_B, who_B = index_B // _TOGETHER, index_B % _TOGETHER
            every = self.config.windows_per_participant
            person_B = turn_B // every * _TOGETHER + who_B
            number_B = person_B * every + turn_B % every
            made = cohort_windows(self.config.cohort, number_B, self.contract, device=self.device)
            made.window_id_B.copy_(index_B)
            self._last = (index_B.clone(), made)
        return self._last[1]

    @property
    def acc_BCT(self) -> "Column":
        """Prepared accelerometer."""
        return Column(self, "acc_BCT")

    @property
    def ppg_BCT(self) -> "Column":
        """Prepared PPG."""
        return Column(self, "ppg_BCT")

    @property
    def beats_BK(self) -> "Column":
        """Beat times in seconds, NaN behind the last."""
        return Column(self, "beats_BK")


class Column:
    """One column of the stream."""

    def __init__(self, stream: Endless, name: str) -> None:
        """Name a tensor of `WindowSet`."""
        self._stream, self._name = stream, name

    def __getitem__(self, index_B: Tensor, /) -> Tensor:
        """Of the windows at these positions."""
        column_B: Tensor = getattr(self._stream.take(index_B), self._name)
        return column_B
