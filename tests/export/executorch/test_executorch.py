"""The whole ExecuTorch room: PT2E, lowering to XNNPACK, the ExecuTorch runtime."""

import numpy as np
import pytest
import torch
from torch import nn

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.executorch import ExecuTorchExporter
from edgeacc.export.parity import parity
from edgeacc.export.registry import missing_packages

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("executorch", "convert")), reason="the extra `executorch` is missing"),
]


@pytest.fixture(scope="module")
def floating(program, no_calibration_BCT, tmp_path_factory):
    out = tmp_path_factory.mktemp("fp32")
    return ExecuTorchExporter().convert(program, RECIPES["executorch-fp32"], no_calibration_BCT, out)


@pytest.fixture(scope="module")
def quantized(program, calibration_BCT, tmp_path_factory):
    out = tmp_path_factory.mktemp("w8a8")
    return ExecuTorchExporter().convert(program, RECIPES["executorch-w8a8"], calibration_BCT, out)


def test_float_embeds_as_the_network_does(floating, acc_BCT, z_BD):
    assert parity(z_BD, ExecuTorchExporter().run(floating, acc_BCT.numpy())[0]).snr_db > 60


def test_int8_is_above_its_floor(quantized, acc_BCT, z_BD):
    close = parity(z_BD, ExecuTorchExporter().run(quantized, acc_BCT.numpy())[0])
    assert 15 < close.snr_db < 60  # and it is really another arithmetic


def test_an_embedding_stays_when_the_next_window_is_run(floating, acc_BCT):
    session = ExecuTorchExporter().load(floating)
    (first,) = session(acc_BCT[:1].numpy())
    kept = first.copy()
    session(acc_BCT[1:2].numpy())
    assert np.array_equal(first, kept)


def test_quantizing_leaves_the_program_as_it_was(quantized, program, encoder, acc_BCT):
    with torch.no_grad():
        assert torch.allclose(program.module()(acc_BCT[:1]), encoder(acc_BCT[:1]), atol=1e-4)


def test_nothing_of_this_machine_is_in_the_artifact(floating, quantized):
    for model in (floating, quantized):
        assert b"site-packages" not in model.read_bytes()


def test_undelegated_arithmetic_is_refused_by_name(tmp_path, no_calibration_BCT, capfd):
    class Sine(nn.Module):
        def forward(self, acc_BCT):
            return torch.cumsum(acc_BCT, dim=-1).erf().flatten(1)

    program = torch.export.export(Sine(), (torch.zeros(1, 3, 96),))
    with pytest.raises(NotPossibleHere, match=r"XNNPACK does not take .*aten\.cumsum\.default, aten\.erf\.default"):
        ExecuTorchExporter().convert(program, RECIPES["executorch-fp32"], no_calibration_BCT, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_no_program(tmp_path, capfd):
    (tmp_path / "model.pte").write_bytes(b"not a program")
    for path in (tmp_path / "model.pte", tmp_path):
        with pytest.raises(BadInput, match="ExecuTorch cannot load"):
            ExecuTorchExporter().load(path)
    assert capfd.readouterr() == ("", "")
