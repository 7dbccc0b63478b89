"""The application on a simulated device: what it says of a good stream, and of each fault that befalls it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.firmware_sim.application import (
    FIFO_SAMPLES,
    WATERMARK,
    Anew,
    Cause,
    Flag,
    Interrupt,
    Kind,
    Settings,
    Verdict,
    build_application,
    decode_records,
    encode_job,
    host_application,
    interrupts_of,
    run_application,
)
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.signals.core.tables import tables_of
from edgeacc.signals.prepare import prepare_acc

pytestmark = pytest.mark.integration

RUNTIME = [Path(__file__).parent / "sum_runtime"]
CONTRACT = SignalContract(window_s=8.0)
SETTINGS = Settings(1 / 4096, 8.0, CONTRACT.samples, 2, 0.05, 3)
BLOB = (3 * CONTRACT.samples).to_bytes(4, "little")
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
START_S, BATCH_S = 1.0, WATERMARK / 64


@pytest.fixture(scope="session")
def device(tmp_path_factory):
    """The application on this machine under sanitizers: device(interrupts, ...) -> records."""
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed: apt-get install gcc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("app")))
        image = host_application(RUNTIME, tables_of(CONTRACT, 64.0), SANITIZERS)

    def run(interrupts, settings=SETTINGS, blob=BLOB):
        return run_application("host", image, blob, encode_job(settings, len(blob), interrupts))

    return run


def still_wrist(seconds, seed=0):
    """Gravity and 5 mg of noise, raw samples of 1/4096 g, and their times on the processor's clock."""
    samples = round(64 * seconds)
    noise_NC = np.random.default_rng(seed).normal(0, 20, (samples, 3))
    return times_ns(np.arange(samples) / 64), np.rint(np.array([300, -500, 4000]) + noise_NC).astype(np.int16)


def times_ns(t_s):
    return np.round((START_S + t_s) * 1e9).astype(np.int64)


def told(records, *kinds):
    return [record for record in records if record.kind in kinds]


def payloads(records):
    return [record.payload for record in told(records, Kind.EMBEDDING)]


def story(records):
    """What was said, without times."""
    return [(record.kind, record.value) for record in records if record.kind is not Kind.END]


def windows_at_s(records, kind=Kind.EMBEDDING):
    return [record.t_ns / 1e9 - START_S for record in told(records, kind)]


GOOD = [(Kind.WINDOW, Verdict.USE), (Kind.EMBEDDING, 16)]
BOOT = [(Kind.BOOT, Cause.POWER_ON)]


def test_each_window_gives_an_embedding_of_what_python_prepares(device):
    t_ns, raw_NC = still_wrist(25)
    records = device(interrupts_of(t_ns, raw_NC))
    assert story(records) == BOOT + 3 * GOOD
    for number, payload in enumerate(payloads(records)):
        g_CT = raw_NC[number * CONTRACT.samples : (number + 1) * CONTRACT.samples].T / 4096
        z_T = prepare_acc(g_CT[None], CONTRACT)[0, 0]
        wanted = np.rint(z_T[:8] / SETTINGS.input_scale) + SETTINGS.input_zero_point
        assert np.abs(np.frombuffer(payload[:8], np.int8) - wanted).max() <= 1


def test_a_sensor_stuck_at_one_value_gives_no_embedding(device):
    t_ns, raw_NC = still_wrist(32)
    stuck = 64 * 10
    raw_NC[stuck:] = raw_NC[stuck]
    records = device(interrupts_of(t_ns, raw_NC))
    assert [record.value for record in told(records, Kind.WINDOW)] == [Verdict.USE] + 3 * [Verdict.FROZEN]
    assert len(payloads(records)) == 1


def test_one_stuck_axis_is_enough(device):
    t_ns, raw_NC = still_wrist(9)
    raw_NC[:, 1] = 17
    assert story(device(interrupts_of(t_ns, raw_NC))) == [*BOOT, (Kind.WINDOW, Verdict.FROZEN)]


def test_a_silent_sensor_is_started_again_and_the_window_with_it(device):
    t_ns, raw_NC = still_wrist(20)
    nothing = np.zeros((0, 3), np.int16)
    before = interrupts_of(t_ns, raw_NC)[:15]
    silent = [Interrupt(before[-1].t_ns + second * 10**9, nothing, Flag.TIMER) for second in (1, 2, 3)]
    after = [Interrupt(each.t_ns + 4 * 10**9, each.raw_NC) for each in interrupts_of(t_ns, raw_NC)[15:32]]
    records = device([*before, *silent, *after])
    assert story(records) == [*BOOT, (Kind.SILENT, 0), *GOOD]
    fresh = device(after)
    assert payloads(records) == payloads(fresh)


def test_an_overrun_empties_the_window(device):
    t_ns, raw_NC = still_wrist(30)
    all_of_them = interrupts_of(t_ns, raw_NC)
    late = np.concatenate([each.raw_NC for each in all_of_them[10:18]])
    assert len(late) > FIFO_SAMPLES
    records = device([*all_of_them[:10], Interrupt(all_of_them[17].t_ns, late), *all_of_them[18:36]])
    assert story(records) == [*BOOT, (Kind.OVERRUN, 0), (Kind.ANEW, Anew.GAP), *GOOD]
    assert payloads(records) == payloads(device(all_of_them[18:36]))


def test_a_late_interrupt_loses_nothing(device):
    t_ns, raw_NC = still_wrist(17)
    on_time = interrupts_of(t_ns, raw_NC)
    late = [*on_time[:8], *interrupts_of(t_ns, raw_NC, 2 * WATERMARK)[4:]]
    assert payloads(device(late)) == payloads(device(on_time))


@pytest.mark.parametrize("lost", [1, 2, 5])
def test_a_few_lost_samples_are_filled(device, lost):
    t_ns, raw_NC = still_wrist(25)
    interrupts = interrupts_of(t_ns, raw_NC)
    hit = interrupts[20]
    interrupts[20] = Interrupt(hit.t_ns, np.delete(hit.raw_NC, slice(7, 7 + lost), 0))
    records = device(interrupts)
    assert story(records) == BOOT + 3 * GOOD
    assert windows_at_s(records) == windows_at_s(device(interrupts_of(t_ns, raw_NC)))
    untouched = payloads(device(interrupts_of(t_ns, raw_NC)))
    assert [one == other for one, other in zip(payloads(records), untouched, strict=True)] == [True, False, True]


def test_many_lost_samples_empty_the_window(device):
    t_ns, raw_NC = still_wrist(25)
    interrupts = interrupts_of(t_ns, raw_NC)
    interrupts[20] = Interrupt(interrupts[20].t_ns, interrupts[20].raw_NC[16:])
    records = device(interrupts)
    assert story(records) == [*BOOT, *GOOD, (Kind.ANEW, Anew.GAP), *GOOD]


@pytest.mark.parametrize("drift", [-1e-4, 1e-4, 0.02, -0.02])
def test_a_drifting_clock_changes_nothing(device, drift):
    t_ns, raw_NC = still_wrist(25)
    drifted = times_ns(np.arange(len(raw_NC)) / 64 * (1 + drift))
    records = device(interrupts_of(drifted, raw_NC))
    assert story(records) == BOOT + 3 * GOOD
    assert payloads(records) == payloads(device(interrupts_of(t_ns, raw_NC)))


def test_interrupts_served_late_change_nothing(device):
    t_ns, raw_NC = still_wrist(25)
    delay_ns = np.random.default_rng(1).integers(0, 2_000_000, len(t_ns))
    records = device(interrupts_of(t_ns + delay_ns, raw_NC))
    assert payloads(records) == payloads(device(interrupts_of(t_ns, raw_NC)))


def test_single_codes_of_no_sample_are_filled(device):
    t_ns, raw_NC = still_wrist(17)
    raw_NC[[100, 101, 700], [0, 1, 2]] = -32768
    assert story(device(interrupts_of(t_ns, raw_NC))) == BOOT + 2 * GOOD


def test_a_long_run_of_them_empties_the_window(device):
    t_ns, raw_NC = still_wrist(17)
    raw_NC[100:120, 2] = -32768
    records = device(interrupts_of(t_ns, raw_NC))
    assert story(records) == [*BOOT, (Kind.ANEW, Anew.GAP), *GOOD]
    assert windows_at_s(records)[0] >= 120 / 64 + 8 - 0.02


def test_nothing_but_them_gives_nothing(device):
    t_ns, raw_NC = still_wrist(17)
    assert story(device(interrupts_of(t_ns, np.full_like(raw_NC, -32768)))) == BOOT


def test_saturated_samples_give_no_embedding(device):
    t_ns, raw_NC = still_wrist(9)
    raw_NC[50:54, 0] = 32767
    assert story(device(interrupts_of(t_ns, raw_NC))) == [*BOOT, (Kind.WINDOW, Verdict.SATURATED)]


@pytest.mark.parametrize("seconds", [0.5, 5.0, 12.0, 15.5])
def test_a_brown_out_forgets_everything_before_it(device, seconds):
    t_ns, raw_NC = still_wrist(30)
    interrupts = interrupts_of(t_ns, raw_NC)
    hit = round(seconds / BATCH_S)
    before, after = interrupts[:hit], interrupts[hit + 1 : hit + 20]
    reset = Interrupt(interrupts[hit].t_ns, interrupts[hit].raw_NC, Flag.BROWN_OUT)
    records = device([*before, reset, *after])
    done_before, done_after = device(before), device(after)
    again = [(Kind.BOOT, Cause.BROWN_OUT), *story(done_after)[1:]]
    assert story(records) == story(done_before) + again
    assert payloads(records) == payloads(done_before) + payloads(done_after)
    assert len(payloads(done_after)) == 1


def test_a_clock_that_starts_at_zero_after_a_brown_out(device):
    t_ns, raw_NC = still_wrist(16)
    interrupts = interrupts_of(t_ns, raw_NC)
    reset = Interrupt(0, raw_NC[:3], Flag.BROWN_OUT)
    records = device([*interrupts[:10], reset, *interrupts[:16]])
    assert story(records) == [*BOOT, (Kind.BOOT, Cause.BROWN_OUT), *GOOD]


def test_a_dead_bus_lets_the_watchdog_reset_the_device(device):
    t_ns, raw_NC = still_wrist(30)
    interrupts = interrupts_of(t_ns, raw_NC)
    interrupts[6] = Interrupt(interrupts[6].t_ns, interrupts[6].raw_NC, Flag.BUS_FAULT)
    records = device(interrupts)
    patience = 8
    assert story(records) == [*BOOT, *patience * [(Kind.BUS, 0)], (Kind.BOOT, Cause.WATCHDOG), *2 * GOOD]
    fresh = device(interrupts_of(t_ns, raw_NC)[6 + patience + 1 :])
    assert payloads(records) == payloads(fresh)


@pytest.mark.parametrize("source_hz", [50, 58, 70, 80, 100])
def test_a_sensor_of_another_rate_gives_nothing(device, source_hz):
    _, raw_NC = still_wrist(60)
    records = device(interrupts_of(times_ns(np.arange(len(raw_NC)) / source_hz), raw_NC))
    assert payloads(records) == []
    assert {record.value for record in told(records, Kind.ANEW)} == {Anew.RATE}


def test_motion_is_told_in_micro_g(device):
    t_ns, raw_NC = still_wrist(9)
    raw_NC[:, 0] += np.rint(400 * np.sin(np.arange(len(raw_NC)) / 10)).astype(np.int16)
    (window,) = told(device(interrupts_of(t_ns, raw_NC)), Kind.WINDOW)
    exact_ug = 1e6 * np.sqrt((raw_NC[: CONTRACT.samples] / 4096).var(0).sum())
    assert (window.value, window.extra) == (Verdict.MOTION, pytest.approx(exact_ug, rel=1e-4))


@pytest.mark.parametrize(
    ("settings", "blob", "why"),
    [
        (SETTINGS, b"longer", 1),
        (SETTINGS, (100).to_bytes(4, "little"), 2),
        (Settings(0.0, 8.0, 512, 2, 0.05, 3), BLOB, 3),
    ],
)
def test_what_does_not_fit_is_refused_before_any_sample(device, settings, blob, why):
    t_ns, raw_NC = still_wrist(9)
    assert story(device(interrupts_of(t_ns, raw_NC), settings, blob)) == [*BOOT, (Kind.REFUSED, why)]


@pytest.mark.parametrize("core", ["m4", "m7", "m33", "m55"])
def test_emulated_cores_say_the_same(device, core, cross_compiler, qemu, tmp_path):
    t_ns, raw_NC = still_wrist(20)
    raw_NC[700:704, 0] = -32768
    interrupts = interrupts_of(t_ns, raw_NC)
    interrupts.insert(17, Interrupt(interrupts[16].t_ns, raw_NC[:5], Flag.BROWN_OUT))
    build_application(core, RUNTIME, tables_of(CONTRACT, 64.0), tmp_path / "app.elf")
    job = encode_job(SETTINGS, len(BLOB), interrupts)
    one, other = run_application(core, tmp_path / "app.elf", BLOB, job), device(interrupts)
    assert one[:-1] == other[:-1]
    assert story(one) == [*BOOT, *GOOD, (Kind.BOOT, Cause.BROWN_OUT), *GOOD]
    assert 500 < one[-1].value < 4096


@pytest.mark.parametrize("source_hz", [50.0, 100.0])
def test_the_whole_contract_behind_the_resampler_on_an_m4(source_hz, cross_compiler, qemu, tmp_path):
    samples = int(64 * source_hz)
    raw_NC = np.rint(np.array([300, -500, 4000]) + np.random.default_rng(2).normal(0, 20, (samples, 3))).astype(
        np.int16
    )
    build_application("m4", RUNTIME, tables_of(DEFAULT, source_hz), tmp_path / "app.elf")
    blob = (3 * DEFAULT.samples).to_bytes(4, "little")
    settings = Settings(1 / 4096, 8.0, DEFAULT.samples, 2, 0.05, 0)
    job = encode_job(settings, len(blob), interrupts_of(times_ns(np.arange(samples) / source_hz), raw_NC))
    records = run_application("m4", tmp_path / "app.elf", blob, job)
    assert story(records) == BOOT + GOOD
    assert records[-1].extra <= 30 * 1024


def test_samples_of_another_type_are_refused():
    with pytest.raises(BadInput, match="float64") as refused:
        encode_job(SETTINGS, 4, [Interrupt(0, np.zeros((4, 3)))])
    assert refused.value.valid == "(N, 3) int16"


def test_a_result_without_its_end_is_refused():
    with pytest.raises(NotPossibleHere, match="after 0 records"):
        decode_records(b"")
