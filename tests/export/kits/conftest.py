"""Bundles of an untrained network with a probe that knows nothing, and what the kits' tests share."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.probe import Probe
from edgeacc.bundle.sums import write_sums
from edgeacc.compression.recipe import RECIPES
from edgeacc.export.registry import missing_packages

HERE = Path(__file__).parent


def with_probe(path):
    width = open_bundle(path).embedding_width
    random = np.random.default_rng(0)
    mean_D, weight_D = random.normal(size=(2, width)).astype(np.float32)
    std_D = random.uniform(0.5, 2, width).astype(np.float32)
    Probe(mean_D, std_D, weight_D, np.array([60], np.float32)).write(path / "probe.safetensors")
    write_sums(path)
    return path


def bundle_of(source, target, recipe, path):
    from edgeacc.export.pipeline import export_bundle

    if missing_packages(target, "convert"):
        pytest.skip(f"the extra for {target} is not installed")
    export_bundle(source, recipe, path)
    return path


@pytest.fixture(scope="session")
def firmware_bundle(tiny_source, tmp_path_factory):
    """Quantizes badly: its floor is 0 dB."""
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed: apt-get install gcc")
    untrained = RECIPES["firmware-w8a8"].model_copy(update={"min_snr_db": 0.0, "name": "firmware-w8a8-untrained"})
    return with_probe(bundle_of(tiny_source, "firmware", untrained, tmp_path_factory.mktemp("kit") / "bundle"))


@pytest.fixture(scope="session")
def tflite_bundle(tiny_source, tmp_path_factory):
    return bundle_of(tiny_source, "tflite", RECIPES["tflite-fp32"], tmp_path_factory.mktemp("kit") / "tflite-fp32")


@pytest.fixture(scope="session")
def executorch_bundle(tiny_source, tmp_path_factory):
    path = tmp_path_factory.mktemp("kit") / "executorch-fp32"
    return bundle_of(tiny_source, "executorch", RECIPES["executorch-fp32"], path)


@pytest.fixture(scope="session")
def coreml_bundle(tiny_source, tmp_path_factory):
    path = tmp_path_factory.mktemp("kit") / "coreml-fp16"
    return with_probe(bundle_of(tiny_source, "coreml", RECIPES["coreml-fp16"], path))


@pytest.fixture(scope="session")
def javac():
    if shutil.which("javac") is None:
        pytest.skip("javac is not installed: apt-get install openjdk-17-jdk-headless")
    return ("javac", "--release", "17", "-Xlint:all", "-Werror", "-d")


@pytest.fixture(scope="session")
def swift():
    """The command, of Swift's own toolchain: OpenStack has one of that name."""
    compiler = shutil.which("swiftc")
    if compiler is None:
        pytest.skip("no Swift toolchain: Debian 13 or later has it, apt-get install swiftlang")
    return Path(compiler).resolve().with_name("swift")


@pytest.fixture(scope="session")
def android_signatures(tmp_path_factory):
    return written("android_signatures.txt", tmp_path_factory.mktemp("android"))


@pytest.fixture(scope="session")
def apple_signatures(tmp_path_factory):
    return written("apple_signatures.txt", tmp_path_factory.mktemp("apple"))


def written(name, folder):
    """Sources of the foreign types that the kits use, written by hand: names and types alone."""
    for part in (HERE / name).read_text().split("=== ")[1:]:
        name, _, text = part.partition("\n")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="session")
def zig():
    """The start of a command that compiles C for any target."""
    if find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed: pip install 'edgeacc[simulate]'")
    return (sys.executable, "-m", "ziglang", "cc")
