"""The shipped images: of their cores, the compiler's own bytes, and the same results as LiteRT's reference kernels."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeacc.errors import NotPossibleHere
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


def require(engine):
    try:
        ENGINES[engine].version()
    except NotPossibleHere as error:
        pytest.skip(f"{error.problem}: {error.next_command}")


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
def test_the_command_that_makes_them_starts():
    """By itself, without what other tests imported before."""
    started = [sys.executable, "-c", "import edgeacc.firmware_sim.firmware.build"]
    assert subprocess.run(started, capture_output=True, text=True, timeout=120, check=False).stderr == ""


@pytest.mark.integration
@pytest.mark.parametrize(
    ("engine", "core"), [(name, core) for name, engine in ENGINES.items() for core in engine.cores]
)
def test_a_streaming_model_remembers_its_calls_as_in_litert(engine, core):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed: pip install 'edgeacc[tflite]'")
    from made_models import reference_of_calls, streaming_model

    from edgeacc.export.firmware.compile import compile_graph
    from edgeacc.export.firmware.graph import parse_graph

    require(engine)
    content = streaming_model(0)
    compiled = compile_graph(parse_graph(content, "streaming"), "streaming")
    random = np.random.default_rng(0)
    calls = [[random.integers(-128, 128, compiled.inputs[0].shape).astype(np.int8)] for _ in range(5)]
    expected = tuple(b"".join(each.tobytes() for each in outputs) for outputs in reference_of_calls(content, calls))
    assert len(set(expected)) == len(expected)
    run = run_model(core, compiled, [given[0].tobytes() for given in calls], ENGINES[engine])
    assert run.outputs == expected


@pytest.mark.integration
@pytest.mark.parametrize("seed", [43, 136])
@pytest.mark.parametrize(
    ("engine", "core"), [(name, core) for name, engine in ENGINES.items() for core in engine.cores]
)
def test_convolutions_over_their_own_input_give_the_bytes_of_literts_reference(engine, core, seed, tmp_path):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed: pip install 'edgeacc[tflite]'")
    from made_models import chain_of_convolutions

    from edgeacc.export.firmware.compile import compile_model

    require(engine)
    path = tmp_path / "chain.tflite"
    path.write_bytes(chain_of_convolutions(seed))
    compiled = compile_model(path)
    given = [np.random.default_rng(seed).integers(-128, 128, compiled.inputs[0].shape).astype(np.int8)]
    assert run_model(core, compiled, [given[0].tobytes()], ENGINES[engine]).outputs == reference(path, given)


@pytest.mark.integration
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("engine", "core"), [(name, core) for name, engine in ENGINES.items() for core in engine.cores]
)
def test_published_models_give_the_bytes_of_literts_reference(name, engine, core):
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed: pip install 'edgeacc[tflite]'")
    from edgeacc.export.firmware.compile import compile_model

    path = SHARED / f"{name}.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    require(engine)
    compiled = compile_model(path)
    random = np.random.default_rng(0)
    given = [random.integers(-128, 128, compiled.inputs[0].shape).astype(np.int8) for _ in range(2)]
    run = run_model(core, compiled, [each.tobytes() for each in given], ENGINES[engine])
    assert run.outputs == reference(path, given)
    assert sum(layer.macs for layer in run.layers) in (0, sum(layer.macs for layer in compiled.layers))
