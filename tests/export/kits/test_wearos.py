"""The Wear OS kit: what can be compiled is compiled, what can be run is run, the rest is held to its rules."""

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.sums import check_sums
from edgeacc.errors import BadInput
from edgeacc.export.firmware.exporter import FirmwareExporter
from edgeacc.export.kits.kit import make_kit
from edgeacc.export.kits.wearos.checks import problems

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
FREESTANDING = HERE.parents[2] / "firmware_sim/firmware/freestanding"
CPP = "engine-c/src/main/cpp"
ANDROID = {
    "armeabi-v7a": ("-target", "arm-linux-androideabi", "-mcpu=cortex_a7"),
    "arm64-v8a": ("-target", "aarch64-linux-android"),
    "x86_64": ("-target", "x86_64-linux-android"),
}
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Wstrict-prototypes", "-Werror")
CAPTURE = "capture/src/main/java/edgeacc/capture/CaptureService.java"
MANIFEST = "capture/src/main/AndroidManifest.xml"


@pytest.fixture(scope="module")
def kit(firmware_bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("wearos") / "kit"
    make_kit(firmware_bundle, "wearos", path)
    return path


@pytest.fixture(scope="module")
def litert_kit(tflite_bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("wearos") / "litert"
    make_kit(tflite_bundle, "wearos", path)
    return path


@pytest.fixture(scope="module")
def executorch_kit(executorch_bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("wearos") / "executorch"
    make_kit(executorch_bundle, "wearos", path, only_64_bit=True)
    return path


def ran(command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sources(*folders):
    return sorted(file for folder in folders for file in folder.rglob("*.java"))


def c_sources(kit, *more):
    include = [f"-I{kit / CPP / 'edgeacc' / part}" for part in ("", "runtime", "signal")]
    return [*include, *sorted((kit / CPP / "edgeacc").rglob("*.c")), *more]


@pytest.fixture(scope="module")
def classes(kit, javac, tmp_path_factory):
    """The core with its numbers, and the engine's part that knows no Android."""
    to = tmp_path_factory.mktemp("classes")
    own = [
        *sources(kit / "core"),
        kit / "engine-c/src/main/java/edgeacc/engine/CEncoder.java",
        HERE / "streams/Embed.java",
    ]
    ran([*javac, to, *own, HERE / "streams/Problems.java"])
    shutil.copytree(kit / "core/src/main/resources", to, dirs_exist_ok=True)
    return to


@pytest.fixture(scope="module")
def jni_library(kit, tmp_path_factory):
    """The engine's library for this machine, as an app would load it."""
    java_home = Path(shutil.which("javac")).resolve().parents[1]
    headers = [f"-I{java_home / 'include'}", f"-I{java_home / 'include/linux'}"]
    folder = tmp_path_factory.mktemp("library")
    flags = (*WARNINGS, "-O2", "-fPIC", "-shared")
    ran(["cc", *flags, *headers, *c_sources(kit, kit / CPP / "edgeacc_jni.c"), "-o", folder / "libedgeacc.so"])
    return folder


def test_the_signal_codes_self_test_passes_on_a_jvm(classes):
    assert ran(["java", "-cp", classes, "edgeacc.core.SelfTestMain"]).startswith("self-test passed: window USE")


@pytest.mark.parametrize("place", [100, 3840 * 12 + 4000])
def test_a_damaged_golden_window_fails_it(classes, tmp_path, place):
    damaged = shutil.copytree(classes, tmp_path / "classes")
    golden = damaged / "edgeacc/golden.bin"
    content = bytearray(golden.read_bytes())
    content[place : place + 4] = np.array([0.5], ">f4").tobytes()
    golden.write_bytes(content)
    done = subprocess.run(
        ["java", "-cp", damaged, "edgeacc.core.SelfTestMain"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout[:17]) == (1, "self-test FAILED:")


def embedded(classes, library, scores_BCT):
    command = ["java", "-Xcheck:jni", f"-Djava.library.path={library}", "-cp", classes, "Embed"]
    done = subprocess.run(command, input=scores_BCT.astype(">f4").tobytes(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    said = done.stderr.decode()
    return np.frombuffer(done.stdout, ">f4").reshape(len(scores_BCT), -1), said


def test_the_encoder_in_c_through_jni_gives_pythons_embeddings(classes, jni_library, firmware_bundle):
    bundle = open_bundle(firmware_bundle)
    scores_BCT = bundle.golden().acc_BCT[:8]
    z_BD, said = embedded(classes, jni_library, scores_BCT)
    assert "self-test passed" in said
    with pytest.raises(AssertionError, match="ENCODER_FAILED: a window of 3840 samples, or not all of them numbers"):
        embedded(classes, jni_library, np.full_like(scores_BCT[:1], np.nan))
    session = FirmwareExporter().load(bundle.model)
    np.testing.assert_array_equal(z_BD, np.concatenate([session(scores_CT[None])[0] for scores_CT in scores_BCT]))


def test_every_problem_is_told_and_nothing_is_embedded(classes):
    """A sensor that stops, time that runs backwards, a wrong rate, no number, no model, no wrist, no such rate."""
    assert ran(["java", "-cp", classes, "Problems"]).split() == [
        "NO_MODEL",
        "NO_FRAME",
        "RATE_UNSUPPORTED",
        "SELF_TEST_FAILED",
        "NOT_A_NUMBER",
        "TIME_BACKWARDS",
        "TIME_BACKWARDS",
        "GAP",
        "SENSOR_STOPPED",
        "RATE_OFF",
        "ENCODER_FAILED",
        "embeddings:0",
        "embeddings:1",
        "nearest:52.0",
        "measured:100.0",
        "wall:1000500",
    ]


def test_the_android_modules_are_sound_java(kit, litert_kit, executorch_kit, javac, android_signatures, tmp_path):
    quiet = [word for word in javac if word != "-Xlint:all"]  # the signatures' own warnings
    for each in (kit, litert_kit, executorch_kit):
        to = tmp_path / each.name
        ran([*quiet, to, *sources(each, android_signatures)])
        assert (to / "edgeacc/app/MainActivity.class").exists()


@pytest.mark.parametrize("abi", ANDROID)
def test_the_c_compiles_for_android(kit, zig, abi, tmp_path):
    flags = (*WARNINGS, "-O2", "-fPIC", "-ffreestanding", f"-I{FREESTANDING}", "-r", "-nostdlib")
    ran([*zig, *ANDROID[abi], *flags, *c_sources(kit), "-o", tmp_path / "all.o"])
    kind = {"armeabi-v7a": 40, "arm64-v8a": 183, "x86_64": 62}[abi]  # e_machine of "ELF for the ... architecture"
    assert (tmp_path / "all.o").read_bytes()[18] == kind


@pytest.mark.parametrize("emulator", ["qemu-arm", "qemu-aarch64"])
def test_the_c_passes_its_self_test_on_emulated_arm(kit, zig, emulator, tmp_path):
    if shutil.which(emulator) is None:
        pytest.skip(f"{emulator} is not installed: apt-get install qemu-user")
    if emulator == "qemu-arm" and shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed: apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi")
    armv7 = ("arm-none-eabi-gcc", "-march=armv7-a+neon-vfpv4", "-mfloat-abi=hard", "-mthumb")
    armv8 = (*zig, "-target", "aarch64-freestanding", "-fsanitize=undefined", "-fsanitize-trap=undefined")
    compiler = armv7 if emulator == "qemu-arm" else armv8
    own = [FREESTANDING.parent / "memory.c", HERE / "streams/arm_linux.c"]
    flags = ("-std=c99", "-O2", "-nostdlib", "-static", "-ffreestanding", f"-I{FREESTANDING}", "-Wl,-e,_start")
    library = ["-lgcc"] if emulator == "qemu-arm" else []
    ran([*compiler, *flags, *c_sources(kit, *own), "-o", tmp_path / "test", *library])
    ran([emulator, tmp_path / "test"])
    damaged = bytearray((tmp_path / "test").read_bytes())
    scores = np.ascontiguousarray(golden_scores(kit)[0, :8], "<f4").tobytes()
    place = damaged.index(scores)
    damaged[place : place + 4] = np.array([9.0], "<f4").tobytes()
    (tmp_path / "test").write_bytes(damaged)
    assert subprocess.run([emulator, tmp_path / "test"], timeout=120).returncode == 1


def golden_scores(kit):
    text = (kit / CPP / "edgeacc/golden.c").read_text().partition("const float golden_scores")[2].partition("};")[0]
    values = re.findall(r"(-?[\d.e+-]+)f", text.partition("{")[2])
    return np.array(values, float).reshape(3, -1)


def test_every_abi_of_the_kit_is_compiled_here(kit):
    listed = re.search(r"abiFilters \+= listOf\((.*)\)", (kit / "engine-c/build.gradle.kts").read_text())[1]
    assert set(re.findall(r'"([^"]+)"', listed)) == set(ANDROID)


def test_a_kit_holds_to_the_rules(kit, litert_kit, executorch_kit):
    for each in (kit, litert_kit, executorch_kit):
        assert problems(each) == []
        check_sums(each)
        for file in each.rglob("*.xml"):
            ET.parse(file)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (CAPTURE, "_US = 5_000", "_US = 2_500", "above 200 Hz"),
        (
            "capture/src/main/java/edgeacc/capture/CaptureService.java",
            "periodUs,",
            "SENSOR_DELAY_GAME,",
            "tells no rate",
        ),
        (
            "capture/src/main/AndroidManifest.xml",
            "FOREGROUND_SERVICE_HEALTH",
            "FOREGROUND_SERVICE_TYPE",
            "target SDK 36",
        ),
        (MANIFEST, "WAKE_LOCK", "HIGH_SAMPLING_RATE_SENSORS", "no kit needs more"),
        (MANIFEST, 'Type="health"', 'Type="dataSync"', "no foreground service of type"),
        ("engine-c/build.gradle.kts", '"armeabi-v7a", ', "", "no library for armeabi-v7a"),
        ("engine-c/src/main/cpp/CMakeLists.txt", "16384", "4096", "not linked with"),
    ],
)
def test_a_rule_that_is_broken_is_told(kit, tmp_path, file, old, new, said):
    broken = shutil.copytree(kit, tmp_path / "kit")
    text = (broken / file).read_text()
    assert old in text
    (broken / file).write_text(text.replace(old, new))
    (problem,) = problems(broken)
    assert said in problem


def test_each_kit_holds_one_engine_and_its_texts_name_it(kit, litert_kit, tflite_bundle):
    assert not (kit / "engine-litert").exists()
    assert not (litert_kit / "engine-c").exists()
    assert 'include(":core", ":capture", ":engine-litert", ":app")' in (litert_kit / "settings.gradle.kts").read_text()
    model = litert_kit / "engine-litert/src/main/assets/encoder.tflite"
    assert model.read_bytes() == open_bundle(tflite_bundle).model.read_bytes()
    assert "edgeacc_jni.c" in (kit / "VERIFY.md").read_text()
    assert "edgeacc_jni.c" not in (litert_kit / "VERIFY.md").read_text()
    assert not list(kit.rglob("*.jinja"))


def test_executorch_is_for_those_alone_who_leave_32_bit_watches_out(executorch_bundle, executorch_kit, kit, tmp_path):
    with pytest.raises(BadInput, match="has no library for watches with 32-bit user space") as refused:
        make_kit(executorch_bundle, "wearos", tmp_path / "kit")
    assert "the target firmware or tflite; or --only-64-bit" in refused.value.valid
    gradle = "engine-executorch/build.gradle.kts"
    assert 'abiFilters += listOf("arm64-v8a", "x86_64")' in (executorch_kit / gradle).read_text()
    model = executorch_kit / "engine-executorch/src/main/assets/encoder.pte"
    assert model.read_bytes() == open_bundle(executorch_bundle).model.read_bytes()
    broken = shutil.copytree(executorch_kit, tmp_path / "broken")
    (broken / gradle).write_text((broken / gradle).read_text().replace('"arm64-v8a"', '"arm64-v8a", "armeabi-v7a"'))
    assert problems(broken) == ["ExecuTorch has no library for armeabi-v7a"]


def test_the_runtime_is_the_version_that_wrote_the_model(executorch_kit):
    pinned = re.search(
        r"executorch-android:([\d.]+)", (executorch_kit / "engine-executorch/build.gradle.kts").read_text()
    )
    assert version("executorch").split("+")[0] == pinned[1]


def test_what_runs_on_all_watches_leaves_none_out(firmware_bundle, tmp_path):
    with pytest.raises(BadInput, match="runs on all"):
        make_kit(firmware_bundle, "wearos", tmp_path / "kit", only_64_bit=True)


def test_it_is_made_the_same_in_every_byte(firmware_bundle, kit, tmp_path):
    make_kit(firmware_bundle, "wearos", tmp_path / "again")
    assert (tmp_path / "again/SHA256SUMS").read_bytes() == (kit / "SHA256SUMS").read_bytes()
    for file in kit.rglob("*"):
        assert not file.is_file() or str(tmp_path.parent).encode() not in file.read_bytes()


def test_a_bundle_of_another_target_is_refused(onnx_bundle, tmp_path):
    with pytest.raises(BadInput, match="is for onnx: a kit for wearos cannot run it") as refused:
        make_kit(onnx_bundle, "wearos", tmp_path / "kit")
    assert refused.value.valid == "a bundle of the target firmware or tflite"
