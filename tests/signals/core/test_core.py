"""The C core against the Python pipeline, and what it says of streams that are not as they should be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.signals.gate import motion_mg
from edgeacc.signals.prepare import prepare_acc
from edgeacc.signals.quality import Fault, acc_faults, fill_gaps
from edgeacc.signals.resample import resample

pytestmark = pytest.mark.integration

SHORT = SignalContract(window_s=4.0)
RATES_HZ = (50.0, 52.0, 64.0, 100.0, 200.0, 800.0)
LINES = ((0.3, 0.01), (1.1, 0.004), (5.1, 0.003), (7.7, 0.002), (9.9, 0.001), (17.0, 0.001))


def wrist_NC(t_s):
    """A still wrist's breathing, pulse and gravity, in g."""
    phase = np.random.default_rng(0).uniform(0, 6, (3, len(LINES)))
    axes = [sum(g * np.sin(2 * np.pi * hz * t_s + p) for (hz, g), p in zip(LINES, row, strict=True)) for row in phase]
    return (np.stack(axes, 1) + np.array([0.1, -0.2, 0.97])).astype(np.float32)


def times_ns(t_s):
    return np.round(np.asarray(t_s) * 1e9).astype(np.int64)


def first_output(tables):
    """Which sample of the contract's grid is the first that the core gives."""
    margin = tables.sinc_half + 2 * tables.even_half + 2
    return int(np.ceil(margin * tables.rate_mhz / tables.source_mhz - 1e-9)) if tables.sinc_half else 0


def prepared(y_CT, start, contract=SHORT):
    return prepare_acc(y_CT[None, :, start : start + contract.samples], contract)[0]


def resampled(x_NC, source_hz):
    return resample(x_NC.T.astype(np.float64), source_hz, 64.0)


@pytest.mark.parametrize("source_hz", RATES_HZ)
def test_windows_equal_the_python_pipeline(signal_of, source_hz):
    x_NC = wrist_NC(np.arange(int(8 * source_hz)) / source_hz)
    signal = signal_of(SHORT, source_hz, stride=64)
    done, windows = signal.feed(times_ns(np.arange(len(x_NC)) / source_hz), x_NC)
    y_CT, first = resampled(x_NC, source_hz), first_output(signal.tables)
    assert set(done) == {"taken"}
    assert len(windows) >= 2
    for number, window in enumerate(windows):
        start = first + 64 * number
        np.testing.assert_allclose(window.z, prepared(y_CT, start), atol=1e-5)
        assert window.motion_mg == pytest.approx(motion_mg(y_CT[:, start : start + SHORT.samples]), rel=1e-5)
        assert window.verdict == "use"


def test_a_whole_window_of_the_default_contract(signal_of):
    x_NC = wrist_NC(np.arange(DEFAULT.samples) / 64)
    _, windows = signal_of(DEFAULT, 64.0).feed(times_ns(np.arange(len(x_NC)) / 64), x_NC)
    assert [window.at for window in windows] == [DEFAULT.samples - 1]
    np.testing.assert_allclose(windows[0].z, prepared(x_NC.T.astype(np.float64), 0, DEFAULT), atol=1e-5)


@pytest.mark.parametrize("samples", [121, 253, 254, 255])
@pytest.mark.parametrize("fixed_bits", [-1, 0])
def test_windows_of_any_length(signal_of, samples, fixed_bits):
    contract = SignalContract(window_s=samples / 64)
    raw_NC = np.rint(wrist_NC(np.arange(samples) / 64) * 16384).astype(np.int16)
    signal = signal_of(contract, 64.0, unit_g=2.0**-14, fixed_bits=fixed_bits)
    _, (window,) = signal.feed(times_ns(np.arange(samples) / 64), raw_NC)
    exact = prepared(raw_NC.T.astype(np.float64), 0, contract)
    np.testing.assert_allclose(window.z, exact, atol=1e-5 if fixed_bits < 0 else bound(raw_NC.T))


numbers_NC = st.integers(0, 2**32 - 1).map(np.random.default_rng).map(lambda rng: rng.uniform(-1, 1, (256, 3)))


@given(numbers_NC, st.floats(-3, 0), st.floats(-2, 2))
@settings(max_examples=40)
def test_any_signal_gives_the_same_scores(signal_of, noise_NC, magnitude, level_g):
    x_NC = (level_g + 10**magnitude * noise_NC).astype(np.float32)
    _, (window,) = signal_of(SHORT, 64.0).feed(times_ns(np.arange(256) / 64), x_NC)
    x_CT = x_NC.T.astype(np.float64)
    np.testing.assert_allclose(window.z, prepared(x_CT, 0), atol=1e-5)
    assert window.motion_mg == pytest.approx(float(motion_mg(x_CT)), rel=1e-4)


def bound(x_CT):
    """What `fixed.c` states, for samples in units of the ring."""
    from edgeacc.signals.filters import band_pass

    return 0.006 / band_pass(x_CT, 64.0, SHORT.acc_band_hz).std(-1).min() + 2**-14


@given(numbers_NC, st.integers(2, 32767))
@settings(max_examples=40)
def test_the_fixed_form_keeps_its_bound(signal_of, noise_NC, largest):
    raw_NC = np.rint(largest * noise_NC).astype(np.int16)
    signal = signal_of(SHORT, 64.0, unit_g=2.0**-14, range_g=8.0, fixed_bits=0)
    _, (window,) = signal.feed(times_ns(np.arange(256) / 64), raw_NC)
    raw_CT = raw_NC.T.astype(np.float64)
    assert np.abs(window.z - prepared(raw_CT, 0)).max() <= bound(raw_CT)


@pytest.mark.parametrize("source_hz", [50.0, 100.0])
def test_the_fixed_form_behind_the_resampler(signal_of, source_hz):
    raw_NC = np.rint(wrist_NC(np.arange(int(7 * source_hz)) / source_hz) * 4096).astype(np.int16)
    signal = signal_of(SHORT, source_hz, unit_g=1 / 4096, fixed_bits=2)
    _, windows = signal.feed(times_ns(np.arange(len(raw_NC)) / source_hz), raw_NC)
    y_CT = resampled(raw_NC, source_hz)
    rounded_CT = np.rint(4 * y_CT)
    exact = prepared(rounded_CT, first_output(signal.tables))
    assert np.abs(windows[0].z - exact).max() <= 3 * bound(
        rounded_CT
    )  # a value near a half may be rounded to either side


@pytest.mark.parametrize("fixed_bits", [-1, 0])
@pytest.mark.parametrize(("scale", "zero_point"), [(0.05, 3), (2.0**-15, 0), (2.0**15, -128), (0.02, 127)])
def test_the_input_is_the_scores_quantized(signal_of, fixed_bits, scale, zero_point):
    raw_NC = np.rint(wrist_NC(np.arange(256) / 64) * 16384).astype(np.int16)
    signal = signal_of(SHORT, 64.0, unit_g=2.0**-14, fixed_bits=fixed_bits)
    signal.feed(times_ns(np.arange(256) / 64), raw_NC)
    steps = signal.scores().astype(np.float64) / scale
    away = np.trunc(steps + np.copysign(0.5, steps))
    allowed = np.abs(np.abs(steps - np.trunc(steps)) - 0.5) < 1e-3
    wanted = np.clip(away + zero_point, -128, 127)
    got = signal.quantized(scale, zero_point)
    assert np.all((got == wanted) | (allowed & (np.abs(got - wanted) <= 1)))


@pytest.mark.parametrize("source_hz", RATES_HZ[:4])
def test_missing_samples_are_filled_as_in_python(signal_of, source_hz):
    t_s = np.arange(int(7 * source_hz)) / source_hz
    x_NC = wrist_NC(t_s)
    missing = np.zeros(len(t_s), bool)
    for start, count in ((100, 1), (150, int(0.2 * source_hz)), (200, 2)):
        missing[start : start + count] = True
    x_NC[missing, 1] = np.nan
    signal = signal_of(SHORT, source_hz)
    done, windows = signal.feed(times_ns(t_s), x_NC)
    assert [each == "missing" for each in done] == missing.tolist()
    x_NC[missing] = np.nan
    filled_CT = fill_gaps(x_NC.T.astype(np.float64), source_hz, 0.2)
    y_CT = resample(filled_CT, source_hz, 64.0)
    np.testing.assert_allclose(windows[0].z, prepared(y_CT, first_output(signal.tables)), atol=1e-5)


@pytest.mark.parametrize("source_hz", RATES_HZ[:4])
def test_samples_that_never_came_are_as_those_without_a_number(signal_of, source_hz):
    t_s = np.arange(int(7 * source_hz)) / source_hz
    x_NC = wrist_NC(t_s)
    kept = np.ones(len(t_s), bool)
    kept[[100, 160, 161]] = False
    _, one = signal_of(SHORT, source_hz).feed(times_ns(t_s[kept]), x_NC[kept])
    x_NC[~kept] = np.inf
    _, other = signal_of(SHORT, source_hz).feed(times_ns(t_s), x_NC)
    np.testing.assert_array_equal(one[0].z, other[0].z)


@pytest.mark.parametrize("source_hz", [50.0, 64.0])
def test_a_long_gap_starts_the_window_anew(signal_of, source_hz):
    t_s = np.arange(int(12 * source_hz)) / source_hz
    x_NC = wrist_NC(t_s)
    cut = int(3.5 * source_hz)
    t_s[cut:] += 0.3
    done, windows = signal_of(SHORT, source_hz).feed(times_ns(t_s), x_NC)
    _, after = signal_of(SHORT, source_hz).feed(times_ns(t_s[cut:]), x_NC[cut:])
    assert [number for number, each in enumerate(done) if each != "taken"] == [cut]
    assert done[cut] == "gap"
    assert [window.at - cut for window in windows] == [window.at for window in after]
    np.testing.assert_array_equal(windows[0].z, after[0].z)


def test_the_code_of_no_sample_is_a_missing_one(signal_of):
    raw = np.array([1, -32768, 3], np.int16)
    assert signal_of(SHORT, 64.0).push(0, raw) == "missing"


@pytest.mark.parametrize("source_hz", [50.0, 64.0])
def test_repeated_samples_change_nothing(signal_of, source_hz):
    t_s = np.arange(int(7 * source_hz)) / source_hz
    x_NC = wrist_NC(t_s)
    _, once = signal_of(SHORT, source_hz).feed(times_ns(t_s), x_NC)
    again = np.insert(np.arange(len(t_s)), [50, 51, 120], [40, 50, 119])
    done, twice = signal_of(SHORT, source_hz).feed(times_ns(t_s[again]), x_NC[again])
    assert done.count("duplicate") == 3
    np.testing.assert_array_equal(once[0].z, twice[0].z)


def test_a_clock_that_jumps_back_starts_anew(signal_of):
    signal = signal_of(SHORT, 64.0)
    x_NC = wrist_NC(np.arange(400) / 64)
    before, _ = signal.feed(times_ns(10 + np.arange(200) / 64), x_NC[:200])
    after, windows = signal.feed(times_ns(2 + np.arange(300) / 64), x_NC[:300])
    assert (set(before), after[0], set(after[1:])) == ({"taken"}, "clock", {"taken"})
    assert [window.at for window in windows] == [255]


@pytest.mark.parametrize("off", [0.9, 0.94, 1.06, 1.3])
@pytest.mark.parametrize("source_hz", [50.0, 64.0, 100.0])
def test_a_rate_off_by_more_than_5_percent_gives_no_window(signal_of, source_hz, off):
    contract = SignalContract(window_s=20.0)
    t_s = np.arange(int(40 * source_hz)) / (source_hz * off)
    done, windows = signal_of(contract, source_hz).feed(times_ns(t_s), wrist_NC(t_s))
    assert "rate" in done
    assert windows == []


def rms_error(signal, windows, tone, start_s, contract=SHORT):
    """Of the first window, against the tone on the contract's grid."""
    grid_s = start_s + (first_output(signal.tables) + np.arange(-3, contract.samples + 3)) / 64
    errors = [
        np.sqrt(np.mean((windows[0].z - prepared(tone(grid_s[late : late + contract.samples]).T, 0)) ** 2))
        for late in range(7)
    ]
    return min(errors)  # jitter at the margin may move the first sample by one


@pytest.mark.parametrize("source_hz", [50.0, 52.0, 100.0, 200.0, 800.0])
@pytest.mark.parametrize("tone_hz", [5.0, 10.0])
def test_jitter_of_2_ms_leaves_a_thousandth(signal_of, source_hz, tone_hz):
    def tone(t_s):
        return np.stack([np.sin(2 * np.pi * tone_hz * t_s + axis) for axis in range(3)], 1)

    rng = np.random.default_rng(5)
    t_s = np.sort(1 + np.arange(int(7 * source_hz)) / source_hz + rng.uniform(-2e-3, 2e-3, int(7 * source_hz)))
    signal = signal_of(SHORT, source_hz)
    done, windows = signal.feed(times_ns(t_s), tone(t_s).astype(np.float32))
    assert set(done) == {"taken"}
    assert rms_error(signal, windows, tone, times_ns(t_s[0]) / 1e9) <= 1e-3


@pytest.mark.parametrize("source_hz", [50.0, 100.0])
@pytest.mark.parametrize("drift", [-1e-4, 1e-4, 0.03])
def test_a_drifting_clock_is_followed(signal_of, source_hz, drift):
    def tone(t_s):
        return np.stack([np.sin(2 * np.pi * 10 * t_s + axis) for axis in range(3)], 1)

    t_s = np.arange(int(9 * source_hz)) / source_hz * (1 + drift)
    signal = signal_of(SHORT, source_hz)
    done, windows = signal.feed(times_ns(t_s), tone(t_s).astype(np.float32))
    assert set(done) == {"taken"}
    assert rms_error(signal, windows, tone, 0.0) <= 1e-3


@pytest.mark.parametrize("fixed_bits", [-1, 0])
def test_a_constant_axis_gives_exact_zeros(signal_of, fixed_bits):
    raw_NC = np.rint(wrist_NC(np.arange(256) / 64) * 16384).astype(np.int16)
    raw_NC[:, 1] = 12345
    _, (window,) = signal_of(SHORT, 64.0, unit_g=2.0**-14, fixed_bits=fixed_bits).feed(
        times_ns(np.arange(256) / 64), raw_NC
    )
    assert np.all(window.z[1] == 0)
    assert window.verdict == "frozen"


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 255), st.integers(1, 256), st.booleans()), max_size=6),
)
def test_saturated_and_frozen_are_told_as_in_python(signal_of, faults):
    x_NC = wrist_NC(np.arange(512) / 64)
    for axis, start, count, saturates in faults:
        x_NC[256 + start : 256 + start + count, axis] = 8.0 if saturates else 0.5
    x_NC[0:200, 0] = 8.0
    _, windows = signal_of(SHORT, 64.0).feed(times_ns(np.arange(512) / 64), x_NC)
    told = {
        Fault.SATURATED: "saturated",
        Fault.FROZEN_AXIS: "frozen",
    }
    found = [told[fault] for fault in acc_faults(x_NC[256:].T, 64.0, SHORT)]
    calm = ("use", "motion")
    assert windows[0].verdict == "saturated"
    assert windows[1].verdict == found[0] if found else windows[1].verdict in calm


@pytest.mark.parametrize("missing", [100, 126, 127, 128, 129, 150])
def test_a_missing_sample_ends_a_run_of_one_value(signal_of, missing):
    x_NC = wrist_NC(np.arange(256) / 64)
    x_NC[:, 2] = 1.0
    x_NC[missing] = np.nan
    _, (window,) = signal_of(SHORT, 64.0).feed(times_ns(np.arange(256) / 64), x_NC)
    frozen = Fault.FROZEN_AXIS in acc_faults(x_NC.T, 64.0, SHORT)
    assert (window.verdict == "frozen") == frozen


@pytest.mark.parametrize(("scale", "verdict"), [(5.0, "motion"), (0.1, "off_wrist"), (1.0, "use")])
def test_the_gate(signal_of, scale, verdict):
    t_s = np.arange(256) / 64
    _, (window,) = signal_of(SHORT, 64.0).feed(times_ns(t_s), scale * wrist_NC(t_s))
    assert window.verdict == verdict


def test_what_the_fixed_ring_cannot_hold_is_saturated(signal_of):
    raw_NC = np.rint(wrist_NC(np.arange(600) / 64) * 4096).astype(np.int16)
    raw_NC[10, 2] = 9000  # 2.2 g, the ring ends at 2 g
    signal = signal_of(SHORT, 64.0, unit_g=1 / 4096, fixed_bits=2)
    _, windows = signal.feed(times_ns(np.arange(600) / 64), raw_NC)
    assert [window.verdict for window in windows] == ["saturated", "use"]


def test_nothing_is_written_before_a_window_is_due(signal_of):
    signal = signal_of(SHORT, 64.0)
    assert signal.quantized(0.05, 0) is None
    signal.feed(times_ns(np.arange(255) / 64), wrist_NC(np.arange(255) / 64))
    assert (signal.due, signal.verdict, signal.quantized(0.05, 0)) == (False, "not_due", None)


@pytest.mark.parametrize(("scale", "zero_point"), [(0.0, 0), (-1.0, 0), (float("nan"), 0), (1.0, 128), (1.0, -129)])
def test_an_impossible_quantization_is_refused(signal_of, scale, zero_point):
    signal = signal_of(SHORT, 64.0)
    signal.feed(times_ns(np.arange(256) / 64), wrist_NC(np.arange(256) / 64))
    assert signal.quantized(scale, zero_point) is None


def test_opened_again_it_has_forgotten_everything(signal_of):
    signal = signal_of(SHORT, 64.0)
    x_NC = wrist_NC(np.arange(600) / 64)
    signal.feed(times_ns(np.arange(250) / 64), x_NC[:250])
    signal.open(signal.bytes)
    _, windows = signal.feed(times_ns(np.arange(250, 600) / 64), x_NC[250:])
    _, fresh = signal_of(SHORT, 64.0).feed(times_ns(np.arange(250, 600) / 64), x_NC[250:])
    assert [window.at for window in windows] == [window.at for window in fresh] == [255]
    np.testing.assert_array_equal(windows[0].z, fresh[0].z)


def test_a_window_is_due_at_every_stride(signal_of):
    t_s = np.arange(1000) / 64
    _, windows = signal_of(SHORT, 64.0, stride=100).feed(times_ns(t_s), wrist_NC(t_s))
    assert [window.at for window in windows] == list(range(255, 1000, 100))


@pytest.mark.parametrize(
    ("source_hz", "fixed_bits", "kib"), [(64.0, 0, 23), (50.0, 2, 28), (52.0, 2, 28), (100.0, 2, 28), (64.0, -1, 46)]
)
def test_memory(signal_of, source_hz, fixed_bits, kib):
    signal = signal_of(DEFAULT, source_hz, fixed_bits=fixed_bits)
    assert 0 < signal.bytes <= 1024 * kib
    assert signal.opened
    assert not signal.open(signal.bytes - 1)


@pytest.mark.parametrize(
    "wrong",
    [{"unit_g": 0.0}, {"unit_g": float("nan")}, {"range_g": -1.0}, {"stride": 63}, {"fixed_bits": 16}],
)
def test_an_impossible_configuration_is_refused(signal_of, wrong):
    signal = signal_of(SHORT, 50.0, **wrong)
    assert (signal.bytes, signal.opened) == (0, 0)


def apple(signs):
    return tuple(-sign for sign in signs)


LEFT, RIGHT = 0, 1
WORN = {(LEFT, RIGHT): (1, 1, 1), (LEFT, LEFT): (-1, -1, 1), (RIGHT, RIGHT): (-1, 1, 1), (RIGHT, LEFT): (1, -1, 1)}


@pytest.mark.parametrize(("wrist", "crown"), WORN)
@pytest.mark.parametrize("platform", [0, 1])
def test_frames_of_watches(watch_frame, signal_of, platform, wrist, crown):
    frame = watch_frame(platform, wrist, crown)
    signs = WORN[wrist, crown]
    assert tuple(frame.source) == (0, 1, 2)
    assert tuple(frame.sign) == (apple(signs) if platform == 0 else signs)


def test_an_unknown_way_of_wearing_is_refused(watch_frame):
    assert watch_frame(2, LEFT, RIGHT) is None
    assert watch_frame(0, 2, RIGHT) is None
    assert watch_frame(0, LEFT, -1) is None


def test_the_frame_turns_the_axes(signal_of, watch_frame):
    t_s = np.arange(256) / 64
    x_NC = wrist_NC(t_s)
    frame = watch_frame(0, RIGHT, RIGHT)
    frame.source[:] = (2, 0, 1)
    _, (turned,) = signal_of(SHORT, 64.0, frame=frame).feed(times_ns(t_s), x_NC)
    _, (plain,) = signal_of(SHORT, 64.0).feed(times_ns(t_s), x_NC[:, [2, 0, 1]] * np.array(frame.sign[:]))
    np.testing.assert_array_equal(turned.z, plain.z)


steps_ns = st.one_of(
    st.integers(0, 40_000_000), st.just(15_625_000), st.integers(-(2**63), 2**63 - 1), st.integers(-(10**9), 10**9)
)
values = st.one_of(st.floats(width=32), st.sampled_from([0.0, 8.0, -8.0, 1e6]))


@given(
    st.lists(st.tuples(steps_ns, st.tuples(values, values, values)), max_size=300), st.sampled_from([50.0, 64.0, 200.0])
)
@settings(max_examples=60)
def test_no_stream_does_harm(signal_of, stream, source_hz):
    signal = signal_of(SHORT, source_hz, fixed_bits=4, stride=64)
    t_ns = 0
    for step_ns, x in stream:
        moved_ns = t_ns + step_ns
        signal.push(max(-(2**63), min(moved_ns, 2**63 - 1)), x)
        t_ns = moved_ns if 0 <= moved_ns < 2**62 else t_ns
        if signal.due:
            assert np.isfinite(signal.scores()).all()
