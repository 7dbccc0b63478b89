"""What the demo needs of the machine, checked before it begins."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psutil

from edgeacc.cli.demo_journal import JOURNAL
from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import NotPossibleHere
from edgeacc.export.registry import missing_packages, target_info
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
    refuse_existing(folder / JOURNAL, force=True)
    there = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    needs = (("memory", memory(), MEMORY_BYTES), (f"space on the disk of {there}", disk(there), DISK_BYTES))
    short = [f"{free / 2**30:.1f} GiB of {what} free" for what, free, needed in needs if free < needed]
    if short:
        needed = f"{MEMORY_BYTES / 2**30:.0f} GiB of memory and {DISK_BYTES / 2**30:.0f} GiB of disk space"
        raise NotPossibleHere(f"too little for the demo: {'; '.join(short)}", valid=needed)


def possible_recipes() -> dict[str, str]:
    """Recipe -> its target, of every shipped recipe whose target's packages are installed.

    Raises:
        NotPossibleHere: there is none.
    """
    missing = missing_recipes()
    possible = {name: recipe.target for name, recipe in RECIPES.items() if name not in missing}
    if not possible:
        raise NotPossibleHere("no target can be exported to here", next_command="pip install 'edgeacc[all]'")
    return possible


def missing_recipes() -> dict[str, str]:
    """Recipe -> why it is not possible here, with the command that mends it."""
    absent = {name: missing_packages(recipe.target, "convert") for name, recipe in RECIPES.items()}
    return {
        name: f"not installed: {', '.join(packages)} (pip install 'edgeacc[{target_info(RECIPES[name].target).extra}]')"
        for name, packages in absent.items()
        if packages
    }
