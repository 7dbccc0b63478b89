"""Engines: each runs a firmware image on one core and tells what was executed and what came out."""

from edgeacc.errors import NotPossibleHere, unknown
from edgeacc.firmware_sim.boards import BOARDS
from edgeacc.firmware_sim.engines.a64 import A64
from edgeacc.firmware_sim.engines.engine import Engine
from edgeacc.firmware_sim.engines.host import Host
from edgeacc.firmware_sim.engines.qemu import Qemu
from edgeacc.firmware_sim.engines.unicorn import Unicorn

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (Qemu(), Unicorn(), A64(), Host())}
"""By name; of those that have a core, the first that is installed runs it."""


def engine_for(core: str) -> Engine:
    """The engine that runs a core here.

    Raises:
        BadInput: no such core.
        NotPossibleHere: none that has this core is installed; it says what each lacks.
    """
    having = [engine for engine in ENGINES.values() if core in engine.cores]
    if not having:
        raise unknown("core", core, ["host", *A64().cores, *BOARDS])
    lacking: list[NotPossibleHere] = []
    for engine in having:
        try:
            engine.version()
        except NotPossibleHere as error:
            lacking.append(error)
        else:
            return engine
    raise NotPossibleHere(
        f"nothing here runs firmware of the {core}: {'; '.join(each.problem for each in lacking)}",
        next_command=lacking[0].next_command,
    )
