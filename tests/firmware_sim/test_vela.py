"""Vela's estimate of a model: what it leaves to the core, the same in two runs, and what it refuses."""

import pytest
from made_models import small_model

from edgeacc.errors import NotPossibleHere
from edgeacc.firmware_sim.profile import devices
from edgeacc.firmware_sim.vela import vela_estimate, vela_version

pytestmark = pytest.mark.integration
ACCELERATORS = sorted({device.npu for device in devices().values() if device.npu})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    pytest.importorskip("ai_edge_litert", reason="the extra `tflite` is not installed")
    try:
        vela_version()
    except NotPossibleHere as error:
        pytest.skip(f"{error.problem}: {error.next_command}")
    path = tmp_path_factory.mktemp("vela") / "model.tflite"
    path.write_bytes(small_model())
    return path


@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_an_estimate(model, accelerator):
    made = vela_estimate(model, accelerator)
    assert 0 < made.cycles.low == made.cycles.typical <= made.cycles.high < 1e6
    assert made.sram_bytes > 100
    assert made.flash_bytes > 100
    assert made == vela_estimate(model, accelerator)


def test_what_the_accelerator_lacks_is_named(model):
    from edgeacc.export.firmware.compile import compile_model

    left = vela_estimate(model, "ethos-u55-128").left
    layers = {layer.name: layer.operator for layer in compile_model(model).layers}
    assert {layers[name] for name in left if name in layers} == {"MEAN"}


def test_what_is_no_model_is_refused(model, tmp_path):
    (tmp_path / "x.tflite").write_text("no model")
    with pytest.raises(NotPossibleHere, match="Vela cannot compile"):
        vela_estimate(tmp_path / "x.tflite", "ethos-u55-128")
