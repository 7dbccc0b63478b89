"""The whole TFLite room: convert with litert-torch, quantize with ai-edge-quantizer, run in LiteRT."""

import numpy as np
import pytest
import torch
from torch import nn

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.export.exporter import take_notes
from edgeacc.export.parity import parity
from edgeacc.export.quiet import contained
from edgeacc.export.registry import missing_packages
from edgeacc.export.tflite import TFLiteExporter
from edgeacc.export.tflite.convert import to_flatbuffer
from edgeacc.export.tflite.exporter import open_session
from edgeacc.export.tflite.flatbuffer import custom_operators, external_buffers, inlined

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("tflite", "convert")), reason="the extra `tflite` is not installed"),
]


def program_of(network, samples):
    return torch.export.export(network.eval(), (torch.zeros(1, 3, samples),))


@pytest.fixture(scope="module")
def floating(program, no_calibration_BCT, tmp_path_factory):
    out = tmp_path_factory.mktemp("fp32")
    return TFLiteExporter().convert(program, RECIPES["tflite-fp32"], no_calibration_BCT, out)


@pytest.fixture(scope="module")
def quantized(program, calibration_BCT, tmp_path_factory):
    out = tmp_path_factory.mktemp("w8a8")
    model = TFLiteExporter().convert(program, RECIPES["tflite-w8a8"], calibration_BCT, out)
    return model, take_notes(out)


def test_float_embeds_as_the_network_does(floating, acc_BCT, z_BD):
    assert parity(z_BD, TFLiteExporter().run(floating, acc_BCT.numpy())[0]).snr_db > 60


def test_int8_is_above_its_floor(quantized, acc_BCT, z_BD):
    close = parity(z_BD, TFLiteExporter().run(quantized[0], acc_BCT.numpy())[0])
    assert 15 < close.snr_db < 60  # and it is really another arithmetic


def test_int8_really_computes_in_int8(quantized):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=quantized[0].read_bytes())
    assert interpreter.get_input_details()[0]["dtype"] == np.int8
    assert interpreter.get_output_details()[0]["dtype"] == np.int8


def test_the_better_of_both_calibrations_is_kept_and_told(quantized, acc_BCT):
    _, notes = quantized
    reached_db = notes["snr_db_on_calibration_windows"]
    assert reached_db.keys() == {"moving average", "min-max"}
    assert reached_db["moving average"] != reached_db["min-max"]
    assert reached_db[notes["kept"]] == max(reached_db.values())


def test_artifact_holds_its_names_and_nothing_of_this_machine(floating, quantized):
    for model in (floating, quantized[0]):
        content = model.read_bytes()
        assert b"embedding" in content
        assert b"site-packages" not in content
        assert __file__.rsplit("/", 1)[0].encode() not in content
        assert custom_operators(content) == []


@pytest.fixture(scope="module")
def wide():
    """A network whose int8 weights are above the 256 KiB from which ai-edge-quantizer puts them behind the file."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(1), nn.Linear(3 * 960, 128))


@pytest.mark.parametrize(("recipe", "share", "least_db"), [("tflite-w8a8", 0.3, 30), ("tflite-fp32", 1.05, 90)])
def test_large_weights_are_inside_the_flatbuffer(wide, tmp_path, recipe, share, least_db):
    windows_BCT = torch.randn(8, 3, 960)
    model = TFLiteExporter().convert(program_of(wide, 960), RECIPES[recipe], windows_BCT, tmp_path)
    assert external_buffers(model.read_bytes()) == 0
    assert model.stat().st_size < share * sum(weight.nbytes for weight in wide.parameters())
    expected_BD = wide(windows_BCT).detach().numpy()
    assert parity(expected_BD, TFLiteExporter().run(model, windows_BCT.numpy())[0]).snr_db > least_db


def test_weights_that_stay_outside_are_refused(wide, tmp_path, monkeypatch):
    monkeypatch.setattr("edgeacc.export.tflite.exporter.inlined", lambda model: model)
    with pytest.raises(NotPossibleHere, match=r"left 1 weight\(s\) outside the flatbuffer"):
        TFLiteExporter().convert(program_of(wide, 960), RECIPES["tflite-w8a8"], torch.randn(8, 3, 960), tmp_path)
    assert list(tmp_path.glob("*.tflite")) == []


def test_inlining_moves_external_weights_and_changes_no_number(wide):
    """The trap itself: TensorFlow Lite Micro would compute on memory never written with what the quantizer gives."""
    from ai_edge_quantizer import quantizer, recipe

    floating = to_flatbuffer(program_of(wide, 960))
    with contained():
        worker = quantizer.Quantizer(bytearray(floating), recipe.weight_only_wi8_afp32())
        given = bytes(worker.quantize().quantized_model)
    assert external_buffers(given) > 0
    assert external_buffers(inlined(given)) == 0
    window = torch.randn(1, 3, 960).numpy()
    assert np.array_equal(open_session(given)(window)[0], open_session(inlined(given))(window)[0])


def test_keeps_the_message_of_a_converter_that_refuses(tmp_path, no_calibration_BCT, capfd):
    class Bessel(nn.Module):
        def forward(self, acc_BCT):
            return torch.special.bessel_j0(acc_BCT)

    with pytest.raises(NotPossibleHere, match=r"litert-torch could not convert the network.*bessel"):
        TFLiteExporter().convert(program_of(Bessel(), 96), RECIPES["tflite-fp32"], no_calibration_BCT, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_no_model(tmp_path, capfd):
    (tmp_path / "model.tflite").write_bytes(b"not a flatbuffer")
    for path in (tmp_path / "model.tflite", tmp_path):
        with pytest.raises(BadInput, match="LiteRT cannot load"):
            TFLiteExporter().load(path)
    assert capfd.readouterr() == ("", "")
