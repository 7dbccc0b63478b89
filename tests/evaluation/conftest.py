"""Paired windows whose heartbeats are known, and small stores of them."""

import pytest
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.from_cohort import from_cohort
from edgeacc.windows.store import create_store, open_store
from edgeacc.windows.window_set import WindowSet


def make_paired(participants=6, each=8, *, window_s=20.0, snr=1.0, late_s=0.0, seed=0):
    """Accelerometer windows that hold a short wave at every beat of their own PPG, in noise.

    `late_s` is how much later the PPG's beats are written than they were.
    """
    contract = DEFAULT.model_copy(update={"window_s": window_s})
    generator = torch.Generator().manual_seed(seed)
    count, samples = participants * each, contract.samples
    interval = 0.85 + 0.08 * torch.randn(count, round(window_s * 2.2), generator=generator)
    beats = torch.rand(count, 1, generator=generator) + interval.cumsum(1) - 1
    beats = torch.where((beats >= 0) & (beats < window_s), beats, torch.nan).sort(1).values
    time = torch.arange(samples) / 64.0
    since = time[None, None] - beats[:, :, None]
    wave = torch.exp(-0.5 * (since / 0.05) ** 2) * torch.cos(2 * torch.pi * 8 * since)
    heart = torch.nan_to_num(wave).sum(1)
    noise = torch.randn(count, 3, samples, generator=generator)
    acc = noise + snr * heart[:, None] * torch.tensor([1.0, 0.5, -0.7])[:, None]
    acc = (acc - acc.mean(2, keepdim=True)) / acc.std(2, keepdim=True)
    rate = 60 / interval.mean(1)
    return WindowSet(
        acc_BCT=acc.half(),
        ppg_BCT=torch.randn(count, contract.ppg_channels, samples, generator=generator).half(),
        beats_BK=(beats + late_s).float(),
        participant_B=torch.arange(participants).repeat_interleave(each),
        window_id_B=torch.arange(count),
        labels={"device_hr_bpm": rate, "device_sdnn_ms": 1000 * interval.std(1), "device_rmssd_ms": rate * 0.3},
        contract=contract,
    )


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small work is not faster on several threads, and much slower on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture
def paired():
    """The maker of paired windows."""
    return make_paired


def write_recordings(path, windows, splits=None):
    """Store windows as if they came from recordings; everybody in `test` unless told."""
    people = windows.participant_B.unique().tolist()
    return create_store(
        path,
        iter([windows]),
        splits or dict.fromkeys(people, "test"),
        contract=windows.contract,
        source="recordings",
        name="invented",
        provenance={},
    )


@pytest.fixture
def recordings(tmp_path):
    """The writer of a store of recordings."""
    return lambda windows, name="recordings": write_recordings(tmp_path / name, windows)


@pytest.fixture(scope="session")
def cohort_store(tmp_path_factory):
    """A cohort of 14 people, 12 windows each; 6 of them for training, 2 for validation, 6 to test."""
    path = tmp_path_factory.mktemp("cohort") / "store"
    from_cohort(
        CohortConfig(preset="quiet", participants=14, windows_per_participant=12, seed=3), path, shares=(6, 2, 6)
    )
    return open_store(path)
