"""What the tests of several rooms share."""

import shutil
import signal
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more about what else the machine does than about the subject.
settings.register_profile("edgeacc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("edgeacc")

# A shell that starts the tests in the background has them ignore Ctrl-C, and every command that they start too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def edgeacc(capsys, monkeypatch):
    """Runs the command line in this process: edgeacc("ls", "recipes") -> exit code, standard output, standard error."""
    from edgeacc.cli.main import main

    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def tiny_encoder():
    """The configuration of the smallest network that reads a window of the contract."""
    from edgeacc.models.config import EncoderConfig, StageConfig

    return EncoderConfig(
        name="tiny",
        family="conv",
        frame_samples=32,
        frame_stride=16,
        frame_filters=4,
        stages=(StageConfig(width=4, stride=2),),
    )


@pytest.fixture(scope="session")
def make_checkpoint(tiny_encoder):
    """Writes a student of that network, with BatchNorm and scale as if trained: make_checkpoint(path, seed)."""
    import torch

    from edgeacc.models.card import Card
    from edgeacc.models.checkpoint import save
    from edgeacc.models.encoder import Encoder, settle
    from edgeacc.signals.contract import DEFAULT

    def make(path, seed=0):
        torch.manual_seed(seed)
        encoder = settle(Encoder(tiny_encoder), [torch.randn(16, 3, DEFAULT.samples)])
        save(path, Card(kind="student", objective="distill", encoder=tiny_encoder, contract=DEFAULT), encoder)
        return path

    return make


@pytest.fixture(scope="session")
def tiny_checkpoint(make_checkpoint, tmp_path_factory):
    return make_checkpoint(tmp_path_factory.mktemp("tiny") / "my-student")


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory):
    """Four people, four windows each; two people to train."""
    from edgeacc.cohort.config import CohortConfig
    from edgeacc.windows.from_cohort import from_cohort

    path = tmp_path_factory.mktemp("tiny") / "store"
    from_cohort(CohortConfig(participants=4, windows_per_participant=4), path, shares=(2, 1, 1))
    return path


@pytest.fixture(scope="session")
def tiny_source(tiny_checkpoint, tiny_store):
    from edgeacc.export.source import read_source

    return read_source(tiny_checkpoint, tiny_store, 0)


@pytest.fixture(scope="session")
def onnx_bundle(tiny_source, tmp_path_factory):
    """A bundle by way of ONNX, the quickest target. Not to be changed: see the next two."""
    from edgeacc.compression.recipe import RECIPES
    from edgeacc.export.pipeline import export_bundle
    from edgeacc.export.registry import missing_packages

    if missing_packages("onnx", "convert"):
        pytest.skip("the extra `onnx` is not installed")
    path = tmp_path_factory.mktemp("bundles") / "onnx-fp32"
    export_bundle(tiny_source, RECIPES["onnx-fp32"], path)
    return path


@pytest.fixture
def tampered_bundle(onnx_bundle, tmp_path):
    path = shutil.copytree(onnx_bundle, tmp_path / "tampered")
    with (path / "card.md").open("a") as stream:
        stream.write("approved for diagnosis")
    return path


@pytest.fixture
def failing_bundle(onnx_bundle, tmp_path):
    """With a floor that its artifact does not reach, hashes renewed."""
    from edgeacc.bundle.sums import write_sums
    from edgeacc.compression.recipe import RECIPES

    path = shutil.copytree(onnx_bundle, tmp_path / "failing")
    (path / "recipe.toml").write_text(RECIPES["onnx-fp32"].model_copy(update={"min_snr_db": 199.0}).to_toml())
    write_sums(path)
    return path
