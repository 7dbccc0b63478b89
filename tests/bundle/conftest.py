import numpy as np
import pytest

from edgeacc.bundle.bundle import Contents, complete
from edgeacc.bundle.golden import Golden
from edgeacc.bundle.manifest import (
    CalibrationRecord,
    Compatibility,
    Manifest,
    SourceCheckpoint,
    TensorSpec,
    Verification,
)
from edgeacc.bundle.probe import Probe
from edgeacc.compression.recipe import RECIPES
from edgeacc.models.card import Card
from edgeacc.models.sizes import SIZES
from edgeacc.signals.contract import DEFAULT

WINDOWS, WIDTH = 3, 5


def ones(*shape):
    return np.ones(shape, np.float32)


@pytest.fixture
def contents():
    """What goes into a bundle of a network with an embedding of five numbers."""
    recipe = RECIPES["onnx-fp32"]
    manifest = Manifest(
        edgeacc_version="0.1.0",
        target="onnx",
        recipe=recipe.name,
        model="model/model.onnx",
        model_bytes=5,
        contract_digest=DEFAULT.digest,
        source=SourceCheckpoint(name="s", kind="student", objective="distill", encoder="conv-s", sha256="0" * 64),
        input=TensorSpec(name="acc", shape=(1, 3, DEFAULT.samples), unit="standard score"),
        output=TensorSpec(name="embedding", shape=(1, WIDTH), unit="standard score"),
        verification=Verification(
            level="executed",
            windows=WINDOWS,
            snr_db=99.0,
            min_snr_db=60.0,
            worst_cosine=0.9999,
            hr_mae_bpm=2.5,
            hr_mae_network_bpm=2.25,
        ),
        compatibility=Compatibility(minimum_os=(), runtime={"onnxruntime": "1"}),
        tool_versions={"torch": "2"},
    )
    raw_BCT = ones(WINDOWS, 3, DEFAULT.samples)
    return Contents(
        manifest=manifest,
        recipe=recipe,
        card=Card(kind="student", objective="distill", encoder=SIZES["conv-s"], contract=DEFAULT),
        calibration=CalibrationRecord(origin="store x", windows=0, participants=0, sha256=None),
        golden=Golden(raw_BCT, raw_BCT, ones(WINDOWS, WIDTH), ones(WINDOWS)),
        probe=Probe(ones(WIDTH), ones(WIDTH), ones(WIDTH), ones(1)),
    )


@pytest.fixture
def folder(tmp_path, contents):
    """A bundle's folder as the pipeline writes it, around an artifact of five bytes."""
    path = tmp_path / "bundle"
    (path / "model").mkdir(parents=True)
    (path / "model" / "model.onnx").write_bytes(b"model")
    complete(path, contents)
    return path
