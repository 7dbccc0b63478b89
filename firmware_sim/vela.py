"""Arm's Vela on the same .tflite: an estimate of what an Ethos-U does of it, and what is left to the core beside it."""

import csv
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgeacc.errors import NotPossibleHere
from edgeacc.firmware_sim.band import Band

TIMEOUT_S = 120.0
"""Vela takes a second for our students; our choice."""
SYSTEMS = {"ethos-u55": "Ethos_U55_Deep_Embedded", "ethos-u85": "Ethos_U85_SYS_Flash_Low"}
"""The smallest systems of Vela's own `Arm/vela.ini`: 200 MHz, SRAM for activations, flash for weights."""


@dataclass(frozen=True)
class VelaEstimate:
    """What Vela says of one model on one accelerator.

    Attributes:
        version: of Vela.
        cycles: of the accelerator, for one inference: low and typical as Vela overlaps computing and memory, high
            where nothing overlaps.
        sram_bytes: of activations, the core's too.
        flash_bytes: of weights and commands as Vela packs them.
        left: names of the tensors that the core computes, because the accelerator has no such operator.
    """

    version: str
    cycles: Band
    sram_bytes: int
    flash_bytes: int
    left: frozenset[str]


def vela_version() -> str:
    """Of the package.

    Raises:
        NotPossibleHere: not installed.
    """
    try:
        return version("ethos-u-vela")
    except PackageNotFoundError as error:
        raise NotPossibleHere(
            "ethos-u-vela is not installed", next_command="pip install 'edgeacc[npu]' -c constraints.txt"
        ) from error


def vela_estimate(model: Path, accelerator: str) -> VelaEstimate:
    """Compile a model for an accelerator and read Vela's estimate.

    Args:
        model: a static-int8 .tflite.
        accelerator: as Vela calls it, `ethos-u55-128`.

    Raises:
        NotPossibleHere: Vela is not installed, or cannot compile this model.
    """
    told = vela_version()
    with tempfile.TemporaryDirectory(prefix="edgeacc-vela-") as folder:
        command = [
            *(sys.executable, "-m", "ethosu.vela", str(model.resolve()), "--accelerator-config", accelerator),
            *("--config", "Arm/vela.ini", "--system-config", SYSTEMS[accelerator.rpartition("-")[0]]),
            *("--memory-mode", "Shared_Sram", "--output-dir", folder),
        ]
        try:
            ran = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotPossibleHere(f"Vela did not end within {TIMEOUT_S:g} s") from error
        summaries, models = list(Path(folder).glob("*_summary_*.csv")), list(Path(folder).glob("*_vela.tflite"))
        if ran.returncode != 0 or not summaries or not models:
            last = (ran.stderr.strip() or ran.stdout.strip()).splitlines()[-1:] or ["no word"]
            raise NotPossibleHere(f"Vela cannot compile the model for {accelerator}: {last[0][:200]}")
        with summaries[0].open(newline="") as stream:
            row = next(csv.DictReader(stream))
        return VelaEstimate(told, _cycles(row), _bytes(row, "sram"), _bytes(row, "flash"), _left(models[0]))


def _cycles(row: dict[str, str]) -> Band:
    whole = float(row["cycles_total"])
    apart = sum(float(value) for name, value in row.items() if name.startswith("cycles_") and name != "cycles_total")
    return Band(whole, whole, max(whole, apart))


def _bytes(row: dict[str, str], memory: str) -> int:
    """Vela tells KiB, by kind of memory."""
    return round(1024 * sum(float(v) for name, v in row.items() if name.endswith("memory_used") and memory in name))


def _left(model: Path) -> frozenset[str]:
    """The outputs of all operators that are no call of the accelerator."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(model.read_bytes()))
    graph = tree.subgraphs[0]
    custom = schema.BuiltinOperator.CUSTOM
    return frozenset(
        graph.tensors[number].name.decode()
        for operator in graph.operators
        if tree.operatorCodes[operator.opcodeIndex].builtinCode != custom
        for number in operator.outputs
    )
