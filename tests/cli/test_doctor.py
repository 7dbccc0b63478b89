"""What the machine can do, told from package metadata."""

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path

import pytest

from edgeacc.cli.doctor_checks import FORMATS_PACKAGES
from edgeacc.export.registry import TARGETS

ROOT = Path(__file__).parent.parent.parent
REAL_VERSION = importlib.metadata.version


@pytest.fixture
def without(monkeypatch):
    """Makes distributions look as if they were not installed, or installed in another version."""

    def pretend(**versions):
        def version(name):
            if name in versions and versions[name] is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return versions.get(name) or REAL_VERSION(name)

        monkeypatch.setattr("edgeacc.export.registry.version", version)

    return pretend


def states(ran):
    return {state["target"]: state for state in json.loads(ran.out)["targets"]}


def test_each_target_has_a_row_and_the_machine_is_described(edgeacc):
    ran = edgeacc("doctor", "--json")
    assert ran.code == 0
    assert list(states(ran)) == list(TARGETS)
    machine = json.loads(ran.out)["machine"]
    assert machine["cores"] >= 1
    assert machine["torch"].startswith("2.")
    assert "memory [GiB]" in edgeacc("doctor").out


def test_a_missing_package_is_named_with_the_command_that_brings_it(edgeacc, without):
    without(coremltools=None)
    ran = edgeacc("doctor", "--target", "coreml", "--json")
    assert ran.code == 1
    assert states(ran) == {
        "coreml": {
            "target": "coreml",
            "can_export": False,
            "can_run": False,
            "can_verify": "no",
            "reason": "not installed: coremltools",
            "fix": "pip install 'edgeacc[coreml]' -c constraints.txt",
        }
    }
    assert "next: pip install 'edgeacc[coreml]' -c constraints.txt" in edgeacc("doctor", "--target", "coreml").out


def test_a_runtime_without_its_converter_can_verify_but_not_export(edgeacc, without):
    without(**{"litert-torch": None})
    ran = edgeacc("doctor", "--target", "tflite", "--json")
    state = states(ran)["tflite"]
    assert (ran.code, state["can_export"], state["can_run"], state["can_verify"]) == (1, False, True, "executed")


def test_what_was_not_asked_for_does_not_fail(edgeacc, without):
    without(coremltools=None)
    assert edgeacc("doctor").code == 0


def test_what_reads_recordings_is_told_too(edgeacc, without):
    ran = edgeacc("doctor")
    assert "fastavro" in ran.out
    assert "h5py" in ran.out
    without(h5py=None)
    formats = json.loads(edgeacc("doctor", "--json").out)["formats"]
    assert formats["packages"]["h5py"] is None
    assert formats["fix"] == "pip install 'edgeacc[formats]' -c constraints.txt"
    ran = edgeacc("doctor")
    assert ran.code == 0
    assert "not installed" in ran.out
    assert ran.out.endswith("next: pip install 'edgeacc[formats]' -c constraints.txt\n")


def test_the_packages_that_read_recordings_are_those_of_the_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {re.split(r"\W", requirement)[0] for requirement in extras["formats"]} == set(FORMATS_PACKAGES)


def test_another_version_than_the_proven_one_is_told(edgeacc, without):
    without(coremltools="8.3.0")
    state = states(edgeacc("doctor", "--json"))["coreml"]
    assert "coremltools 8.3.0, not 9.0" in state["reason"]
    assert state["can_export"]
    assert "edgeacc[coreml]" in state["fix"]


def test_each_engine_has_a_row_with_what_brings_it(edgeacc, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    engines = {each["engine"]: each for each in json.loads(edgeacc("doctor", "--json").out)["engines"]}
    assert list(engines) == ["qemu", "unicorn", "qemu-aarch64", "host"]
    assert engines["qemu"]["cores"] == ["m4", "m7", "m33", "m55"]
    assert engines["qemu"]["version"] is None
    assert engines["qemu"]["fix"] == "apt-get install qemu-system-arm"
    assert engines["host"]["fix"] == "apt-get install gcc"
    assert "apt-get install qemu-system-arm" in edgeacc("doctor").out
