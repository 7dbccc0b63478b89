"""QEMU's user emulation of A64: the runtime in plain C with NEON by the compiler, for application processors."""

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeacc.errors import BadInput, NotPossibleHere, unknown
from edgeacc.export.firmware.builds import require_program, zig_program
from edgeacc.firmware_sim.counts import EngineRun
from edgeacc.firmware_sim.engines.blocks import Code
from edgeacc.firmware_sim.engines.engine import (
    TIMEOUT_S,
    Program,
    decode_result,
    encode_job,
    require_inputs,
    timed_out,
)
from edgeacc.firmware_sim.engines.image import BEGIN, END, opened_elf
from edgeacc.firmware_sim.engines.layers import layer_runs, summed
from edgeacc.firmware_sim.engines.opcodes_a64 import decode_a64
from edgeacc.firmware_sim.engines.qemu import layers_of, plugin_of, qemu_version

_PROGRAM, _PACKAGE = "qemu-aarch64", "qemu-user"
CORE = "a53"


@dataclass(frozen=True)
class A64:
    """Runs `firmware.build.a64_image` as a program of Linux; an estimate: no caches, no second instruction a cycle."""

    timeout_s: float = TIMEOUT_S
    name: str = "qemu-aarch64"
    cores: tuple[str, ...] = (CORE,)

    def version(self) -> str:
        """As QEMU tells it.

        Raises:
            NotPossibleHere: QEMU's user emulation or ziglang, which builds the image, is not installed.
        """
        told = qemu_version(require_program(_PROGRAM, _PACKAGE))
        zig_program()
        return told

    def run(self, core: str, image: Path, program: Program, inputs: Sequence[bytes]) -> EngineRun:
        """See `Engine.run`; the stack is not measured."""
        if core not in self.cores:
            raise unknown("core", core, list(self.cores))
        require_inputs(program, inputs)
        version, where = self.version(), f"{self.name} {core}"
        code, begin, end = _read(image)
        with tempfile.TemporaryDirectory(prefix="edgeacc-a64-") as folder:
            here = Path(folder)
            (here / "blob.bin").write_bytes(program.blob)
            (here / "job.bin").write_bytes(encode_job(program, inputs))
            (here / "code.bin").write_bytes(code.content)
            plugin = f"{plugin_of(version)},begin={begin:#x},end={end:#x},layers={len(program.layers)},width=4"
            command = [_PROGRAM, "-plugin", f"{plugin},code=code.bin,origin={code.origin:#x},out=counts.txt"]
            try:
                ran = subprocess.run(
                    [*command, str(image.resolve())],
                    cwd=here,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=self.timeout_s,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise timed_out(self.timeout_s, where) from error
            if not (here / "counts.txt").exists():
                raise NotPossibleHere(f"QEMU did not start ({where}): {ran.stderr.decode(errors='replace')[:200]}")
            file = here / "result.bin"
            content = file.read_bytes() if file.exists() else b""
            result = decode_result(content, ran.returncode, program, len(inputs), where)
            with (here / "counts.txt").open() as stream:
                counts = [code.count(blocks) for blocks in layers_of(stream)]
        layers = layer_runs(program, counts, where)
        return EngineRun(core, self.name, version, result.outputs, layers, summed(layers))


def _read(image: Path) -> tuple[Code, int, int]:
    """The code, and where a layer begins and ends.

    Raises:
        BadInput: no image of A64.
        NotPossibleHere: pyelftools is not installed.
    """
    with opened_elf(image) as elf:
        if elf["e_machine"] != "EM_AARCH64":
            raise BadInput(f"{image} is an image for another core", valid=f"one for {CORE}")
        symbols = {each.name: each["st_value"] for each in elf.get_section_by_name(".symtab").iter_symbols()}
        text = elf.get_section_by_name(".text")
        return Code(text.data(), text["sh_addr"], decode_a64), symbols[BEGIN], symbols[END]
