"""From a bundle to a kit: a folder of source code that an app or a firmware embeds, with all that proves it right."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from edgeacc.bundle.bundle import Bundle, open_bundle
from edgeacc.bundle.sums import write_sums
from edgeacc.errors import BadInput, ParityFailed, command, unknown
from edgeacc.export.kits.c.write import RATES_HZ, write_c
from edgeacc.export.kits.project import copy_file
from edgeacc.export.kits.watchos import write as watchos
from edgeacc.export.kits.watchos.checks import problems as watchos_problems
from edgeacc.export.kits.wearos import write as wearos
from edgeacc.export.kits.wearos.checks import problems as wearos_problems
from edgeacc.files import SUMS, replacing, sha256, write_json
from edgeacc.signals.contract import SignalContract

TEXTS = Path(__file__).parent


@dataclass(frozen=True)
class Platform:
    """Where a kit is embedded.

    Attributes:
        targets: of the bundles that it can run.
        only_64_bit: those of them that run on some of its watches only.
        write: puts its source code into a folder, and tells what its README and VERIFY name.
        problems: what is wrong with a kit in a folder; none where it may be used.
        first: the command to begin with; `{}` is the kit's folder.
    """

    targets: tuple[str, ...]
    only_64_bit: frozenset[str]
    write: Callable[[Bundle, Path], dict[str, object]]
    problems: Callable[[Path], list[str]]
    first: tuple[str, ...]


PLATFORMS = {
    "c": Platform(("firmware",), frozenset(), write_c, lambda _: [], ("cmake", "-S", "{}", "-B", "{}/build")),
    "wearos": Platform(
        tuple(wearos.ENGINES),
        wearos.ONLY_64_BIT,
        wearos.write_wearos,
        wearos_problems,
        ("gradle", "-p", "{}", ":core:selfTest"),
    ),
    "watchos": Platform(
        tuple(watchos.ENGINES),
        frozenset(),
        watchos.write_watchos,
        watchos_problems,
        ("swift", "test", "--package-path", "{}"),
    ),
}
"""What each platform can run; all else that differs is in its folder."""


class KitManifest(BaseModel):
    """`kit.json`.

    Attributes:
        platform: of the kit.
        recipe: of the bundle that it holds.
        bundle_sha256: of that bundle's SHA256SUMS.
        contract: what a window is.
        rates_hz: of sensors that it can be fed from.
        edgeacc: version that made it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    platform: str
    recipe: str
    bundle_sha256: str
    contract: SignalContract
    rates_hz: tuple[int, ...]
    edgeacc: str


def make_kit(
    bundle: Path, platform: str, folder: Path, *, only_64_bit: bool = False, force: bool = False
) -> KitManifest:
    """Write a kit; two of one bundle are the same in every byte.

    Args:
        bundle: a folder written by `edgeacc export`; its hashes are checked first.
        platform: one of `PLATFORMS`.
        folder: where; it appears whole or not at all.
        only_64_bit: leave watches with 32-bit user space out, as some targets must.
        force: replace what edgeacc made there before.

    Raises:
        BadInput: no such platform; no bundle, or one that was changed; a recipe that the platform cannot run, or not on
            all of its watches without `only_64_bit`, or that needs none; one with which the kit would break one of the
            platform's rules; `folder` exists and `force` is not set.
        ParityFailed: a bundle below its recipe's floor.
        NotPossibleHere: no C compiler, to run the encoder on the golden window.
    """
    if platform not in PLATFORMS:
        raise unknown("platform", platform, tuple(PLATFORMS))
    opened = open_bundle(bundle)
    chosen = PLATFORMS[platform]
    _require_target(opened, platform, chosen, only_64_bit=only_64_bit)
    _require_floor(opened)
    manifest = KitManifest(
        platform=platform,
        recipe=opened.recipe.name,
        bundle_sha256=sha256(bundle / SUMS),
        contract=opened.contract,
        rates_hz=RATES_HZ,
        edgeacc=version("edgeacc"),
    )
    with replacing(folder, force=force) as beside:
        beside.mkdir()
        values = chosen.write(opened, beside)
        found = chosen.problems(beside)
        if found:
            raise BadInput.several(f"a kit for {platform} of {bundle}", found)
        write_json(beside / "kit.json", manifest)
        shutil.copyfile(bundle / "card.md", beside / "card.md")
        for text in (TEXTS / platform).glob("*.md*"):
            copy_file(text, beside / text.name, values)
        shutil.copyfile(TEXTS / "LICENSE.txt", beside / "LICENSE.txt")
        write_sums(beside)
    return manifest


def _require_target(bundle: Bundle, platform: str, chosen: Platform, *, only_64_bit: bool) -> None:
    target = bundle.manifest.target
    if bundle.manifest.streaming:
        raise BadInput(
            f"{bundle.path} takes a window in pieces: a kit for {platform} gives it whole ones",
            valid="a bundle without --streaming",
        )
    if bundle.manifest.functions:
        raise BadInput(
            f"{bundle.path} has the functions {', '.join(bundle.manifest.functions)}: a kit for {platform} calls one",
            valid="a bundle without --multifunction",
        )
    if bundle.manifest.takes_raw:
        raise BadInput(
            f"{bundle.path} prepares its windows itself: a kit for {platform} does that in its signal core",
            valid="a bundle without --raw",
        )
    everywhere = " or ".join(name for name in chosen.targets if name not in chosen.only_64_bit)
    if target not in chosen.targets:
        raise BadInput(
            f"{bundle.path} is for {target}: a kit for {platform} cannot run it",
            valid=f"a bundle of the target {everywhere}",
            next_command=command("edgeacc", "export", "CHECKPOINT", "--target", chosen.targets[0]),
        )
    if target in chosen.only_64_bit and not only_64_bit:
        raise BadInput(
            f"{bundle.path} is for {target}, which has no library for watches with 32-bit user space",
            valid=f"a bundle of the target {everywhere}; or --only-64-bit, to leave these watches out",
        )
    if only_64_bit and target not in chosen.only_64_bit:
        raise BadInput(
            f"{bundle.path} is for {target}: a kit for {platform} of it runs on all", valid="no --only-64-bit"
        )


def _require_floor(bundle: Bundle) -> None:
    verified = bundle.manifest.verification.model_copy(update={"min_snr_db": bundle.recipe.min_snr_db})
    if verified.failures:
        raise ParityFailed(
            f"{bundle.path}: {'; '.join(verified.failures)}: no kit is made of it",
            next_command=command("edgeacc", "verify", bundle.path),
        )
