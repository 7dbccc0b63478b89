"""Runtimes that are in the field beside LiteRT, and in which a .tflite can be proven too, each in a process of its own.

`tflm`: TensorFlow Lite Micro (the nightly `tflite-micro`), for microcontrollers. `legacy-runtime`: tflite-runtime
2.14.0, the oldest in use; it needs NumPy 1, and so lies in a folder of its own, which `edgeacc doctor --legacy` fills.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeacc.errors import NotPossibleHere
from edgeacc.export.firmware.builds import cache_folder
from edgeacc.files import replacing

if TYPE_CHECKING:
    from edgeacc.export.exporter import Outputs

LEGACY_VERSION = "2.14.0"
LEGACY_PACKAGES = (f"tflite-runtime=={LEGACY_VERSION}", "numpy==1.26.4")
LEGACY_PYTHON = "3.11"
"""The newest Python that tflite-runtime 2.14.0 has a wheel for."""
BUILD_LEGACY = "edgeacc doctor --legacy"
_WORKER = Path(__file__).with_name("field_worker.py")
_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class FieldRuntime:
    """A runtime in which a .tflite can be run here, if it is installed.

    Attributes:
        name: as the option of `edgeacc export` without its dashes.
        module: that it is imported by.
        version: of what is installed; raises NotPossibleHere with the command that mends it.
        python: the interpreter that runs it.
        environment: variables by which that finds the runtime's packages.
    """

    name: str
    module: str
    version: Callable[[], str]
    python: Callable[[], str]
    environment: Callable[[], dict[str, str]]

    def run(self, model: Path, acc_BCT: NDArray[np.float32], outputs: int) -> "Outputs":
        """Run prepared windows (B, 3, T) one at a time: each of the `outputs` (B, ...), dequantized.

        Raises:
            NotPossibleHere: it is not installed, or it refuses the model, with its own last words.
        """
        self.version()
        with tempfile.TemporaryDirectory() as scratch:
            windows, results = Path(scratch) / "windows.npy", Path(scratch) / "results.npz"
            np.save(windows, acc_BCT)
            words = [self.python(), _WORKER, self.module, outputs, model, windows, results]
            ran = subprocess.run(
                list(map(str, words)),
                env={**os.environ, **self.environment()},
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
            if ran.returncode != 0:
                said = _own_words(ran.stderr) or [f"exit code {ran.returncode}"]
                raise NotPossibleHere(f"{self.name} does not run {model.name}: {' / '.join(said[-3:])}")
            with np.load(results) as arrays:
                return tuple(arrays[str(number)] for number in range(outputs))


def _own_words(stderr: str) -> list[str]:
    """What a runtime said, without the lines of Python's traceback around it."""
    return [line for line in stderr.splitlines() if line.strip() and not line.startswith((" ", "Traceback "))]


def build_legacy() -> Path:
    """Install tflite-runtime 2.14.0 into a folder of its own in the user's cache, unless it is there.

    Raises:
        NotPossibleHere: no Python that it has a wheel for, or pip failed: its last line is told.
    """
    folder = _legacy_folder()
    if folder.is_dir():
        return folder
    _legacy_python()
    with replacing(folder) as beside:
        wheels = ("--only-binary", ":all:", "--implementation", "cp", "--python-version", LEGACY_PYTHON)
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        ran = subprocess.run(
            [*pip, "--target", str(beside), *wheels, *LEGACY_PACKAGES],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
        if ran.returncode != 0:
            said = [line for line in ran.stderr.splitlines() if line.strip()] or ["no message"]
            raise NotPossibleHere(f"pip could not install {LEGACY_PACKAGES[0]}: {said[-1]}")
    return folder


def _legacy_folder() -> Path:
    return cache_folder() / f"tflite-runtime-{LEGACY_VERSION}"


def _legacy_python() -> str:
    if sys.version_info[:2] == tuple(map(int, LEGACY_PYTHON.split("."))):
        return sys.executable
    found = shutil.which(f"python{LEGACY_PYTHON}")
    if found is None:
        raise NotPossibleHere(
            f"tflite-runtime {LEGACY_VERSION} has no wheel for this Python, and python{LEGACY_PYTHON} is not installed",
            next_command=f"apt-get install python{LEGACY_PYTHON}",
        )
    return found


def _legacy_version() -> str:
    if not _legacy_folder().is_dir():
        raise NotPossibleHere(f"tflite-runtime {LEGACY_VERSION} is not installed", next_command=BUILD_LEGACY)
    _legacy_python()
    return LEGACY_VERSION


def _micro_version() -> str:
    try:
        return version("tflite-micro")
    except PackageNotFoundError as error:
        raise NotPossibleHere("tflite-micro is not installed", next_command="pip install 'edgeacc[tflm]'") from error


FIELD_RUNTIMES = {
    each.name: each
    for each in (
        FieldRuntime("tflm", "tflite_micro", _micro_version, lambda: sys.executable, dict),
        FieldRuntime(
            "legacy-runtime",
            "tflite_runtime",
            _legacy_version,
            _legacy_python,
            lambda: {"PYTHONPATH": str(_legacy_folder())},
        ),
    )
}
"""By name."""
