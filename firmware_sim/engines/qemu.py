"""QEMU's emulated boards: M4, M7, M33 and M55, each instruction counted by a plugin of ours."""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edgeacc.errors import NotPossibleHere
from edgeacc.export.firmware.builds import cached_build, require_program
from edgeacc.firmware_sim.boards import BOARDS, Board, board_of
from edgeacc.firmware_sim.counts import EngineRun
from edgeacc.firmware_sim.engines.blocks import Block
from edgeacc.firmware_sim.engines.engine import (
    TIMEOUT_S,
    Program,
    decode_result,
    encode_job,
    require_fits,
    require_inputs,
    timed_out,
)
from edgeacc.firmware_sim.engines.image import Image, read_image
from edgeacc.firmware_sim.engines.layers import layer_runs, summed

_PROGRAM, _PACKAGE = "qemu-system-arm", "qemu-system-arm"
_PLUGIN = Path(__file__).with_name("count_blocks.c")
_SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
"""No process and no privilege for a firmware, which semihosting could ask for; where QEMU was built with seccomp."""
_FIRST_WITH_VERSION_2 = 9
"""QEMU before 9 offers version 1 of the plugin interface; later ones ask for 2 at least. Tried: 7.2."""


@dataclass(frozen=True)
class Qemu:
    """Runs images in QEMU's system emulation; `timeout_s` bounds one run."""

    timeout_s: float = TIMEOUT_S
    name: str = "qemu"
    cores: tuple[str, ...] = tuple(BOARDS)

    def version(self) -> str:
        """As QEMU tells it.

        Raises:
            NotPossibleHere: not installed.
        """
        return qemu_version(require_program(_PROGRAM, _PACKAGE))

    def run(self, core: str, image: Path, program: Program, inputs: Sequence[bytes]) -> EngineRun:
        """See `Engine.run`."""
        board = board_of(core)
        require_inputs(program, inputs)
        read = read_image(image, board)
        require_fits(board, program, read.ram_used)
        version = self.version()
        where = f"{self.name} {core}"
        with tempfile.TemporaryDirectory(prefix="edgeacc-qemu-") as folder:
            here = Path(folder)
            (here / "blob.bin").write_bytes(program.blob)
            (here / "job.bin").write_bytes(encode_job(program, inputs))
            (here / "code.bin").write_bytes(read.code.content)
            plugin = _plugin(version, read, len(program.layers))
            code = self._execute(_command(board, image.resolve(), plugin), here, where)
            result_file = here / "result.bin"
            content = result_file.read_bytes() if result_file.exists() else b""
            result = decode_result(content, code, program, len(inputs), where)
            with (here / "counts.txt").open() as stream:
                counts = [read.code.count(blocks) for blocks in layers_of(stream)]
        layers = layer_runs(program, counts, where)
        return EngineRun(core, self.name, version, result.outputs, layers, summed(layers), result.stack_bytes)

    def _execute(self, command: Sequence[str], folder: Path, where: str) -> int:
        """The exit code.

        Raises:
            NotPossibleHere: it did not end in time, or QEMU itself failed.
        """
        try:
            ran = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=self.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise timed_out(self.timeout_s, where) from error
        if not (folder / "counts.txt").exists():
            raise NotPossibleHere(f"QEMU did not start ({where}): {ran.stderr.strip()[:200]}")
        return ran.returncode


def _command(board: Board, image: Path, plugin: str) -> list[str]:
    return [
        *(_PROGRAM, "-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none"),
        *("-semihosting-config", "enable=on,target=native", "-icount", "shift=0"),
        *(("-sandbox", _SANDBOX) if _has_sandbox() else ()),
        *("-kernel", str(image)),
        *("-device", f"loader,file=blob.bin,addr={board.blob.origin:#x},force-raw=on"),
        *("-plugin", plugin),
    ]


def _plugin(version: str, image: Image, layers: int) -> str:
    markers = f"begin={image.begin:#x},end={image.end:#x},layers={layers}"
    return f"{plugin_of(version)},{markers},code=code.bin,origin={image.code.origin:#x},out=counts.txt"


def plugin_of(version: str) -> Path:
    """Our plugin for this version of QEMU, from the cache or built now.

    Raises:
        NotPossibleHere: no compiler of this machine.
    """
    interface = 1 if int(version.split(".")[0]) < _FIRST_WITH_VERSION_2 else 2
    arguments = ("-O2", "-shared", "-fPIC", f"-DPLUGIN_VERSION={interface}")
    return cached_build("cc", "gcc", arguments, [_PLUGIN], "count_blocks.so")


def layers_of(lines: Iterator[str]) -> Iterator[list[Block]]:
    """The executed blocks of each layer, of what the plugin wrote."""
    blocks: list[Block] | None = None
    for line in lines:
        if line.startswith("layer"):
            if blocks is not None:
                yield blocks
            blocks = []
        elif blocks is not None:
            blocks.append(Block(*map(int, line.split())))
    if blocks is not None:
        yield blocks


@lru_cache
def _has_sandbox() -> bool:
    help_ = subprocess.run([_PROGRAM, "-help"], capture_output=True, text=True, timeout=60, check=False)
    return "-sandbox" in help_.stdout


@lru_cache
def qemu_version(program: str) -> str:
    """As a program of QEMU tells it.

    Raises:
        NotPossibleHere: it does not.
    """
    told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"version (\d+\.\d+(?:\.\d+)?)", told)
    if found is None:
        raise NotPossibleHere(f"{program} does not tell its version")
    return found[1]
