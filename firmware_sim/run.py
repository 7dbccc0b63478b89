"""Run a compiled model on a core, with the images that edgeacc ships."""

from collections.abc import Sequence
from pathlib import Path

from edgeacc.export.firmware.compile import Compiled
from edgeacc.export.firmware.project import RUNTIME
from edgeacc.firmware_sim.counts import EngineRun
from edgeacc.firmware_sim.engines import engine_for
from edgeacc.firmware_sim.engines.a64 import CORE as A64_CORE
from edgeacc.firmware_sim.engines.engine import Engine, Layer, Program
from edgeacc.firmware_sim.firmware.build import a64_image, host_image
from edgeacc.firmware_sim.images import image_of


def program_of(compiled: Compiled) -> Program:
    """What engines need of a compiled model."""
    return Program(
        blob=compiled.blob,
        layers=tuple(Layer(each.index, each.operator, each.name, each.macs) for each in compiled.layers),
        arena_bytes=compiled.arena_bytes,
        input_bytes=sum(port.bytes for port in compiled.inputs),
        output_bytes=sum(port.bytes for port in compiled.outputs),
    )


def run_model(core: str, compiled: Compiled, inputs: Sequence[bytes], engine: Engine | None = None) -> EngineRun:
    """Run a model on each input.

    Args:
        core: `host`, `m4`, `m7`, `m33`, `m55` or `a53`.
        compiled: the model.
        inputs: int8 values of all inputs of each inference, one after another.
        engine: which one; the first that is installed where not given.

    Raises:
        BadInput: no such core, a model too large for the emulated board, inputs of another size.
        NotPossibleHere: no engine for this core is installed; it tells which packages bring one.
    """
    chosen = engine or engine_for(core)
    image: Path = host_image([RUNTIME]) if core == "host" else a64_image() if core == A64_CORE else image_of(core)
    return chosen.run(core, image, program_of(compiled), inputs)
