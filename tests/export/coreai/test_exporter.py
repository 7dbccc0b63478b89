"""The whole Core AI room: convert with coreai-torch, run in coreai-core's own runtime, compare with PyTorch."""

import gc
import shutil

import numpy as np
import pytest
import torch
from torch import nn

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.coreai import CoreAIExporter
from edgeacc.export.parity import parity
from edgeacc.export.registry import missing_packages
from edgeacc.models.deploy import deployable, exported_program
from edgeacc.models.sizes import build
from edgeacc.signals.contract import DEFAULT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("coreai", "convert")), reason="the extra `coreai` is not installed"),
]
RECIPE = RECIPES["coreai-fp32"]
NO_CALIBRATION = torch.zeros(0, 3, DEFAULT.samples)


def convert(network, out):
    program = torch.export.export(network.eval(), (torch.zeros(1, 3, 96),))
    return CoreAIExporter().convert(program, RECIPE, NO_CALIBRATION, out)


def windows(count):
    generator = torch.Generator().manual_seed(count)
    return torch.randn(count, 3, 1, generator=generator).exp() * torch.randn(
        count, 3, DEFAULT.samples, generator=generator
    )


@pytest.mark.parametrize("size", ["conv-xs", "pyramid-s", "transformer-xxxs"])
def test_embeds_as_the_network_does(size, tmp_path):
    torch.manual_seed(0)
    encoder = build(size, in_channels=3)
    acc_BCT = windows(8)
    with torch.no_grad():
        encoder.train()(acc_BCT)
    deployed = deployable(encoder.eval())

    asset = CoreAIExporter().convert(exported_program(encoder, DEFAULT), RECIPE, NO_CALIBRATION, tmp_path)
    got_BD = CoreAIExporter().run(asset, acc_BCT.numpy())[0]

    expected_BD = torch.cat([deployed(window) for window in acc_BCT.split(1)]).numpy()
    assert parity(expected_BD, got_BD).snr_db > RECIPE.min_snr_db


def test_a_session_may_be_called_many_times_and_leaves_nothing_open(tmp_path):
    network = nn.Sequential(nn.Conv1d(3, 4, 5), nn.Flatten(1))
    session = CoreAIExporter().load(convert(network, tmp_path))
    first, second = (np.full((1, 3, 96), value, dtype=np.float32) for value in (1.0, 2.0))
    (a,), (b,), (c,) = session(first), session(second), session(first)
    np.testing.assert_array_equal(a, c)
    assert not np.array_equal(a, b)
    del session
    gc.collect()  # an event loop that is still open would warn here, and warnings are errors


def test_nothing_of_this_machine_is_in_the_asset(tmp_path):
    asset = convert(nn.Sequential(nn.Conv1d(3, 4, 5), nn.Flatten(1)), tmp_path)
    content = b"".join(file.read_bytes() for file in asset.rglob("*") if file.is_file())
    assert __file__.rsplit("/", 1)[0].encode() not in content
    assert b"site-packages" not in content


def test_keeps_the_message_of_a_converter_that_refuses(tmp_path):
    class Bessel(nn.Module):
        def forward(self, acc_BCT):
            return torch.special.bessel_j0(acc_BCT)

    with pytest.raises(NotPossibleHere, match=r"coreai-torch could not convert.*bessel"):
        convert(Bessel(), tmp_path)


def test_too_little_space_is_told_before_the_converter_would_end_the_process(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(2**20, 2**20, 0))
    with pytest.raises(OSError, match="No space left"):
        convert(nn.Conv1d(3, 1, 5), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", ["missing", "a file", "empty", "cut off", "one bit"])
def test_refuses_a_damaged_asset_instead_of_crashing(how, tmp_path):
    asset = tmp_path / "model.aimodel"
    if how == "a file":
        asset.write_text("model")
    elif how == "empty":
        asset.mkdir()
    elif how != "missing":
        program = convert(nn.Flatten(1), tmp_path) / "main.mlirb"
        content = bytearray(program.read_bytes())
        content[len(content) // 2] ^= 1
        program.write_bytes(content if how == "one bit" else content[:100])
    with pytest.raises(BadInput, match="damaged"):
        CoreAIExporter().load(asset)
