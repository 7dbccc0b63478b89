"""What the signal core costs on an emulated Cortex-M4, in instructions for a window of 60 s."""

from pathlib import Path

import numpy as np
import pytest

from edgeacc.firmware_sim.engines.engine import Layer, Program
from edgeacc.firmware_sim.engines.qemu import Qemu
from edgeacc.firmware_sim.firmware.build import build_image
from edgeacc.signals.contract import DEFAULT
from edgeacc.signals.core.tables import FOLDER, tables_of, to_c
from edgeacc.signals.prepare import prepare_acc

pytestmark = pytest.mark.integration

RUNTIME = Path(__file__).parent / "signal_runtime"
LAYERS = tuple(Layer(index, name, name, 0) for index, name in enumerate(("SAMPLES", "GATE", "INPUT")))
HALF_A_PERCENT = 0.005 * 64e6 * 60
"""Cycles of 0.5 % of a processor of 64 MHz, of a minute."""
MOST_CYCLES_PER_INSTRUCTION = 1.5
"""Of a Cortex-M4 without wait states; most instructions take 1 cycle, loads and taken branches 2 (our estimate)."""


@pytest.fixture
def cost(cross_compiler, qemu, tmp_path):
    """cost(source_hz, fixed_bits) -> the run of one window, its raw samples."""

    def run(source_hz, fixed_bits):
        folder = tmp_path / "tables"
        folder.mkdir()
        (folder / "tables.c").write_text(to_c(tables_of(DEFAULT, source_hz), "app_tables"))
        build_image("m4", [RUNTIME, FOLDER, folder], tmp_path / "signal.elf")
        noise_NC = np.random.default_rng(0).normal(0, 20, (int(62 * source_hz), 3))
        raw_NC = np.rint(np.array([300, -500, 4000]) + noise_NC).astype(np.int16)
        program = Program(bytes([fixed_bits % 256] * 4), LAYERS, 200_000, raw_NC.nbytes, 3 * DEFAULT.samples)
        return Qemu().run("m4", tmp_path / "signal.elf", program, [raw_NC.tobytes()]), raw_NC

    return run


@pytest.mark.parametrize("fixed_bits", [-1, 2])
def test_streaming_at_the_contracts_rate_takes_half_a_percent(cost, fixed_bits):
    run, raw_NC = cost(64.0, fixed_bits)
    q_CT = np.frombuffer(run.outputs[0], np.int8).reshape(3, -1)
    z_CT = prepare_acc(raw_NC[: DEFAULT.samples].T[None] / 4096, DEFAULT)[0]
    assert np.abs(q_CT - np.rint(z_CT / 0.05)).max() <= 1
    assert run.total.total * MOST_CYCLES_PER_INSTRUCTION <= HALF_A_PERCENT


@pytest.mark.parametrize("source_hz", [50.0, 100.0])
def test_resampling_takes_less_than_one_percent(cost, source_hz):
    run, _ = cost(source_hz, 2)
    assert run.total.total * MOST_CYCLES_PER_INSTRUCTION <= 2 * HALF_A_PERCENT
