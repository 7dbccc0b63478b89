"""Small sets of random windows: enough for the mechanics of training, nothing to learn from."""

import pytest
import torch

from edgeacc.models.config import EncoderConfig, StageConfig
from edgeacc.signals.contract import SignalContract
from edgeacc.training.config import TrainConfig
from edgeacc.windows.labels import LABELS, RHYTHM
from edgeacc.windows.store import create_store
from edgeacc.windows.window_set import WindowSet

SHORT = SignalContract(window_s=10.0)


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small networks are not faster on several threads, and much slower on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture
def tiny_conv():
    return EncoderConfig(
        name="tiny-conv",
        family="conv",
        samples=640,
        frame_samples=16,
        frame_stride=8,
        frame_filters=6,
        stages=(StageConfig(width=8, stride=4, context=True),),
    )


@pytest.fixture
def tiny_transformer():
    return EncoderConfig(
        name="tiny-transformer",
        family="transformer",
        samples=640,
        frame_samples=20,
        frame_stride=20,
        frame_filters=16,
        layers=1,
        heads=2,
    )


@pytest.fixture
def make_windows():
    def make(count=24, seed=0):
        """Windows of 10 s of noise, with regular beats of a rate of their own."""
        generator = torch.Generator().manual_seed(seed)
        interval_B1 = 0.6 + 0.6 * torch.rand(count, 1, generator=generator)
        beats_BK = interval_B1 * (torch.arange(20) + 0.5)
        labels = {name: torch.full((count,), torch.nan) for name in LABELS}
        labels |= {name: torch.rand(count, generator=generator) for name in RHYTHM}
        return WindowSet(
            acc_BCT=torch.randn(count, 3, 640, generator=generator).half(),
            ppg_BCT=torch.randn(count, 4, 640, generator=generator).half(),
            beats_BK=torch.where(beats_BK < 10.0, beats_BK, torch.nan),
            participant_B=torch.arange(count) // 2,
            window_id_B=1000 + torch.arange(count),
            labels=labels,
            contract=SHORT,
        )

    return make


@pytest.fixture
def make_config(tiny_conv):
    def make(objective="acc-mae", **changes):
        given = {"objective": objective, "encoder": tiny_conv, "steps": 20, "batch": 8, "peak_lr": 1e-2}
        return TrainConfig.model_validate(given | changes)

    return make


@pytest.fixture
def make_store(tmp_path, make_windows):
    def make(training):
        """So many training windows, two of each person, and one person on each other side."""
        windows = make_windows(training + 4)
        people = training // 2
        splits = {who: "train" for who in range(people)} | {people: "validation", people + 1: "test"}
        return create_store(
            tmp_path / "store",
            iter([windows]),
            splits,
            contract=windows.contract,
            source="recordings",
            name="noise",
            provenance={},
        )

    return make


@pytest.fixture
def store(make_store):
    return make_store(24)
