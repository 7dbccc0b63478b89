"""Instructions per multiply-accumulate of the runtime's kernels, on emulated cores: plain C beside the core's own."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from edgeacc.errors import ParityFailed
from edgeacc.firmware_sim.engines.engine import Engine
from edgeacc.firmware_sim.engines.qemu import Qemu
from edgeacc.firmware_sim.firmware.build import build_image
from edgeacc.firmware_sim.firmware.cross import Gcc
from edgeacc.firmware_sim.firmware.kernels import ONE_KERNEL, Window, random_kernel
from edgeacc.progress import Progress, silent

CORES = ("m4", "m33", "m55")
LAYERS = {
    "pointwise, 64 to 64 channels, 96 places": (False, Window(1, 96, 64, 1, 96, 64, 1, 1)),
    "depthwise, 9 taps, 64 channels, 96 places": (True, Window(1, 96, 64, 1, 96, 64, 1, 9, pad_w=4)),
    "depthwise, 3 x 3 taps, 64 channels, 25 x 5 places": (True, Window(25, 5, 64, 25, 5, 64, 3, 3, pad_h=1, pad_w=1)),
    "convolution, 3 taps, 64 to 96 channels, 60 places": (False, Window(1, 60, 64, 1, 60, 96, 1, 3, pad_w=1)),
    "convolution, 3 x 3 taps, 16 to 32 channels, stride 2": (False, Window(16, 16, 16, 8, 8, 32, 3, 3, 2, 2)),
    "fully connected, 640 to 128": (False, Window(1, 1, 640, 1, 1, 128, 1, 1)),
}
"""The first two are the ones that the goals speak of."""
_POINTWISE, _DEPTHWISE = tuple(LAYERS)[:2]
GOALS = {
    (_POINTWISE, "m4"): 2.1,
    (_POINTWISE, "m33"): 2.1,
    (_POINTWISE, "m55"): 0.40,
    (_DEPTHWISE, "m4"): 5.5,
    (_DEPTHWISE, "m33"): 5.5,
    (_DEPTHWISE, "m55"): 1.6,
}
"""Instructions per multiply-accumulate, at most; set before the kernels were written."""
SEED = 0


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KernelRow(_Frozen):
    """One layer on one core.

    Attributes:
        core: `m4`, `m33` or `m55`.
        layer: its shape in words.
        macs: multiply-accumulates, those on zeros around the image too.
        plain_per_mac: instructions per multiply-accumulate of the body in plain C.
        tuned_per_mac: of the body for this core's SIMD or Helium.
        goal_per_mac: at most this; None where none was set.
    """

    core: str
    layer: str
    macs: int
    plain_per_mac: float
    tuned_per_mac: float
    goal_per_mac: float | None


class KernelsResult(_Frozen):
    """Exact counts, the same in every run with the same compiler.

    Attributes:
        date_utc: when.
        emulator: name and version.
        compiler: its first line.
        rows: layer by layer, core by core.
    """

    date_utc: str
    emulator: str
    compiler: str
    rows: tuple[KernelRow, ...]


def run_kernels_bench(progress: Progress = silent) -> KernelsResult:
    """Build an image for each core and run every layer in it.

    Raises:
        NotPossibleHere: no arm-none-eabi-gcc, of which the goals are, or no emulator here.
        ParityFailed: a tuned body gives other bytes than the plain one.
    """
    engine = Qemu()
    compiler, emulator = Gcc().version(), f"{engine.name} {engine.version()}"
    rows: list[KernelRow] = []
    with tempfile.TemporaryDirectory(prefix="edgeacc-kernels-") as folder:
        for core in CORES:
            image = Path(folder) / f"{core}.elf"
            build_image(core, ONE_KERNEL, image, Gcc())
            for layer in LAYERS:
                progress(len(rows), len(CORES) * len(LAYERS), f"{layer} on {core}")
                rows.append(_row(engine, core, image, layer))
    return KernelsResult(
        date_utc=datetime.now(UTC).isoformat(timespec="seconds"), emulator=emulator, compiler=compiler, rows=tuple(rows)
    )


def _row(engine: Engine, core: str, image: Path, layer: str) -> KernelRow:
    depthwise, window = LAYERS[layer]
    random = np.random.default_rng(SEED)
    program = random_kernel(window, random, depthwise=depthwise).program()
    given = random.integers(-128, 128, program.input_bytes).astype(np.int8).tobytes()
    run = engine.run(core, image, program, [given])
    half = program.output_bytes // 2
    if run.outputs[0][:half] != run.outputs[0][half:]:
        raise ParityFailed(f"{layer} on {core}: the tuned kernel gives other bytes than the plain one")
    plain, tuned = (each.counts.total / each.macs for each in run.layers)
    return KernelRow(
        core=core,
        layer=layer,
        macs=run.layers[0].macs,
        plain_per_mac=plain,
        tuned_per_mac=tuned,
        goal_per_mac=GOALS.get((layer, core)),
    )
