"""A small network with the statistics of a trained one, and windows to embed; what the targets share."""

import math

import pytest
import torch

from edgeacc.models.card import Card
from edgeacc.models.checkpoint import save
from edgeacc.models.config import EncoderConfig, StageConfig
from edgeacc.models.deploy import exported_program
from edgeacc.models.encoder import Encoder, settle
from edgeacc.signals.contract import DEFAULT

SMALL = EncoderConfig(
    name="small",
    family="conv",
    frame_samples=32,
    frame_stride=16,
    frame_filters=8,
    stages=(StageConfig(width=12, stride=2), StageConfig(width=16, stride=1)),
)


def some_windows(count, seed):
    """Prepared-like windows (count, 3, T): beats of varying rate and sharpness in noise, as standard scores."""
    generator = torch.Generator().manual_seed(seed)
    rate_hz, sharp, phase = (torch.rand(count, 3, 1, generator=generator) for _ in range(3))
    t_s = torch.arange(DEFAULT.samples) / DEFAULT.rate_hz
    beat = torch.sin(2 * math.pi * ((0.8 + rate_hz) * t_s + phase))
    x = beat.sign() * beat.abs() ** (1 + 8 * sharp) + 0.2 * torch.randn(count, 3, DEFAULT.samples, generator=generator)
    return (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True)


@pytest.fixture(scope="session")
def encoder():
    torch.manual_seed(0)
    return settle(Encoder(SMALL), [some_windows(64, seed=1)])


@pytest.fixture(scope="session")
def program(encoder):
    return exported_program(encoder, DEFAULT)


@pytest.fixture(scope="session")
def acc_BCT():
    """Windows that calibrated nothing."""
    return some_windows(16, seed=2)


@pytest.fixture(scope="session")
def z_BD(encoder, acc_BCT):
    with torch.no_grad():
        return encoder(acc_BCT).numpy()


@pytest.fixture(scope="session")
def calibration_BCT():
    return some_windows(32, seed=3)


@pytest.fixture(scope="session")
def no_calibration_BCT():
    return torch.zeros(0, 3, DEFAULT.samples)


@pytest.fixture(scope="session")
def checkpoint(encoder, tmp_path_factory):
    path = tmp_path_factory.mktemp("checkpoints") / "small-student"
    save(path, Card(kind="student", objective="distill", encoder=SMALL, contract=DEFAULT), encoder)
    return path
