import numpy as np
import pytest
import torch

from edgeacc.signals.contract import SignalContract
from edgeacc.windows.window_set import WindowSet

SMALL = SignalContract(window_s=5.0, ppg_channels=2)


@pytest.fixture
def contract():
    return SMALL


@pytest.fixture(scope="session")
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


@pytest.fixture
def write_table():
    """A still wrist with a pulse at 60 a minute; `motion_g` makes it move."""

    def write(path, seconds=45, motion_g=0.0, seed=0):
        path.parent.mkdir(parents=True, exist_ok=True)
        t_s = np.arange(64 * seconds) / 64
        acc = np.random.default_rng(seed).normal(scale=0.002, size=(len(t_s), 3)) + np.array([0, 0, 1])
        acc[:, 0] += motion_g * np.sin(t_s * 9)
        pulse = np.where(t_s % 1 < 0.2, t_s % 1 / 0.2, (1 - t_s % 1) / 0.8)
        rows = (f"{x:.4f},{y:.4f},{z:.4f},{p:.4f}" for (x, y, z), p in zip(acc, pulse, strict=True))
        path.write_text("x,y,z,p\n" + "\n".join(rows) + "\n")

    return write
