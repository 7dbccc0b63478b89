"""What a Wear OS project must hold to, read from its own files."""

import re
from collections.abc import Iterator
from pathlib import Path

SHORTEST_PERIOD_US = 5_000
"""200 Hz: above it Android wants HIGH_SAMPLING_RATE_SENSORS, and Play a review (lint `HighSamplingRate`)."""
ABIS = ("armeabi-v7a", "arm64-v8a")
"""Watches in use run 32-bit user space (ExecuTorch issue 16405); Play wants 64-bit code besides."""
PAGE = "max-page-size=16384"
"""Play: 64-bit devices may have pages of 16 KB."""

_PERMISSIONS = (
    (28, "FOREGROUND_SERVICE"),
    (29, "ACTIVITY_RECOGNITION"),
    (33, "POST_NOTIFICATIONS"),
    (34, "FOREGROUND_SERVICE_HEALTH"),
)
"""The lowest target SDK that wants each, for a foreground service of type health (Android's own pages on the types)."""


def problems(project: Path) -> list[str]:
    """What is wrong with a Wear OS project, one line each."""
    return [*_rates(project), *_permissions(project), *_abis(project)]


def _rates(project: Path) -> Iterator[str]:
    for file in sorted(project.rglob("*.java")):
        text = file.read_text()
        for name, value in re.findall(r"(\w*PERIOD_US) = ([\d_]+);", text):
            if int(value) < SHORTEST_PERIOD_US:
                yield f"{file.relative_to(project)}: {name} of {value} us is above 200 Hz"
        if "SENSOR_DELAY_" in text:
            yield f"{file.relative_to(project)}: a sensor's delay by name, which tells no rate"


def _permissions(project: Path) -> Iterator[str]:
    target = int(_found(r"targetSdk = (\d+)", project / "app/build.gradle.kts"))
    manifests = "".join(file.read_text() for file in sorted(project.rglob("AndroidManifest.xml")))
    held = set(re.findall(r'<uses-permission android:name="android\.permission\.(\w+)"', manifests))
    for since, permission in _PERMISSIONS:
        if target >= since and permission not in held:
            yield f"target SDK {target} wants the permission {permission}"
    if "HIGH_SAMPLING_RATE_SENSORS" in held:
        yield "HIGH_SAMPLING_RATE_SENSORS is asked for: no kit needs more than 200 Hz"
    if 'foregroundServiceType="health"' not in manifests:
        yield "no foreground service of type health"


def _abis(project: Path) -> Iterator[str]:
    gradle = project / "engine-executorch/build.gradle.kts"
    if gradle.exists() and ABIS[0] in _found(r"abiFilters \+= listOf\(([^)]*)\)", gradle):
        yield f"ExecuTorch has no library for {ABIS[0]}"
    gradle = project / "engine-c/build.gradle.kts"
    if not gradle.exists():
        return
    listed = re.findall(r'"([^"]+)"', _found(r"abiFilters \+= listOf\(([^)]*)\)", gradle))
    yield from (f"no library for {abi}" for abi in ABIS if abi not in listed)
    if PAGE not in (project / "engine-c/src/main/cpp/CMakeLists.txt").read_text():
        yield f"the library is not linked with {PAGE}"


def _found(pattern: str, file: Path) -> str:
    match = re.search(pattern, file.read_text())
    return match[1] if match else "0"
