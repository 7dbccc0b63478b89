"""Firmware images that edgeacc ships, one per core: harness and runtime, any model; no compiler is needed to use them.

`python -m edgeacc.firmware_sim.firmware.build` makes them anew.
"""

from pathlib import Path

from edgeacc.firmware_sim.boards import board_of

FOLDER = Path(__file__).parent
BUILT_WITH = FOLDER / "built_with.txt"
"""The first line of the cross-compiler's version: the same compiler gives the same bytes."""


def image_of(core: str) -> Path:
    """The image of a core.

    Raises:
        BadInput: no such core.
    """
    return FOLDER / f"{board_of(core).core}.elf"
