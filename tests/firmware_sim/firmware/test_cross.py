"""The two cross-compilers: images of zig's clang compute the same, and it stands in where gcc is missing."""

from importlib.util import find_spec

import numpy as np
import pytest
from made_models import small_model

from edgeacc.errors import NotPossibleHere
from edgeacc.export.firmware.project import RUNTIME
from edgeacc.firmware_sim.boards import BOARDS
from edgeacc.firmware_sim.engines import ENGINES
from edgeacc.firmware_sim.firmware.build import build_image
from edgeacc.firmware_sim.firmware.cross import Gcc, Zig, cross_compiler
from edgeacc.firmware_sim.run import program_of, run_model


@pytest.fixture
def zig():
    if find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed: pip install 'edgeacc[simulate]'")
    return Zig()


def test_zig_is_used_where_gcc_is_missing(zig, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cross_compiler() == zig
    assert zig.version().startswith("zig 0.")
    with pytest.raises(NotPossibleHere, match="arm-none-eabi-gcc"):
        Gcc().version()


@pytest.mark.integration
@pytest.mark.parametrize("core", BOARDS)
def test_an_image_of_zig_computes_the_same(core, zig, qemu, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="the extra `tflite` is not installed")
    from edgeacc.export.firmware.compile import compile_graph
    from edgeacc.export.firmware.graph import parse_graph

    compiled = compile_graph(parse_graph(small_model(), "model"), "model")
    random = np.random.default_rng(0)
    given = [random.integers(-128, 128, compiled.inputs[0].bytes).astype(np.int8).tobytes() for _ in range(3)]
    build_image(core, [RUNTIME], tmp_path / "zig.elf", zig)
    found = ENGINES["qemu"].run(core, tmp_path / "zig.elf", program_of(compiled), given)
    shipped = run_model(core, compiled, given, ENGINES["qemu"])
    assert found.outputs == shipped.outputs
    assert 0.5 < found.total.total / shipped.total.total < 2
    kind = "mve_mac" if core == "m55" else "mac_dsp"
    assert getattr(found.total, kind) > 0, "plain C alone"
