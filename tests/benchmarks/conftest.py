"""One real bundle and its checkpoint, by way of ONNX, the quickest target."""

import shutil

import pytest
import torch

from edgeacc.bundle.sums import write_sums
from edgeacc.cohort.config import CohortConfig
from edgeacc.compression.recipe import RECIPES
from edgeacc.export.pipeline import export_bundle, read_source
from edgeacc.export.registry import missing_packages
from edgeacc.models.checkpoint import Card, save
from edgeacc.models.config import EncoderConfig, StageConfig
from edgeacc.models.encoder import Encoder
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.from_cohort import from_cohort

SMALL = EncoderConfig(
    name="small",
    family="conv",
    frame_samples=32,
    frame_stride=16,
    frame_filters=4,
    stages=(StageConfig(width=4, stride=2),),
)


def make_checkpoint(path, seed=0):
    torch.manual_seed(seed)
    save(path, Card(kind="student", objective="distill", encoder=SMALL, contract=DEFAULT), Encoder(SMALL))
    return path


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("bench-checkpoint") / "small")


@pytest.fixture(scope="session")
def onnx_bundle(checkpoint, tmp_path_factory):
    if missing_packages("onnx", "convert"):
        pytest.skip("the extra `onnx` is not installed")
    folder = tmp_path_factory.mktemp("bench-bundles")
    from_cohort(CohortConfig(participants=4, windows_per_participant=4), folder / "store", shares=(2, 1, 1))
    export_bundle(read_source(checkpoint, folder / "store", 0), RECIPES["onnx-fp32"], folder / "onnx-fp32")
    return folder / "onnx-fp32"


@pytest.fixture(scope="session")
def other_checkpoint(tmp_path_factory):
    """Of the same size, with other weights."""
    return make_checkpoint(tmp_path_factory.mktemp("other-checkpoint") / "other", seed=1)


@pytest.fixture
def tampered_bundle(onnx_bundle, tmp_path):
    path = shutil.copytree(onnx_bundle, tmp_path / "tampered")
    with (path / "card.md").open("a") as stream:
        stream.write("approved for diagnosis")
    return path


@pytest.fixture
def failing_bundle(onnx_bundle, tmp_path):
    """With a floor that its artifact does not reach, hashes renewed."""
    path = shutil.copytree(onnx_bundle, tmp_path / "failing")
    (path / "recipe.toml").write_text(RECIPES["onnx-fp32"].model_copy(update={"min_snr_db": 199.0}).to_toml())
    write_sums(path)
    return path
