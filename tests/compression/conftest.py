"""Small students with heads, of a convolutional and of a transformer family."""

import pytest
import torch

from edgeacc.models.alignment import Student
from edgeacc.models.card import Card
from edgeacc.models.checkpoint import save
from edgeacc.models.config import AlignmentConfig, EncoderConfig, StageConfig
from edgeacc.models.encoder import Encoder, settle
from edgeacc.signals.contract import DEFAULT

CONV = EncoderConfig(
    name="small-conv",
    family="conv",
    frame_samples=32,
    frame_stride=16,
    frame_filters=16,
    stages=(
        StageConfig(width=24, stride=2),
        StageConfig(width=16, stride=1, context=True),
        StageConfig(width=8, stride=1, context=True),
    ),
)
PYRAMID = EncoderConfig(
    name="small-pyramid",
    family="pyramid",
    frame_samples=32,
    frame_stride=16,
    frame_filters=16,
    stages=(StageConfig(width=16, stride=4),),
    layers=2,
    heads=4,
    mlp_ratio=2,
)
SMALL = {"conv": CONV, "pyramid": PYRAMID}


@pytest.fixture
def small_encoder():
    def make(family):
        torch.manual_seed(0)
        return settle(Encoder(SMALL[family]), [torch.randn(16, 3, DEFAULT.samples)])

    return make


@pytest.fixture
def small_student(small_encoder):
    def make(family):
        encoder = small_encoder(family)
        return Student(encoder, AlignmentConfig.between("time-resolved", encoder.config, CONV)).eval()

    return make


@pytest.fixture
def windows_BCT():
    return torch.randn(16, 3, DEFAULT.samples, generator=torch.Generator().manual_seed(5))


@pytest.fixture
def student_folder(small_student, tmp_path):
    def make(family="conv"):
        student = small_student(family)
        card = Card(
            kind="student",
            objective="distill",
            encoder=student.encoder.config,
            contract=DEFAULT,
            alignment=student.config,
        )
        save(tmp_path / "student", card, student.encoder, student=student)
        return tmp_path / "student"

    return make
