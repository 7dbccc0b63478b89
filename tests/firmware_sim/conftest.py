"""A runtime of three fixed layers behind the real one's interface, its images, and what a machine may lack."""

import shutil
from pathlib import Path

import pytest

from edgeacc.firmware_sim.boards import BOARDS
from edgeacc.firmware_sim.engines.engine import Layer, Program
from edgeacc.firmware_sim.firmware.build import build_image, host_image

STUB = Path(__file__).parent / "stub_runtime"
SIZE = 64


def _require(program, package):
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install {package}")


@pytest.fixture(scope="session")
def cross_compiler():
    _require("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi")


@pytest.fixture(scope="session")
def qemu():
    _require("qemu-system-arm", "qemu-system-arm")
    _require("cc", "gcc")


@pytest.fixture(scope="session")
def stub_images(cross_compiler, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stub")
    for core in BOARDS:
        build_image(core, [STUB], folder / f"{core}.elf")
    return {core: folder / f"{core}.elf" for core in BOARDS}


@pytest.fixture(scope="session")
def stub_host_image(tmp_path_factory):
    _require("cc", "gcc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return host_image([STUB])


@pytest.fixture
def stub_program():
    """Of a first byte, which tells the stub what to do, and weights -64 to -2."""

    def make(first=b"E", size=SIZE):
        weights = bytes((position - SIZE) % 256 for position in range(1, size))
        layers = (
            Layer(0, "COPY", "copy", 0),
            Layer(1, "PRODUCT", "product", SIZE * SIZE),
            Layer(2, "DIVIDE", "all", 0),
        )
        return Program(first + weights, layers, arena_bytes=2 * SIZE, input_bytes=SIZE, output_bytes=SIZE)

    return make


@pytest.fixture(scope="session")
def two_hours():
    """Two hours of simulated wear, from waking on."""
    import torch

    from edgeacc.firmware_sim.day_trace import cohort_trace
    from edgeacc.signals.contract import DEFAULT

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield cohort_trace(DEFAULT, 2.0, seed=3)
    torch.set_num_threads(threads)
