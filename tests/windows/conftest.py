import pytest
import torch

from edgeacc.signals.contract import SignalContract
from edgeacc.windows.window_set import WindowSet

SMALL = SignalContract(window_s=5.0, ppg_channels=2)


@pytest.fixture
def contract():
    return SMALL


@pytest.fixture
def make_windows():
    """Windows of noise, one per entry of `participants`, with 0, 1, 2 ... 7, 0 ... beats."""

    def make(participants, *, contract=SMALL, seed=0):
        count = len(participants)
        draw = torch.Generator().manual_seed(seed)
        beats = torch.where(torch.arange(8) < (torch.arange(count)[:, None] % 8), torch.arange(8) * 0.6, torch.nan)
        return WindowSet(
            acc_BCT=torch.randn(count, 3, contract.samples, generator=draw).half(),
            ppg_BCT=torch.randn(count, contract.ppg_channels, contract.samples, generator=draw).half(),
            beats_BK=beats,
            participant_B=torch.as_tensor(participants, dtype=torch.int64),
            window_id_B=torch.arange(count) + 10_000 * seed,
            labels={"hr_bpm": 60 + torch.randn(count, generator=draw), "device_hr_bpm": 61 + torch.arange(count) / 8},
            contract=contract,
        )

    return make
