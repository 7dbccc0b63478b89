"""What a store says about itself: `manifest.json`."""

import hashlib
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel

from edgeacc import files
from edgeacc.errors import BadInput
from edgeacc.signals.contract import SignalContract
from edgeacc.windows.split import Split

SCHEMA_VERSION = 2
NAME = "manifest.json"
TOOLS = ("edgeacc", "numpy", "scipy", "torch", "pyarrow")
"""Whose versions decide what a store holds."""
HELP = "edgeacc cohort make -o STORE  (or: edgeacc import PATH -o STORE)"


class Part(BaseModel):
    """One Parquet file of a store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(pattern=r"^(train|validation|test)-(\d{5}|[0-9a-f]{14}-[0-9a-f]{16})\.parquet$")
    split: Split
    windows: int = Field(ge=1)
    most_beats: int = Field(ge=0, description="K: most beats in one window of this part")
    size_bytes: int = Field(ge=1)
    sha256: str


class Person(BaseModel):
    """A participant of a store of recordings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    participant: int = Field(ge=0, description="a salted hash of the person's name and the set's")
    split: Split
    name: str = Field(description="a salted hash of the name alone, to find two of one name")
    id: str | None = Field(None, description="the name itself, where the user asked for it")


class StoreManifest(BaseModel):
    """All that is known of a store without reading its samples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[2] = 2
    source: Literal["cohort", "recordings"]
    name: str = Field(description="the cohort's preset, or the names of the data sets")
    contract: SignalContract
    contract_digest: str
    provenance: dict[str, JsonValue] = Field(description="for a cohort its configuration, for recordings one row each")
    windows: dict[Split, int]
    participants: dict[Split, int]
    rejected: dict[str, int] = Field(description="windows that were cut and not kept, by reason")
    columns: list[str]
    parts: list[Part]
    content_digest: str
    versions: list[dict[str, str]] = Field(description="of the tools that wrote it, and of others that added to it")
    people: list[Person] = Field([], description="of a store made by `edgeacc import`, by number")
    salt_check: str | None = Field(None, description="tells whether a salt is that of this store")
    ids_kept: bool = False


def content_digest(contract: SignalContract, parts: list[Part]) -> str:
    """16 hexadecimal digits over the contract and every part: equal for equal contents."""
    text = "\n".join([contract.digest, *(f"{part.file} {part.sha256}" for part in parts)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def tool_versions() -> dict[str, str]:
    """The versions of `TOOLS` as installed."""
    return {name: version(name) for name in TOOLS}


def read_manifest(folder: Path) -> StoreManifest:
    """Read a store's manifest.

    Raises:
        BadInput: no folder, no manifest in it, or as `parse_manifest`.
    """
    if not folder.is_dir():
        raise BadInput(f"store {folder} does not exist", valid="the folder of a store", next_command=HELP)
    if not (folder / NAME).is_file():
        raise BadInput(f"{folder} is not a store: no {NAME} in it", valid="a store's folder", next_command=HELP)
    return parse_manifest(files.read_model(folder / NAME, _AnyJson).root, str(folder))


def parse_manifest(content: Any, store: str) -> StoreManifest:  # noqa: ANN401
    """Check what stands in a manifest.

    Args:
        content: as read from JSON.
        store: where the store is, for the errors.

    Raises:
        BadInput: another schema version, or a manifest with mistakes or contradictions.
    """
    where = f"{store}/{NAME}"
    found = files.parse_model(content, _Version, where=where).schema_version
    if found != SCHEMA_VERSION:
        raise BadInput(
            f"store {store} has schema version {found}",
            valid=f"version {SCHEMA_VERSION}: make the store again",
            next_command=HELP,
        )
    manifest = files.parse_model(content, StoreManifest, where=where)
    if problems := _contradictions(manifest):
        valid = "a store as written: make or copy it again"
        raise BadInput.several(f"{where} was changed", problems, valid=valid, next_command=HELP)
    return manifest


def _contradictions(manifest: StoreManifest) -> list[str]:
    parts, contract = manifest.parts, manifest.contract
    problems = [f"{part.file} is said to be {part.split}" for part in parts if not part.file.startswith(part.split)]
    if contract.digest != manifest.contract_digest:
        problems.append(f"contract: its digest is {contract.digest}, contract_digest says {manifest.contract_digest}")
    if content_digest(contract, parts) != manifest.content_digest:
        problems.append(f"contract or parts: not those of content_digest {manifest.content_digest}")
    for split, windows in manifest.windows.items():
        counted = sum(part.windows for part in parts if part.split == split)
        if counted != windows:
            problems.append(f"windows.{split}: {windows}, but its parts have {counted}")
    if manifest.people:
        sides = Counter(person.split for person in manifest.people)
        problems += [
            f"participants.{split}: {count}, but {sides[split]} of `people` are there"
            for split, count in manifest.participants.items()
            if sides[split] != count
        ]
    return problems


class _Version(BaseModel):
    schema_version: int


class _AnyJson(RootModel[Any]):
    pass
