"""The same C on this machine, through the system's compiler: outputs, without counts."""

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edgeacc.errors import unknown
from edgeacc.export.firmware.builds import require_program
from edgeacc.firmware_sim.counts import EngineRun
from edgeacc.firmware_sim.engines.engine import (
    TIMEOUT_S,
    Program,
    decode_result,
    encode_job,
    require_inputs,
    timed_out,
)


@dataclass(frozen=True)
class Host:
    """Runs images of the core `host` as programs; `timeout_s` bounds one run."""

    timeout_s: float = TIMEOUT_S
    name: str = "host"
    cores: tuple[str, ...] = ("host",)

    def version(self) -> str:
        """The compiler's first line.

        Raises:
            NotPossibleHere: no compiler.
        """
        return _version(require_program("cc", "gcc"))

    def run(self, core: str, image: Path, program: Program, inputs: Sequence[bytes]) -> EngineRun:
        """See `Engine.run`; an image is what `firmware.build.host_image` gives, and there are no counts."""
        if core not in self.cores:
            raise unknown("core", core, list(self.cores))
        require_inputs(program, inputs)
        version = self.version()
        where = f"{self.name} {core}"
        with tempfile.TemporaryDirectory(prefix="edgeacc-host-") as folder:
            here = Path(folder)
            (here / "blob.bin").write_bytes(program.blob)
            (here / "job.bin").write_bytes(encode_job(program, inputs))
            command = [str(image.resolve()), "blob.bin", "job.bin", "result.bin"]
            try:
                ran = subprocess.run(command, cwd=here, capture_output=True, timeout=self.timeout_s, check=False)
            except subprocess.TimeoutExpired as error:
                raise timed_out(self.timeout_s, where) from error
            result_file = here / "result.bin"
            content = result_file.read_bytes() if result_file.exists() else b""
            result = decode_result(content, ran.returncode, program, len(inputs), where)
        return EngineRun(core, self.name, version, result.outputs)


@lru_cache
def _version(compiler: str) -> str:
    told = subprocess.run([compiler, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    return told.splitlines()[0] if told else compiler
