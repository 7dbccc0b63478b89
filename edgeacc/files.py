"""Files and folders: written beside and renamed, so that nothing is ever half-written."""

import errno
import hashlib
import json
import os
import re
import shutil
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError

from edgeacc.errors import BadInput, NotPossibleHere, OutputExists

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Model = TypeVar("Model", bound=BaseModel)

_OURS = ("manifest.json", "config.json", "recipe.toml", "kit.json")
"""Every folder that is a result holds one of these: a store or a bundle, a checkpoint, a rejected artifact, a kit."""
SUMS = "SHA256SUMS"
"""Holds the hash of every file of the folder that it lies in: one that is added there is a mistake."""
_LONGEST_VALUE = 80
"""Characters of a wrong value that an error shows."""

_PLAIN = {"missing": "is missing", "extra_forbidden": "there is no such field"}
"""What pydantic says in other words; no value belongs to it."""


@contextmanager
def replacing(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path` (a file or a folder); rename it to `path` when the block ends well.

    A file that is replaced is there, old or new, at every moment.

    Args:
        path: where the result is to appear.
        force: replace what is there.

    Raises:
        BadInput: as `refuse_existing`, or a file would replace a folder or a folder a file.
        NotPossibleHere: what the system refused, within the block too, and on which file: no space left, no permission.
    """
    refuse_existing(path, force=force)
    _make_parent(path)
    beside = _beside(path)
    try:
        _remove(beside)
        yield beside
        if path.exists() and path.is_dir() != beside.is_dir():
            kinds = ("a file", "a folder")
            raise BadInput(
                f"{path} is {kinds[path.is_dir()]}, the result {kinds[beside.is_dir()]}; nothing was replaced",
                valid="another path",
            )
        aside = path.with_name(f".{path.name}.replaced")
        if path.is_dir():  # a file takes a file's place in one step, a folder in two
            _remove(aside)
            path.replace(aside)
        beside.replace(path)
        _remove(aside)
    except (SafetensorError, shutil.Error) as error:
        raise _spoken(_system_error_of(error), path) from error
    except OSError as error:
        raise _spoken(error, path) from error
    finally:
        _remove(beside)


def discard(path: Path) -> None:
    """Remove a folder that edgeacc made; anything else, or nothing, is left as it is."""
    if path.is_dir() and _is_ours(path):
        _remove(path)


def refuse_existing(path: Path, *, force: bool = False, inputs: Iterable[Path] = ()) -> None:
    """Nothing is overwritten by accident, and hours of work are not lost for want of a place.

    Args:
        path: where a result is to appear.
        force: replace what is there: a file, or a folder that edgeacc made.
        inputs: what the result is made from, which it must not replace.

    Raises:
        OutputExists: `path` exists and `force` is not set.
        BadInput: it is somebody else's folder, it holds an input, it lies in a
            folder with the hash of every file, or what is to hold it is not a folder.
        NotPossibleHere: the folder that is to hold it cannot be written.
    """
    if not path.name:
        raise BadInput(f"{path} is no place for a result", valid="a path that ends in a name")
    foreign = path.is_dir() and any(path.iterdir()) and not _is_ours(path)
    if path.exists() and not force and not foreign:
        raise OutputExists(f"{path} exists already", valid="a path that does not exist yet, or --force to replace it")
    for made_from in (each.resolve() for each in inputs):
        if path.resolve() in (made_from, *made_from.parents):
            raise BadInput(f"{path} is what the result is made from, or holds it", valid="another path")
    if foreign:
        raise BadInput(f"{path} is a folder that edgeacc did not make; it is not replaced", valid="another path")
    for sealed in path.resolve().parents:
        if _is_ours(sealed) and (sealed / SUMS).is_file():
            raise BadInput(
                f"{path} lies in {sealed}, a bundle or a kit with the hash of every file", valid="a path outside of it"
            )
    parent = next(parent for parent in path.absolute().parents if parent.exists())
    if not parent.is_dir():
        raise BadInput(f"cannot write {path}: {parent} is not a folder", valid="a path in a folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise NotPossibleHere(f"cannot write {path}: no permission to write in {parent}; nothing was written")


def _is_ours(path: Path) -> bool:
    return any((path / name).is_file() for name in _OURS)


def write_json(path: Path, content: BaseModel | dict[str, Any], *, force: bool = False) -> None:
    """Write JSON (sorted keys, two spaces, newline at the end) through `replacing`."""
    plain = content.model_dump(mode="json") if isinstance(content, BaseModel) else content
    with replacing(path, force=force) as beside:
        beside.write_text(json.dumps(plain, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_model(path: Path, model: type[Model], *, next_command: str = "") -> Model:
    """Read a TOML or JSON file (by its suffix) into a pydantic model.

    Raises:
        BadInput: missing, not readable, not TOML/JSON, or any number of mistakes, all of them listed.
    """
    try:
        content = _parse(path)
    except BadInput as error:
        fields = f" with the fields {', '.join(model.model_fields)}" if "root" not in model.model_fields else ""
        valid = f"a whole {'TOML' if path.suffix == '.toml' else 'JSON'} file{fields}"
        raise BadInput(error.problem, valid=valid, next_command=next_command) from error
    return parse_model(content, model, where=str(path), next_command=next_command)


def parse_model(content: Any, model: type[Model], *, where: str, next_command: str = "") -> Model:  # noqa: ANN401
    """Validate plain content against a pydantic model; all mistakes at once in one BadInput.

    A validator that finds several mistakes raises one ValueError with a line for each.
    """
    try:
        return model.model_validate(content)
    except BadInput as error:  # of a model that tells what would be valid
        raise BadInput(f"{where}: {error.problem}", valid=error.valid, next_command=next_command) from error
    except ValidationError as error:
        mistakes = error.errors()
        strange = any(mistake["type"] in _PLAIN and len(mistake["loc"]) == 1 for mistake in mistakes)
        valid = f"the fields {', '.join(model.model_fields)}" if strange else ""
        raise BadInput.several(
            where,
            [line for each in mistakes for line in _told(each).splitlines()],
            valid=valid,
            next_command=next_command,
        ) from error


def _told(mistake: "ErrorDetails") -> str:
    told = mistake["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
    if not mistake["loc"]:
        return told
    place = ".".join(map(str, mistake["loc"]))
    plain = _PLAIN.get(mistake["type"])
    return f"{place}: {plain}" if plain else f"{place}: {told} (got {_short(mistake['input'])})"


def _short(value: Any) -> str:  # noqa: ANN401
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _parse(path: Path) -> Any:  # noqa: ANN401
    try:
        text = path.read_text()
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist") from error
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path} is not valid {path.suffix.lstrip('.').upper()}: {error}") from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _spoken(error, path) from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.is_symlink() or path.exists():  # on a read-only disk unlink fails even where nothing is
        path.unlink()


def _system_error_of(error: SafetensorError | shutil.Error) -> OSError:
    """What the system said first behind an error that tells it in words only; any other is raised as it is."""
    said = re.search(r"(?:\(os error |\[Errno )(\d+)[)\]]", str(error))
    if said is None:
        raise error
    return OSError(int(said[1]), os.strerror(int(said[1])))


def _spoken(error: OSError, path: Path) -> NotPossibleHere:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NotPossibleHere(f"no space left on the device while writing {path}; nothing was written")
    reason = error.strerror or error
    if isinstance(error.filename, str) and not _belongs(Path(error.filename), path):
        return NotPossibleHere(f"cannot use {error.filename}: {reason}; {path} was not written")
    return NotPossibleHere(f"cannot write {path}: {reason}; nothing was written")


def _belongs(named: Path, path: Path) -> bool:
    """Whether what the system named is the result itself, on its way there, or where it is to lie."""
    named, path = named.absolute(), path.absolute()
    return named in (path, *path.parents) or named.is_relative_to(_beside(path))


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.writing")
