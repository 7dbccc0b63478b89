"""All engines on one small runtime: the same bytes, the same counts, foreseen ones; and what they refuse."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.firmware_sim.boards import BOARDS
from edgeacc.firmware_sim.counts import to_json
from edgeacc.firmware_sim.engines import ENGINES
from edgeacc.firmware_sim.engines.engine import Program
from edgeacc.firmware_sim.engines.host import Host
from edgeacc.firmware_sim.engines.image import read_image
from edgeacc.firmware_sim.engines.qemu import Qemu
from edgeacc.firmware_sim.engines.unicorn import Unicorn

pytestmark = pytest.mark.integration

INPUTS = [bytes(range(64)), bytes((7 * position) % 256 for position in range(64))]


def foreseen(program, given_bytes):
    """What the stub computes, in NumPy."""
    x, w = (np.frombuffer(content, np.int8).astype(int) for content in (given_bytes, program.blob))
    sums = np.array([np.sum(x * np.roll(w, -place)) for place in range(64)])
    y = np.trunc(sums / 256).astype(np.int8).astype(int)
    return np.trunc(y / (w | 1)).astype(np.int8).tobytes()


@pytest.fixture(params=list(BOARDS))
def core(request):
    return request.param


def test_qemu_gives_the_foreseen_outputs_and_counts(core, qemu, stub_images, stub_program):
    program = stub_program()
    run = Qemu().run(core, stub_images[core], program, INPUTS)
    assert run.outputs == tuple(foreseen(program, each) for each in INPUTS)
    copy, product, divide = (layer.counts for layer in run.layers)
    assert product.multiply + product.mac_dsp == 64 * 64
    assert product.load >= 2 * 64 * 64
    assert divide.divide == 64
    assert 16 <= copy.load <= 40
    assert copy.divide == copy.multiply == 0
    assert run.total == copy + product + divide
    assert 32 <= run.ram_stack_bytes <= 512


def test_the_host_computes_the_same(stub_host_image, stub_program):
    program = stub_program()
    run = Host().run("host", stub_host_image, program, INPUTS)
    assert run.outputs == tuple(foreseen(program, each) for each in INPUTS)
    assert (run.layers, run.total, run.ram_stack_bytes) == ((), None, None)


@pytest.mark.parametrize("core", Unicorn().cores)
def test_unicorn_and_qemu_agree_in_every_count(core, qemu, stub_images, stub_program):
    pytest.importorskip("unicorn", reason="unicorn is not installed: pip install 'edgeacc[simulate]'")
    one, other = (engine.run(core, stub_images[core], stub_program(), INPUTS) for engine in (Qemu(), Unicorn()))
    assert one.outputs == other.outputs
    assert one.layers == other.layers
    assert one.ram_stack_bytes == other.ram_stack_bytes


def test_two_runs_are_identical_byte_by_byte(qemu, stub_images, stub_program):
    one, other = (to_json(Qemu().run("m4", stub_images["m4"], stub_program(), INPUTS)) for _ in range(2))
    assert one == other


@pytest.fixture(params=["qemu", "unicorn"])
def engine(request):
    if request.param == "unicorn":
        pytest.importorskip("unicorn", reason="unicorn is not installed: pip install 'edgeacc[simulate]'")
    else:
        request.getfixturevalue("qemu")
    return type(ENGINES[request.param])


def test_an_image_of_another_core_is_refused(engine, stub_images, stub_program):
    with pytest.raises(BadInput, match="image for m33"):
        engine().run("m4", stub_images["m33"], stub_program(), INPUTS)
    with pytest.raises(BadInput, match="image for m4"):
        engine().run("m7", stub_images["m4"], stub_program(), INPUTS)


def test_a_model_that_is_too_large_is_refused_with_the_buffer_and_the_bytes(engine, stub_images, stub_program):
    board, program = BOARDS["m4"], stub_program()
    weights = program.blob.ljust(board.blob.size + 5, b"\0")
    large = Program(weights, program.layers, board.ram.size, program.input_bytes, program.output_bytes)
    with pytest.raises(BadInput, match=rf"weights .* 5 more than the {board.blob.size}[\s\S]*arena .* more than"):
        engine().run("m4", stub_images["m4"], large, INPUTS)


@pytest.mark.parametrize(("inputs", "told"), [([], "no input"), ([INPUTS[0], b"short"], "input 1 has 5 bytes")])
def test_inputs_of_another_size_are_refused(inputs, told, engine, stub_images, stub_program):
    with pytest.raises(BadInput, match=told):
        engine().run("m4", stub_images["m4"], stub_program(), inputs)


def test_what_the_runtime_refuses_is_told(engine, stub_images, stub_program):
    with pytest.raises(BadInput, match="status 1"):
        engine().run("m4", stub_images["m4"], stub_program(b"X"), INPUTS)


def test_a_fault_is_told(engine, stub_images, stub_program):
    with pytest.raises(NotPossibleHere, match="faulted"):
        engine().run("m4", stub_images["m4"], stub_program(b"F"), INPUTS)


def test_a_hung_firmware_is_stopped(engine, stub_images, stub_program):
    with pytest.raises(NotPossibleHere, match=r"did not end within 1\.5 s"):
        engine(timeout_s=1.5).run("m4", stub_images["m4"], stub_program(b"H"), INPUTS)


def test_a_stack_that_is_used_up_is_told(engine, stub_images, stub_program):
    with pytest.raises(NotPossibleHere, match="all 16384 bytes of its stack"):
        engine().run("m4", stub_images["m4"], stub_program(b"S"), INPUTS)


def test_a_hung_program_of_the_host_is_stopped(stub_host_image, stub_program):
    with pytest.raises(NotPossibleHere, match=r"did not end within 0\.5 s"):
        Host(timeout_s=0.5).run("host", stub_host_image, stub_program(b"H"), INPUTS)


@given(damage=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=100)
def test_a_damaged_image_is_read_or_refused(damage, stub_images, tmp_path_factory):
    content = bytearray(stub_images["m4"].read_bytes())
    for place, value in damage:
        content[place % len(content)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.elf"
    path.write_bytes(content)
    with contextlib.suppress(BadInput):
        read_image(path, BOARDS["m4"])
