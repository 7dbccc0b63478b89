"""What the demo needs of the machine, checked before it begins."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psutil

from edgeacc.cli.demo_journal import JOURNAL
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.files import refuse_existing

MEMORY_BYTES = 4 * 2**30
DISK_BYTES = 1 * 2**30


def check_machine(
    folder: Path,
    memory: Callable[[], int] = lambda: psutil.virtual_memory().available,
    disk: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
) -> None:
    """Refuse at once what would fail after minutes.

    Raises:
        BadInput: `folder` is something else.
        NotPossibleHere: it cannot be written, or too little free memory or disk space (both are told).
    """
    if folder.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise BadInput(
            f"{folder} is the folder that you are in, or holds it; the demo makes one of its own",
            valid="a folder to be made",
            next_command="edgeacc demo -o edgeacc-demo",
        )
    refuse_existing(folder / JOURNAL, force=True)
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    needs = (("memory", memory(), MEMORY_BYTES), (f"space on the disk of {there}", disk(there), DISK_BYTES))
    short = [f"{free / 2**30:.1f} GiB of {what} free" for what, free, needed in needs if free < needed]
    if short:
        needed = f"{MEMORY_BYTES / 2**30:.0f} GiB of memory and {DISK_BYTES / 2**30:.0f} GiB of disk space"
        raise NotPossibleHere(f"too little for the demo: {'; '.join(short)}", valid=needed)
