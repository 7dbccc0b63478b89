"""What a store says about itself: `manifest.json`."""

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from edgeacc import files
from edgeacc.errors import BadInput
from edgeacc.signals.contract import SignalContract
from edgeacc.windows.split import Split

SCHEMA_VERSION = 1
NAME = "manifest.json"


class Part(BaseModel):
    """One Parquet file of a store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(pattern=r"^(train|validation|test)-\d{5}\.parquet$")
    split: Split
    windows: int = Field(ge=1)
    most_beats: int = Field(ge=0, description="K: most beats in one window of this part")
    size_bytes: int = Field(ge=1)
    sha256: str


class StoreManifest(BaseModel):
    """All that is known of a store without reading its samples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
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


def content_digest(contract: SignalContract, parts: list[Part]) -> str:
    """16 hexadecimal digits over the contract and every part: equal for equal contents."""
    text = "\n".join([contract.digest, *(f"{part.file} {part.sha256}" for part in parts)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_manifest(folder: Path) -> StoreManifest:
    """Read a store's manifest.

    Raises:
        BadInput: no folder, no manifest in it, another schema version, or a manifest with mistakes or contradictions.
    """
    help_text = "edgeacc cohort make -o STORE  (or: edgeacc import PATH -o STORE)"
    if not folder.is_dir():
        raise BadInput(f"store {folder} does not exist", valid="the folder of a store", next_command=help_text)
    if not (folder / NAME).is_file():
        raise BadInput(f"{folder} is not a store: no {NAME} in it", valid="a store's folder", next_command=help_text)
    version = files.read_model(folder / NAME, _Version).schema_version
    if version != SCHEMA_VERSION:
        raise BadInput(
            f"store {folder} has schema version {version}", valid=f"version {SCHEMA_VERSION}", next_command=help_text
        )
    manifest = files.read_model(folder / NAME, StoreManifest)
    if problems := _contradictions(manifest):
        valid = "a store as written: make or copy it again"
        raise BadInput.several(f"{folder / NAME} was changed", problems, valid=valid, next_command=help_text)
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
    return problems


class _Version(BaseModel):
    schema_version: int
