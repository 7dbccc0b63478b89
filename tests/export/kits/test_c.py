"""The C kit: compiled without a warning, it passes its self-test, notices damage, and computes what Python does."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.sums import check_sums, write_sums
from edgeacc.errors import BadInput, ParityFailed
from edgeacc.export.firmware.artifact import read_artifact
from edgeacc.export.firmware.exporter import FirmwareExporter
from edgeacc.export.kits.kit import make_kit
from edgeacc.signals.core.tables import tables_of
from edgeacc.signals.prepare import prepare_acc
from edgeacc.signals.resample import resample

pytestmark = pytest.mark.integration

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Wstrict-prototypes", "-Werror")
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="module")
def kit(firmware_bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("kit") / "kit"
    make_kit(firmware_bundle, "c", path)
    return path


@pytest.fixture(scope="module", params=["gcc", "clang"])
def compiler(request):
    """Debian names clang by its version."""
    names = [request.param, *(f"{request.param}-{version}" for version in range(22, 13, -1))]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"{request.param} is not installed: apt-get install {request.param}")
    return found


def build(kit, program, to, flags=SANITIZED, compiler="cc"):
    sources = [*sorted((kit / "edgeacc").rglob("*.c")), kit / "host" / f"{program}.c"]
    folders = [f"-I{kit / 'edgeacc' / part}" for part in ("", "runtime", "signal")]
    command = [compiler, "-std=c99", *WARNINGS, *flags, *folders, *sources, "-o", to]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (ran.returncode, ran.stderr) == (0, "")
    return to


@pytest.fixture(scope="module")
def recording(kit, compiler, tmp_path_factory):
    """The program that reads a recording: (arguments, t_ns_N, x_NC) -> exit code, windows, what it says."""
    program = build(kit, "recording", tmp_path_factory.mktemp("built") / "recording", compiler=compiler)

    def run(arguments, t_ns_N, x_NC):
        rows = zip(t_ns_N, x_NC, strict=True)
        lines = "".join(f"{t_ns},{','.join(repr(float(value)) for value in row)}\n" for t_ns, row in rows)
        ran = subprocess.run([program, *map(str, arguments)], input=lines, capture_output=True, text=True, timeout=120)
        return ran.returncode, [line.split(",") for line in ran.stdout.splitlines()], ran.stderr

    run.program = program
    return run


def test_the_self_test_passes_under_sanitizers(kit, compiler, tmp_path):
    program = build(kit, "host_test", tmp_path / "test", compiler=compiler)
    ran = subprocess.run([program], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "self-test passed" in ran.stdout
    assert "0 of" in ran.stdout
    assert re.search(r"from a whole window to its embedding: \d+\.\d\d ms here", ran.stdout)


@pytest.mark.parametrize(
    ("file", "pattern", "replacement"),
    [
        ("model.c", r"(model_blob\[MODEL_BLOB_BYTES\] = \{\n(?:.*\n){40})    (\d+), ", r"\1    255, "),
        ("golden.c", r"(golden_scores.*\n.*\n)    \S+,", r"\1    9.0f,"),
        ("golden.c", r"(golden_embedding.*\n)    (-?\d+),", lambda match: f"{match[1]}    {-int(match[2]) or 1},"),
        ("encoder.h", r"(EDGEACC_INPUT_SCALE) \S+", r"\1 0.5f"),
    ],
)
def test_damage_fails_the_self_test(kit, tmp_path, file, pattern, replacement):
    damaged = shutil.copytree(kit, tmp_path / "kit")
    text = (damaged / "edgeacc" / file).read_text()
    changed, count = re.subn(pattern, replacement, text, count=1)
    assert count == 1
    assert changed != text
    (damaged / "edgeacc" / file).write_text(changed)
    program = build(damaged, "host_test", tmp_path / "test")
    ran = subprocess.run([program], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 1
    assert "self-test FAILED" in ran.stdout


def embeddings(bundle, acc_g_CT, starts):
    session, samples = FirmwareExporter().load(bundle.model), bundle.contract.samples
    windows_BCT = np.stack([acc_g_CT[:, start : start + samples] for start in starts]).astype(np.float32)
    return np.concatenate([session(window_CT[None])[0] for window_CT in prepare_acc(windows_BCT, bundle.contract)])


def output_step(bundle):
    return read_artifact(bundle.model).outputs[0].scale


def still_wrist(golden_CT, source_hz):
    """Two golden windows after one another as a sensor of another rate sees them."""
    joined_CT = np.concatenate([golden_CT, golden_CT[:, ::-1]], axis=1).astype(np.float64)
    return resample(joined_CT, 64.0, source_hz).T.astype(np.float32)


@pytest.mark.parametrize("source_hz", [50, 64, 100])
def test_a_recording_gives_the_embeddings_of_python(recording, firmware_bundle, source_hz):
    bundle = open_bundle(firmware_bundle)
    x_NC = still_wrist(bundle.golden().acc_g_BCT[0], source_hz)
    t_ns_N = np.round(np.arange(len(x_NC)) / source_hz * 1e9).astype(np.int64)
    code, windows, said = recording((source_hz, 8, 10), t_ns_N, x_NC)
    assert (code, said) == (0, "")
    assert len(windows) >= 5
    assert {window[1] for window in windows} == {"use"}
    tables = tables_of(bundle.contract, source_hz)
    margin = (tables.sinc_half + 2 * tables.even_half + 2) if tables.sinc_half else 0
    first = int(np.ceil(margin * 64 / source_hz - 1e-9))
    y_CT = resample(x_NC.T.astype(np.float64), source_hz, 64.0)
    expected_BD = embeddings(bundle, y_CT, [first + 640 * number for number in range(len(windows))])
    got_BD = np.array([window[3:] for window in windows], float)
    steps_off_BD = np.abs(got_BD - expected_BD) / output_step(bundle)
    assert steps_off_BD.max() < 2.5  # scores that lie between two int8 values may fall to either side
    assert (steps_off_BD > 0.5).mean() < 0.05
    told_bpm = np.array([window[2] for window in windows], float)
    np.testing.assert_allclose(told_bpm, bundle.probe().predict(got_BD), atol=0.02)


def test_what_is_strange_about_samples_is_told_by_line(recording, firmware_bundle):
    x_NC = still_wrist(open_bundle(firmware_bundle).golden().acc_g_BCT[0], 64)
    t_ns_N = np.round(np.arange(len(x_NC)) / 64 * 1e9).astype(np.int64)
    t_ns_N[5000:] += 1_000_000_000
    t_ns_N[700] = t_ns_N[699]
    x_NC[900, 1] = np.nan
    code, windows, said = recording((64, 8, 10), t_ns_N, x_NC)
    assert code == 0
    assert said.splitlines() == [
        "recording: line 701: duplicate",
        "recording: line 901: missing",
        "recording: line 5001: gap",
    ]
    ends_s = [int(window[0]) / 1e9 for window in windows]
    assert all(not 79 < end_s < 79 + 60 for end_s in ends_s)


def moved(x_NC):
    x_NC[:, 0] += np.float32(0.2) * np.sin(np.arange(len(x_NC)) / 5).astype(np.float32)


def stuck(x_NC):
    x_NC[:, 1] = x_NC[0, 1]


def taken_off(x_NC):
    x_NC[:] = x_NC[0] + np.float32(1e-5) * (np.arange(len(x_NC)) % 2)[:, None]


def struck(x_NC):
    x_NC[100:3800:37, 2] = 8.0


@pytest.mark.parametrize(
    ("spoilt", "verdict"), [(moved, "motion"), (stuck, "frozen"), (taken_off, "off wrist"), (struck, "saturated")]
)
def test_a_window_that_may_not_be_used_gives_no_embedding(recording, firmware_bundle, spoilt, verdict):
    x_NC = still_wrist(open_bundle(firmware_bundle).golden().acc_g_BCT[0], 64)[:3840]
    spoilt(x_NC)
    t_ns_N = np.round(np.arange(len(x_NC)) / 64 * 1e9).astype(np.int64)
    assert recording((64, 8, 10), t_ns_N, x_NC) == (0, [[str(t_ns_N[-1]), verdict]], "")


def test_a_sensor_is_silent_two_seconds_after_its_last_sample(kit, tmp_path):
    own = shutil.copytree(kit, tmp_path / "kit")
    (own / "host" / "silent.c").write_text(SILENT)
    program = build(own, "silent", tmp_path / "silent")
    ran = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "0010", "")


SILENT = """\
#include <stdio.h>

#include "edgeacc_wrist.h"
#include "tables.h"

static unsigned char memory[EDGEACC_SELF_TEST_BYTES] __attribute__((aligned(16)));

int main(void)
{
    static const float xyz[EDGEACC_AXES] = {0.0f, 0.0f, 1.0f};
    const int64_t second = 1000000000, last = 5 * second;
    const edgeacc_config config = edgeacc_wrist_config(&edgeacc_at_64_hz, 8.0f, 10.0f);
    edgeacc_wrist wrist;
    if (edgeacc_wrist_open(&wrist, &config, memory, sizeof memory) != EDGEACC_WRIST_OPEN) {
        return 1;
    }
    printf("%d", edgeacc_wrist_silent(&wrist, last));
    (void)edgeacc_wrist_push(&wrist, last, xyz);
    printf("%d", edgeacc_wrist_silent(&wrist, last + 2 * second - 1));
    printf("%d", edgeacc_wrist_silent(&wrist, last + 2 * second));
    (void)edgeacc_wrist_push(&wrist, last + 3 * second, xyz);
    printf("%d", edgeacc_wrist_silent(&wrist, last + 4 * second));
    return 0;
}
"""
"""Before any sample, just before and at two seconds without one, and after the next."""


@pytest.mark.parametrize(
    ("arguments", "lines", "said"),
    [
        ((63, 8, 10), [], "no tables for this rate; valid: 50, 52, 64, 100, 200, 800: 63"),
        ((64, -1, 10), [], "not possible"),
        ((64, 8, 0), [], "not possible"),
        ((64, 8), [], "usage"),
        ((64, 8, 10), ["1,2,3"], "line 1 is no t_ns,x,y,z: 1,2,3"),
        ((64, 8, 10), ["0,0,0,1", "5,0,0,1,7"], "line 2"),
    ],
)
def test_mistakes_are_told(recording, arguments, lines, said):
    ran = subprocess.run(
        [recording.program, *map(str, arguments)], input="\n".join(lines), capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr


def test_a_kit_is_the_same_in_every_byte_and_tells_no_place(firmware_bundle, kit, tmp_path):
    moved = shutil.copytree(firmware_bundle, tmp_path / "elsewhere")
    make_kit(moved, "c", tmp_path / "again")
    assert (tmp_path / "again" / "SHA256SUMS").read_bytes() == (kit / "SHA256SUMS").read_bytes()
    check_sums(kit)
    for file in kit.rglob("*"):
        if file.is_file():
            assert str(tmp_path.parent).encode() not in file.read_bytes()
            assert b"/home/" not in file.read_bytes()
    assert (kit / "card.md").read_bytes() == (firmware_bundle / "card.md").read_bytes()
    assert "Apache License" in (kit / "LICENSE.txt").read_text()


def test_cmake_builds_it_and_its_test_passes(kit, tmp_path):
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    steps = (["cmake", "-S", kit, "-B", tmp_path], ["cmake", "--build", tmp_path], ["ctest", "--test-dir", tmp_path])
    for step in steps:
        ran = subprocess.run(step, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "100% tests passed" in ran.stdout


def test_a_bundle_below_its_floor_makes_no_kit(firmware_bundle, tmp_path):
    path = shutil.copytree(firmware_bundle, tmp_path / "failing")
    (path / "recipe.toml").write_text(open_bundle(path).recipe.model_copy(update={"min_snr_db": 199.0}).to_toml())
    write_sums(path)
    with pytest.raises(ParityFailed, match="below the recipe's floor of 199 dB: no kit"):
        make_kit(path, "c", tmp_path / "kit")
    assert not (tmp_path / "kit").exists()


def test_a_kit_is_replaced_only_when_asked(edgeacc, firmware_bundle, tmp_path):
    arguments = ("kit", firmware_bundle, "--platform", "c", "-o", tmp_path / "kit")
    assert edgeacc(*arguments).code == 0
    (tmp_path / "kit" / "old.txt").write_text("mine")
    refused = edgeacc(*arguments)
    assert (refused.code, "exists already" in refused.err) == (2, True)
    assert edgeacc(*arguments, "--force").code == 0
    assert not (tmp_path / "kit" / "old.txt").exists()


def test_what_makes_no_kit(firmware_bundle, onnx_bundle, tampered_bundle, tmp_path):
    for arguments, said in (
        ((firmware_bundle, "tizen"), "unknown platform 'tizen'"),
        ((onnx_bundle, "c"), "is for onnx: a kit for c cannot run it"),
        ((tampered_bundle, "c"), "card.md: changed since"),
        ((tmp_path / "none", "c"), "none"),
    ):
        with pytest.raises(BadInput, match=re.escape(said)):
            make_kit(*arguments, tmp_path / "kit")
    assert list(tmp_path.glob("*kit*")) == []
