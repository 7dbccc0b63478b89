"""The Java core against the C core and Python, on made and on real recordings with gaps and repeats put in."""

import shutil
import struct
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgeacc.export.kits.c.write import RATES_HZ
from edgeacc.export.kits.wearos.resources import tables_file
from edgeacc.recordings import embraceplus, polar
from edgeacc.signals.contract import DEFAULT
from edgeacc.signals.core.tables import FOLDER, tables_of, to_c
from edgeacc.signals.filters import band_pass
from edgeacc.signals.gate import motion_mg
from edgeacc.signals.prepare import prepare_acc
from edgeacc.signals.quality import fill_gaps
from edgeacc.signals.resample import resample

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
JAVA = Path("export/kits/wearos/project/core/src/main/java")
DATA = Path("../shared/data")
TAKEN = ("taken", "missing", "duplicate", "clock", "gap", "rate")
VERDICTS = ("use", "saturated", "frozen", "motion", "off_wrist")
STRIDE_S = 10
ROUNDED_G = 2e-7
"""Of float32 sums about 1 g; of a very still wrist's axis, of 2 mg, a score may be 1e-4 off by it."""
LATEST = 14
"""Samples: a window that becomes due within a filled gap ends with it, up to 0.2 s later."""


@pytest.fixture(scope="module")
def java_core(javac, tmp_path_factory):
    """Folder of classes and numbers."""
    to = tmp_path_factory.mktemp("java")
    sources = [*sorted((HERE.parents[2] / JAVA).rglob("*.java")), HERE / "streams" / "Streams.java"]
    subprocess.run([*javac, to, *sources], check=True, timeout=300)
    (to / "edgeacc" / "tables.bin").write_bytes(tables_file(DEFAULT, RATES_HZ))
    return to


@pytest.fixture(scope="module")
def c_core(tmp_path_factory):
    """c_core(source_hz) -> program."""
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed: apt-get install gcc")
    folder = tmp_path_factory.mktemp("c")

    def build(source_hz):
        tables = folder / f"{source_hz:g}.c"
        tables.write_text(to_c(tables_of(DEFAULT, source_hz), "stream_tables"))
        sources = [*FOLDER.glob("*.c"), HERE / "streams" / "stream.c", tables]
        to = tables.with_suffix("")
        subprocess.run(["cc", "-std=c99", "-O2", f"-I{FOLDER}", *sources, "-o", to], check=True, timeout=120)
        return to

    return build


def run(command, t_ns_N, x_NC):
    samples = np.empty(len(t_ns_N), np.dtype([("t", "<i8"), ("x", "<f4", 3)]))
    samples["t"], samples["x"] = t_ns_N, x_NC
    ran = subprocess.run(command, input=samples.tobytes(), capture_output=True, timeout=300)
    assert ran.returncode == 0, ran.stderr.decode()
    return read(ran.stdout)


def read(said):
    """What each sample did, and the windows: at which sample, verdict, motion, scores."""
    done, windows, at = [], [], 0
    while at < len(said):
        if said[at] < 100:
            done.append(TAKEN[said[at]])
            at += 1
            continue
        (moved_mg,) = struct.unpack_from("<f", said, at + 1)
        z_CT = np.frombuffer(said, "<f4", 3 * DEFAULT.samples, at + 5).reshape(3, -1)
        windows.append(SimpleNamespace(at=len(done) - 1, verdict=VERDICTS[said[at] - 100], motion_mg=moved_mg, z=z_CT))
        at += 5 + 4 * z_CT.size
    return done, windows


@pytest.fixture(scope="module")
def both(java_core, c_core):
    """both(source_hz, t_ns_N, x_NC) -> what C and Java make of a stream, which is the same."""

    def compare(source_hz, t_ns_N, x_NC):
        java = ["java", "-cp", java_core, "Streams", str(source_hz), str(STRIDE_S)]
        done, windows = run([c_core(source_hz), str(STRIDE_S)], t_ns_N, x_NC)
        java_done, java_windows = run(java, t_ns_N, x_NC)
        assert java_done == done
        assert [window.at for window in java_windows] == [window.at for window in windows]
        for mine, its in zip(java_windows, windows, strict=True):
            assert mine.verdict == its.verdict
            assert mine.motion_mg == pytest.approx(its.motion_mg, rel=1e-5)
            np.testing.assert_allclose(mine.z, its.z, atol=1e-5)
        return done, windows

    return compare


def even_ns(count, source_hz):
    return np.round(np.arange(count) / source_hz * 1e9).astype(np.int64)


def disturbed(x_NC, source_hz, seed):
    """The recording with missing samples, repeats and one long gap: times, samples, where it begins anew, filled."""
    rng = np.random.default_rng(seed)
    count, longest = len(x_NC), tables_of(DEFAULT, source_hz).longest_gap
    lost_N = np.zeros(count, bool)
    for start in rng.integers(100, count - 100, 25):
        lost_N[start : start + rng.integers(1, longest // 2)] = True
    anew = count // 2
    lost_N[anew - 2 * longest : anew] = True
    lost_N[anew : anew + 2] = False
    kept_N = np.flatnonzero(~lost_N)
    again_N = np.sort(np.concatenate([kept_N, rng.choice(kept_N[1:], 20, replace=False)]))
    holed_NC = np.where(lost_N[:, None], np.nan, x_NC.astype(np.float64))
    end = int(np.flatnonzero(~lost_N[:anew])[-1]) + 1
    parts = [fill_gaps(part_NC.T, source_hz, 0.2) for part_NC in (holed_NC[:end], holed_NC[anew:])]
    return even_ns(count, source_hz)[again_N], x_NC[again_N], parts, int(np.searchsorted(again_N, anew))


def first_output(tables):
    margin = tables.sinc_half + 2 * tables.even_half + 2
    return int(np.ceil(margin * tables.rate_mhz / tables.source_mhz - 1e-9)) if tables.sinc_half else 0


def off_g(z_CT, y_CT):
    """How far scores are from those of the window at the start of `y_CT`, beyond 1e-5, in g."""
    window_CT = y_CT[:, : DEFAULT.samples]
    sigma_C = band_pass(window_CT, DEFAULT.rate_hz, DEFAULT.acc_band_hz).std(-1)
    off_C = np.abs(z_CT - prepare_acc(window_CT[None], DEFAULT)[0]).max(-1)
    return float(((off_C - 1e-5) * sigma_C).max())


def assert_is_pythons(windows, t_ns_N, parts, anew_at, source_hz):
    after_gap_N = np.diff(t_ns_N, prepend=t_ns_N[0]) * 1e-9 * source_hz > 1.5
    first, stride = first_output(tables_of(DEFAULT, source_hz)), round(STRIDE_S * DEFAULT.rate_hz)
    halves = [[each for each in windows if each.at < anew_at], [each for each in windows if each.at >= anew_at]]
    assert min(map(len, halves)) >= 5
    for part_CT, half in zip(parts, halves, strict=True):
        y_CT = resample(part_CT, source_hz, DEFAULT.rate_hz)
        for number, window in enumerate(half):
            start = first + number * stride
            latest = LATEST if after_gap_N[window.at] else 1
            off_by = {late: off_g(window.z, y_CT[:, start + late :]) for late in range(latest)}
            late = min(off_by, key=off_by.__getitem__)
            assert off_by[late] <= ROUNDED_G
            window_CT = y_CT[:, start + late :][:, : DEFAULT.samples]
            assert window.motion_mg == pytest.approx(motion_mg(window_CT), rel=1e-4)


@pytest.fixture(scope="module")
def polar_acc():
    if not (DATA / "polar_verity_sense").exists():
        pytest.skip("the Polar recording is not there")
    return polar.read(DATA / "polar_verity_sense", "somebody").acc


def test_a_polar_recording(both, polar_acc):
    t_ns_N, x_NC, parts, anew_at = disturbed(polar_acc.samples_CN.T, 52.0, 1)
    done, windows = both(52, t_ns_N, x_NC)
    assert done.count("duplicate") == 20
    assert [at for at, each in enumerate(done) if each == "gap"] == [anew_at]
    assert_is_pythons(windows, t_ns_N, parts, anew_at, 52.0)


def test_a_polar_recording_at_its_own_times(both, polar_acc):
    """The sensor's clock says 51.7 Hz: what is said and embedded is the same in both."""
    done, windows = both(52, np.round(polar_acc.at_s * 1e9).astype(np.int64), polar_acc.samples_CN.T)
    assert set(done) == {"taken"}
    assert len(windows) >= 40


def test_an_embraceplus_recording(both):
    if not (DATA / "embraceplus").exists():
        pytest.skip("the EmbracePlus recording is not there")
    (recording,) = embraceplus.read(DATA / "embraceplus" / "test_data.avro", "somebody")
    t_ns_N, x_NC, parts, anew_at = disturbed(recording.acc.samples_CN.T[: 64 * 400], 64.0, 2)
    done, windows = both(64, t_ns_N, x_NC)
    assert done.count("duplicate") == 20
    assert_is_pythons(windows, t_ns_N, parts, anew_at, 64.0)


def wrist_NC(t_s):
    tones = ((0.3, 0.01), (1.1, 0.004), (5.1, 0.003), (9.9, 0.002), (17.0, 0.001))
    phase = np.random.default_rng(0).uniform(0, 6, (3, len(tones)))
    axes = [sum(g * np.sin(2 * np.pi * hz * t_s + p) for (hz, g), p in zip(tones, row, strict=True)) for row in phase]
    return (np.stack(axes, 1) + np.array([0.1, -0.2, 0.97])).astype(np.float32)


@pytest.mark.parametrize("source_hz", RATES_HZ)
def test_jitter_and_all_kinds_of_disorder(both, source_hz):
    rng = np.random.default_rng(source_hz)
    count = 130 * source_hz
    t_s = np.arange(count) / source_hz + rng.uniform(-1, 1, count) * min(2e-3, 0.4 / source_hz)
    x_NC = wrist_NC(t_s)
    x_NC[1000:1002, 1] = np.nan
    x_NC[70 * source_hz : 71 * source_hz, 2] = 8.0
    t_s[66 * source_hz :] -= 5.0
    done, windows = both(source_hz, np.round((100 + t_s) * 1e9).astype(np.int64), x_NC)
    assert {"taken", "missing", "clock"} <= set(done)
    assert {window.verdict for window in windows} == {"use", "saturated"}


@pytest.mark.parametrize("off", [0.9, 1.1])
def test_a_wrong_rate(both, off):
    t_s = np.arange(5000) / (64 * off)
    done, windows = both(64, np.round(t_s * 1e9).astype(np.int64), wrist_NC(t_s))
    assert "rate" in done
    assert windows == []
