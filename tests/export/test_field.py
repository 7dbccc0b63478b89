"""Runtimes of the field: what ours gets right in them, and what they silently get wrong without the remedy."""

import numpy as np
import pytest
import torch
from torch import nn

from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import NotPossibleHere, ParityFailed
from edgeacc.export.field import FIELD_RUNTIMES
from edgeacc.export.parity import parity
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.quiet import contained
from edgeacc.export.registry import missing_packages
from edgeacc.export.source import read_source
from edgeacc.export.tflite import TFLiteExporter
from edgeacc.export.tflite.convert import to_flatbuffer
from edgeacc.export.tflite.exporter import open_session
from edgeacc.export.tflite.flatbuffer import external_buffers
from edgeacc.models.config import EncoderConfig
from edgeacc.models.deploy import exported_program
from edgeacc.models.encoder import Encoder
from edgeacc.signals.contract import DEFAULT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("tflite", "convert")), reason="the extra `tflite` is not installed"),
]
SAMPLES = 960


def runtime(name):
    found = FIELD_RUNTIMES[name]
    try:
        found.version()
    except NotPossibleHere as error:
        pytest.skip(f"{error.problem}: {error.next_command}")
    return found


@pytest.fixture
def micro():
    return runtime("tflm")


@pytest.fixture
def legacy():
    return runtime("legacy-runtime")


@pytest.fixture(scope="module")
def wide():
    """A linear layer whose int8 weights ai-edge-quantizer puts behind the flatbuffer, windows, and its results."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(1), nn.Linear(3 * SAMPLES, 128)).eval()
    acc_BCT = torch.randn(8, 3, SAMPLES)
    return torch.export.export(network, (acc_BCT[:1],)), acc_BCT, network(acc_BCT).detach().numpy()


def quantized_by_default(program, rules):
    """As ai-edge-quantizer's own recipe gives it."""
    from ai_edge_quantizer import quantizer

    with contained():
        return bytes(quantizer.Quantizer(bytearray(to_flatbuffer(program)), rules).quantize().quantized_model)


def snr_db(runtime, model, acc_BCT, expected_BD):
    (z_BD,) = runtime.run(model, acc_BCT.numpy(), 1)
    return parity(expected_BD, z_BD).snr_db


@pytest.mark.parametrize("name", ["tflite-fp32", "tflite-w8a8", "tflite-w8-dynamic"])
def test_right_in_the_oldest_runtime(name, legacy, program, calibration_BCT, acc_BCT, z_BD, tmp_path):
    recipe = RECIPES[name]
    model = TFLiteExporter().convert(program, recipe, calibration_BCT[: recipe.calibration_windows], tmp_path)
    assert snr_db(legacy, model, acc_BCT, z_BD) > recipe.min_snr_db


@pytest.mark.parametrize("name", ["tflite-fp32", "tflite-w8a8"])
def test_right_in_tensorflow_lite_micro(name, micro, program, calibration_BCT, acc_BCT, z_BD, tmp_path):
    recipe = RECIPES[name]
    model = TFLiteExporter().convert(program, recipe, calibration_BCT[: recipe.calibration_windows], tmp_path)
    assert snr_db(micro, model, acc_BCT, z_BD) > recipe.min_snr_db


def test_linear_layers_with_a_scale_per_channel_are_garbage_in_the_oldest_runtime(legacy, wide, tmp_path):
    """Why `dynamic_int8` gives them one scale."""
    from ai_edge_quantizer import recipe

    program, acc_BCT, expected_BD = wide
    default = tmp_path / "default.tflite"
    default.write_bytes(quantized_by_default(program, recipe.dynamic_wi8_afp32()))
    ours = TFLiteExporter().convert(program, RECIPES["tflite-w8-dynamic"], acc_BCT[:0], tmp_path)
    assert snr_db(legacy, default, acc_BCT, expected_BD) < 5
    assert snr_db(legacy, ours, acc_BCT, expected_BD) > 25


def test_weights_behind_the_flatbuffer_are_garbage_in_tensorflow_lite_micro(micro, wide, tmp_path):
    """Why every model is inlined."""
    program, acc_BCT, expected_BD = wide
    ours = TFLiteExporter().convert(program, RECIPES["tflite-w8a8"], acc_BCT, tmp_path)
    assert snr_db(micro, ours, acc_BCT, expected_BD) > 30
    outside = tmp_path / "outside.tflite"
    with pytest.MonkeyPatch.context() as without:
        without.setattr("edgeacc.export.tflite.exporter.inlined", lambda model: model)
        without.setattr("edgeacc.export.tflite.exporter.external_buffers", lambda model: 0)
        (tmp_path / "o").mkdir()
        outside = TFLiteExporter().convert(program, RECIPES["tflite-w8a8"], acc_BCT, tmp_path / "o")
    assert external_buffers(outside.read_bytes()) > 0
    try:
        reached_db = snr_db(micro, outside, acc_BCT, expected_BD)
    except NotPossibleHere:  # memory never written can also end the process
        return
    assert reached_db < 5


def test_weight_only_int8_is_wrong_in_tensorflow_lite_micro_and_rejected(micro, checkpoint, tmp_path):
    source = read_source(checkpoint, None, 0)
    with pytest.raises((ParityFailed, NotPossibleHere), match="tflm"):
        export_bundle(source, RECIPES["tflite-w8"], tmp_path / "b", field_runtimes=["tflm"])
    assert not (tmp_path / "b").exists()


def test_a_transformer_is_refused_in_the_words_of_tensorflow_lite_micro(micro, no_calibration_BCT, tmp_path):
    """It has no GELU, which LiteRT has."""
    config = EncoderConfig(
        name="one", family="transformer", frame_samples=160, frame_stride=160, frame_filters=32, layers=1, heads=1
    )
    torch.manual_seed(0)
    program = exported_program(Encoder(config).eval(), DEFAULT)
    model = TFLiteExporter().convert(program, RECIPES["tflite-fp32"], no_calibration_BCT, tmp_path)
    window_BCT = np.zeros((1, 3, DEFAULT.samples), np.float32)
    assert np.isfinite(TFLiteExporter().run(model, window_BCT)[0]).all()
    with pytest.raises(NotPossibleHere, match=r"tflm does not run model\.tflite: .*GELU"):
        micro.run(model, window_BCT, 1)


def test_a_bundle_says_which_runtimes_ran_it(legacy, checkpoint, tmp_path):
    source = read_source(checkpoint, None, 0, heads=True)
    result = export_bundle(source, RECIPES["tflite-fp32"], tmp_path / "b", field_runtimes=["legacy-runtime"])
    (check,) = result.verification.field
    assert (check.name, check.version) == ("legacy-runtime", "2.14.0")
    assert check.snr_db > 60
    assert '"legacy-runtime": "2.14.0"' in (tmp_path / "b" / "manifest.json").read_text()


@pytest.mark.parametrize("name", FIELD_RUNTIMES)
def test_a_file_that_is_no_model_is_refused_with_the_runtime_s_words(name, tmp_path):
    found = runtime(name)
    (tmp_path / "model.tflite").write_bytes(b"not a flatbuffer")
    with pytest.raises(NotPossibleHere, match=rf"{name} does not run model\.tflite: .+"):
        found.run(tmp_path / "model.tflite", np.zeros((1, 3, 8), np.float32), 1)


def test_sessions_and_field_runtimes_dequantize_alike(legacy, program, calibration_BCT, acc_BCT, tmp_path):
    model = TFLiteExporter().convert(program, RECIPES["tflite-w8a8"], calibration_BCT, tmp_path)
    here, there = open_session(model.read_bytes()), legacy.run(model, acc_BCT[:4].numpy(), 1)[0]
    assert parity(np.concatenate([here(window[None])[0] for window in acc_BCT[:4].numpy()]), there).snr_db > 20
