"""`edgeacc validate`: recognises by content what it is given (`WHAT`); tells all mistakes at once."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from edgeacc.cli.output import show, table
from edgeacc.cli.several import as_one
from edgeacc.errors import BadInput, EdgeaccError

WHAT = "a recipe (TOML), the folder of a checkpoint, a store or a bundle, or a recording (`edgeacc ls formats`)"


class Checked(NamedTuple):
    """One path, what it is, and what is wrong with it."""

    path: str
    kind: str
    error: EdgeaccError | None

    @property
    def problem(self) -> str:
        """Empty where nothing is wrong."""
        if self.error is None:
            return ""
        return self.error.problem + (f" (valid: {self.error.valid})" if self.error.valid else "")


def validate(
    files: Annotated[
        list[Path], typer.Argument(help="Recipe files; folders of checkpoints, stores, bundles; recordings.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Check recipes, checkpoints, stores, bundles and recordings."""
    checked = [_check(path) for path in files]
    rows = [(each.path, each.kind, "wrong" if each.error else "ok") for each in checked]
    result = {"files": [{"path": each.path, "kind": each.kind, "problem": each.problem} for each in checked]}
    show(result, [table("", ("path", "kind", "state"), rows)], as_json=json)
    errors = [each.error for each in checked if each.error is not None]
    if errors:
        raise as_one(errors, f"{len(errors)} of {len(checked)} paths are wrong")


def _check(path: Path) -> Checked:
    kind = ""
    try:
        kind, read = _recognise(path)
        read(path)
    except EdgeaccError as error:
        return Checked(str(path), kind, error)
    return Checked(str(path), kind, None)


def _recognise(path: Path) -> tuple[str, Callable[[Path], object]]:
    """What a path is by its content, and how to read it thoroughly."""
    from edgeacc.recordings.registry import recognised

    if not path.exists():
        raise BadInput(f"{path} does not exist", valid=WHAT)
    names = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    for kind, sign, read in (
        ("bundle", "SHA256SUMS", _read_bundle),
        ("store", "manifest.json", _read_store),
        ("checkpoint", "config.json", _read_checkpoint),
    ):
        if sign in names:
            return kind, read
    recording = recognised(path)
    if recording is not None:
        return f"recording ({recording.format})", lambda _: deque(recording.read(), maxlen=0)
    if path.is_file():
        return "recipe", _read_recipe
    inside = _recordings_inside(path)
    if inside:
        raise BadInput(
            f"{path} holds {len(inside)} recording(s), it is none itself", valid=f"one of them, such as {inside[0]}"
        )
    raise BadInput(f"{path} is none of these, or the file that tells what it is is missing", valid=WHAT)


def _recordings_inside(path: Path) -> list[Path]:
    from edgeacc.recordings.registry import find

    try:
        return [one.path for one in find(path)]
    except BadInput:
        return []


def _read_recipe(path: Path) -> None:
    from tomllib import TOMLDecodeError

    from edgeacc.compression.recipe import parse_recipe

    try:
        parse_recipe(path.read_text(), str(path))
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is no TOML: {error}", valid=WHAT) from error


def _read_store(path: Path) -> None:
    """Read every part: sizes, digests and columns."""
    from edgeacc.windows.store import open_store

    for _ in open_store(path).chunks("all"):
        pass


def _read_checkpoint(path: Path) -> None:
    from edgeacc.models.card import load_card
    from edgeacc.models.checkpoint import load_encoder, load_student

    if load_card(path).alignment is None:
        load_encoder(path)
    else:
        load_student(path)


def _read_bundle(path: Path) -> None:
    """Hashes, manifest and every file that has a form; whether the artifact computes is `edgeacc verify`'s question."""
    from edgeacc.bundle.bundle import open_bundle

    bundle = open_bundle(path)
    bundle.golden()
    bundle.probe()
    bundle.calibration()
    checked = bundle.manifest.verification
    if not checked.passed:
        raise BadInput(
            f"{path} is a rejected bundle of {bundle.recipe.name}: {checked.snr_db:.1f} dB against the fp32 network",
            valid=f"at least {checked.min_snr_db:g} dB",
        )
