"""A compiled model on devices: memory, latency and energy by hand, what does not fit, and a measured trace instead."""

import pytest

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.firmware_sim.band import Band
from edgeacc.firmware_sim.counts import EngineRun, InstructionCounts, LayerRun
from edgeacc.firmware_sim.power_trace import PowerTrace
from edgeacc.firmware_sim.profile import accelerometers, batteries, cores, opticals, target
from edgeacc.firmware_sim.simulate import Emulator, Setting, Subject, simulate
from edgeacc.firmware_sim.vela import VelaEstimate
from edgeacc.firmware_sim.wear_day import Wearable
from edgeacc.signals.contract import DEFAULT

SUBJECT = Subject("student", macs=1_000_000, weights_bytes=100_000, arena_bytes=20_000, contract=DEFAULT)
MEASURED = PowerTrace(samples=10, duration_s=2.0, energy_mj=0.4, mean_power_uw=200.0, peak_power_uw=900.0)


def worn(chosen):
    return Wearable(chosen, accelerometers()["adxl367"], opticals()["adpd4000"], batteries()["lipo-100"], False)


def setting(day=None, measured=None):
    return Setting(worn, day, DEFAULT, measured)


@pytest.fixture
def asked():
    return []


@pytest.fixture
def emulator(asked):
    def run(core):
        asked.append(core)
        if core == "a53":
            raise NotPossibleHere("no a53")
        if core == "m55":
            raise NotPossibleHere("qemu-system-arm is not installed", next_command="apt-get install qemu-system-arm")
        counts = InstructionCounts(alu=1_000_000, mac_dsp=500_000)
        return EngineRun(core, "qemu", "7.2", (b"",), total=counts, ram_stack_bytes=1_000)

    return Emulator(run, lambda core: 24_000)


def rows(emulator, *names, **named):
    return simulate(SUBJECT, [target(name) for name in names], emulator, setting(**named)).rows


def test_one_device_by_hand(emulator):
    (row,) = rows(emulator, "stm32l4r5")
    assert row.engine == "qemu 7.2"
    assert (row.flash_bytes, row.flash_of_bytes) == (124_000, 2048 * 1024)
    assert row.ram_bytes == 20_000 + 3 * 3840 * 2 + 1_000
    assert row.cycles.typical == pytest.approx(1.5e6 * 1.03)
    assert row.cycles_per_mac.typical == pytest.approx(1.5 * 1.03)
    assert row.latency_ms.typical == pytest.approx(1.5e6 * 1.03 / 120e3)
    assert row.energy_uj.typical == pytest.approx(1.5 * 1.03 * 350.6)
    assert (row.battery_days, row.day, row.unknown) == (None, None, [])


def test_a_core_is_emulated_once(emulator, asked):
    rows(emulator, "stm32l4r5", "nrf52840", "stm32l4r5@ldo-3v0", "stm32u575")
    assert asked == ["m4", "m33"]


def test_what_cannot_be_emulated_is_null_and_says_why(emulator):
    row, other = rows(emulator, "cortex-m55-class", "stm32u575")
    assert (row.latency_ms, row.energy_uj, row.engine) == (None, None, None)
    assert row.unknown == ["latency unknown: qemu-system-arm is not installed (next: apt-get install qemu-system-arm)"]
    assert other.latency_ms is not None


def test_without_an_emulator_it_is_an_estimate(emulator, asked):
    (row,) = rows(emulator, "watch-application")
    assert row.engine == "estimate"
    assert row.cycles.typical == pytest.approx(0.6e6)
    assert (row.flash_of_bytes, asked) == (None, ["a53"])
    assert row.unknown == ["latency by cycles per multiply-accumulate alone: no a53"]


def test_an_emulated_processor_that_is_an_estimate_says_so():
    counts = InstructionCounts(alu=1_000_000)
    found = Emulator(lambda core: EngineRun(core, "qemu-aarch64", "7.2", (b"",), total=counts), lambda core: 32_000)
    (row,) = rows(found, "watch-application")
    assert row.engine == "qemu-aarch64 estimate 7.2"
    waits = target("watch-application").device.fetch_stall.typical
    assert row.cycles.typical == pytest.approx(1e6 * (cores()["cortex-a53"].cycles["alu"].typical + waits))
    assert row.cycles.low == pytest.approx(0.15e6), "tuned kernels"


def with_npu(estimate):
    def run(core):
        layers = (
            LayerRun(0, "CONV_2D", "first", 900_000, InstructionCounts(alu=7_000_000)),
            LayerRun(1, "ABS", "last", 0, InstructionCounts(alu=1_000)),
        )
        return EngineRun(core, "qemu", "7.2", (b"",), layers, InstructionCounts(alu=7_001_000), 1_000)

    return Emulator(run, lambda core: 24_000, estimate)


def test_an_accelerator_does_what_vela_says_and_the_core_the_rest():
    estimate = VelaEstimate("5.2.0", Band(100_000, 100_000, 300_000), 50_000, 90_000, frozenset({"last", "other"}))
    asked = []
    (row,) = rows(with_npu(lambda name: asked.append(name) or estimate), "m55-ethos-u55")
    assert asked == ["ethos-u55-128"]
    assert row.engine == "Vela estimate 5.2.0"
    assert row.instructions == 1_000
    core = cores()["cortex-m55"].cycles["alu"]
    waits = target("m55-ethos-u55").device.fetch_stall
    for end, npu in (("low", 80_000), ("typical", 100_000), ("high", 450_000)):
        assert getattr(row.cycles, end) == pytest.approx(npu + 1_000 * (getattr(core, end) + getattr(waits, end)))
    assert row.flash_bytes == 90_000 + 24_000
    assert row.ram_bytes == 50_000 + 3 * 3840 * 2 + 1_000


def test_where_vela_is_missing_its_device_has_cycles_per_mac():
    def missing(name):
        raise NotPossibleHere("ethos-u-vela is not installed", next_command="pip install it")

    (row,) = rows(with_npu(missing), "m55-ethos-u55")
    assert row.engine == "estimate"
    assert row.cycles.typical == pytest.approx(0.1e6)
    assert row.unknown == [
        "latency by cycles per multiply-accumulate alone: ethos-u-vela is not installed (next: pip install it)"
    ]


def test_a_model_that_vela_finds_too_large_is_refused():
    large = VelaEstimate("5.2.0", Band(1, 1, 1), 600_000, 90_000, frozenset())
    with pytest.raises(BadInput, match=r"RAM: .* bytes too few"):
        rows(with_npu(lambda name: large), "m55-ethos-u55")


def test_a_day_of_wear_gives_days(emulator, two_hours):
    (row,) = rows(emulator, "nrf52840", day=two_hours)
    assert row.day.windows_run == two_hours.still_B.sum()
    assert row.battery_days == row.day.accelerometer.battery_days is not None


def test_a_day_with_an_unknown_latency_says_so(emulator, two_hours):
    (row,) = rows(emulator, "cortex-m55-class", day=two_hours)
    assert row.battery_days is None
    assert row.unknown[-1] == "the day's energy unknown: network"


def test_a_measured_inference_replaces_the_model_of_energy(emulator):
    (row,) = rows(emulator, "nrf52840", measured=MEASURED)
    assert row.energy_uj == pytest.approx((400, 400, 400))


def test_a_measured_day_replaces_the_model_of_energy(emulator, two_hours):
    (row,) = rows(emulator, "nrf52840", day=two_hours, measured=MEASURED)
    full_j = 100 * 3.75 * 3.6
    assert row.energy_uj is None
    assert row.battery_days.typical == pytest.approx(full_j * 0.9 / (200e-6 * 86_400 / 0.88 + full_j * 0.03 / 30))


def test_a_trace_is_of_one_device(emulator):
    with pytest.raises(BadInput, match="for 2 devices"):
        rows(emulator, "nrf52840", "stm32l4r5", measured=MEASURED)


def test_a_model_too_large_is_refused_before_it_runs(emulator, asked):
    large = Subject("large", 1, weights_bytes=3_000_000, arena_bytes=900_000, contract=None)
    with pytest.raises(BadInput) as caught:
        simulate(large, [target("stm32l4r5")], emulator, setting())
    flash, ram = 3_024_000 - 2048 * 1024, 904_096 - 640 * 1024
    assert f"flash: {flash} bytes too few of {2048 * 1024} for weights 3000000, code 24000" in caught.value.problem
    assert f"RAM: {ram} bytes too few of {640 * 1024} for arena 900000" in caught.value.problem
    assert asked == []
