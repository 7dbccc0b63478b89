"""The shipped images: of their cores, the compiler's own bytes, and the same results as LiteRT's reference kernels."""

from pathlib import Path

import numpy as np
import pytest

from edgeacc.export.firmware.project import RUNTIME
from edgeacc.firmware_sim.boards import BOARDS
from edgeacc.firmware_sim.engines import ENGINES
from edgeacc.firmware_sim.engines.image import read_image
from edgeacc.firmware_sim.firmware.build import build_image
from edgeacc.firmware_sim.firmware.cross import Gcc
from edgeacc.firmware_sim.images import BUILT_WITH, image_of
from edgeacc.firmware_sim.run import run_model

SHARED = Path(__file__).parent.parent.parent.parent.parent / "shared" / "data" / "models"
MODELS = ("ad01_int8", "kws_ref_model")


@pytest.mark.parametrize("core", BOARDS)
def test_an_image_is_of_its_core_small_and_names_no_place(core):
    pytest.importorskip("elftools", reason="pyelftools is not installed: pip install 'edgeacc[simulate]'")
    read_image(image_of(core), BOARDS[core])
    content = image_of(core).read_bytes()
    assert len(content) < 40_000
    assert b"/home" not in content
    assert b"/tmp" not in content


@pytest.mark.integration
@pytest.mark.parametrize("core", BOARDS)
def test_building_anew_gives_the_shipped_bytes(core, cross_compiler, tmp_path):
    if Gcc().version() != BUILT_WITH.read_text().strip():
        pytest.skip(f"another compiler than {BUILT_WITH.read_text().strip()}: its results are compared below")
    build_image(core, [RUNTIME], tmp_path / "image.elf", Gcc())
    assert (tmp_path / "image.elf").read_bytes() == image_of(core).read_bytes()


def reference(path, given):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    results = []
    for each in given:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], each)
        interpreter.invoke()
        results.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).tobytes())
    return tuple(results)


@pytest.mark.integration
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("engine", "core"), [(name, core) for name, engine in ENGINES.items() for core in engine.cores]
)
def test_published_models_give_the_bytes_of_literts_reference(name, engine, core):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed: pip install 'edgeacc[tflite]'")
    from edgeacc.errors import NotPossibleHere
    from edgeacc.export.firmware.compile import compile_model

    path = SHARED / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    try:
        ENGINES[engine].version()
    except NotPossibleHere as error:
        pytest.skip(f"{error.problem}: {error.next_command}")
    compiled = compile_model(path)
    random = np.random.default_rng(0)
    given = [random.integers(-128, 128, compiled.inputs[0].shape).astype(np.int8) for _ in range(2)]
    run = run_model(core, compiled, [each.tobytes() for each in given], ENGINES[engine])
    assert run.outputs == reference(path, given)
    assert sum(layer.macs for layer in run.layers) in (0, sum(layer.macs for layer in compiled.layers))
