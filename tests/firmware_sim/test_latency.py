"""Latency: by hand for a few instructions, a band that holds its typical figure, and null where nothing is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.counts import InstructionCounts
from edgeacc.firmware_sim.latency import core_cycles, inference_cycles, milliseconds
from edgeacc.firmware_sim.profile import cores, devices, target

COUNTS = st.dictionaries(st.sampled_from(sorted(cores()["cortex-m4"].cycles)), st.integers(0, 10**9))


def test_cycles_by_hand():
    found = core_cycles(cores()["cortex-m4"], InstructionCounts(alu=10, mac_dsp=4, branch_taken=2, divide=1))
    assert found == Band(10 + 4 + 2 * 2 + 2, 10 + 4 + 2 * 3 + 7, 10 + 4 + 2 * 4 + 12)


def test_waits_for_memory_come_on_top():
    device = devices()["stm32l4r5"]
    found = inference_cycles(device, InstructionCounts(alu=800, load=200), macs=0)
    assert found == pytest.approx((800 + 200, 800 + 300 + 30 + 50, 800 + 400 + 200 + 200))


def test_milliseconds():
    assert milliseconds(Band(60e6, 120e6, 240e6), target("stm32l4r5").point) == pytest.approx((500, 1000, 2000))
    assert milliseconds(None, target("stm32l4r5").point) is None


def test_a_clock_that_is_a_range_widens_the_time():
    assert milliseconds(Band(192e3, 192e3, 192e3), target("apollo4-plus").point) == pytest.approx((1, 1, 2))


def test_a_class_that_the_core_does_not_have_is_unknown():
    assert core_cycles(cores()["cortex-m4"], InstructionCounts(alu=1, mve_mac=1)) is None
    assert core_cycles(cores()["cortex-m4"], InstructionCounts(alu=1, mve_mac=0)) == Band(1, 1, 1)
    assert core_cycles(cores()["cortex-m55"], InstructionCounts(mve_mac=1)) is not None


def test_nothing_emulated_is_unknown():
    assert inference_cycles(devices()["stm32l4r5"], None, macs=1000) is None


def test_unknown_waits_make_the_latency_unknown():
    device = devices()["stm32l4r5"].model_copy(update={"load_stall": None})
    assert inference_cycles(device, InstructionCounts(alu=1), macs=0) is None


def test_without_a_core_the_macs_count():
    found = inference_cycles(devices()["watch-application"], None, macs=1_000_000)
    assert found == pytest.approx((0.15e6, 0.6e6, 3e6))


@given(COUNTS, st.sampled_from([name for name, device in devices().items() if "cortex-m" in (device.core or "")]))
def test_a_band_holds_its_typical_figure(executed, name):
    low, typical, high = inference_cycles(devices()[name], InstructionCounts(**executed), macs=0)
    assert 0 <= low <= typical <= high
