"""A compiled model as files: the blob, and a manifest that tells people and the simulator what is in it."""

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from edgeacc.errors import BadInput
from edgeacc.export.firmware.compile import Compiled, CompiledLayer, Port, arena_of
from edgeacc.files import read_model

BLOB, MANIFEST = "model.bin", "manifest.json"


class ModelManifest(BaseModel):
    """What `manifest.json` says.

    Attributes:
        sha256: of the blob.
        source_sha256: of the .tflite that it was compiled from.
        blob_bytes: of read-only memory.
        arena_bytes: of memory.
        weights_bytes: of the blob, those of weights, biases, scales and tables.
        inputs: name, shape, bytes, scale and zero point of each.
        outputs: the same.
        layers: in the order in which they run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    source_sha256: str
    blob_bytes: int = Field(ge=1)
    arena_bytes: int = Field(ge=0)
    weights_bytes: int = Field(ge=0)
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    layers: tuple[CompiledLayer, ...]


def manifest_of(compiled: Compiled) -> ModelManifest:
    """The manifest of a compiled model."""
    return ModelManifest(
        sha256=hashlib.sha256(compiled.blob).hexdigest(),
        source_sha256=compiled.source_sha256,
        blob_bytes=len(compiled.blob),
        arena_bytes=compiled.arena_bytes,
        weights_bytes=sum(layer.constant_bytes for layer in compiled.layers),
        inputs=compiled.inputs,
        outputs=compiled.outputs,
        layers=compiled.layers,
    )


def write_artifact(compiled: Compiled, folder: Path) -> None:
    """Write blob and manifest into a new folder."""
    folder.mkdir()
    (folder / BLOB).write_bytes(compiled.blob)
    (folder / MANIFEST).write_text(manifest_of(compiled).model_dump_json(indent=2) + "\n")


def read_artifact(folder: Path) -> Compiled:
    """Read what `write_artifact` wrote.

    Raises:
        BadInput: missing, damaged, or blob and manifest do not belong together.
    """
    manifest = read_model(folder / MANIFEST, ModelManifest)
    try:
        blob = (folder / BLOB).read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {folder / BLOB}: {error.strerror or error}") from error
    if hashlib.sha256(blob).hexdigest() != manifest.sha256:
        raise BadInput(f"{folder / BLOB} is not the blob that {MANIFEST} speaks of", valid="an artifact as it was made")
    ports = (*manifest.inputs, *manifest.outputs)
    problems = [f"{port.name!r}: {problem}" for port in ports for problem in _wrong(port)]
    if manifest.arena_bytes != arena_of(blob):
        problems.append(f"an arena of {manifest.arena_bytes} bytes; the blob asks for {arena_of(blob)}")
    if problems:
        raise BadInput.several(str(folder / MANIFEST), problems, valid="an artifact as it was made")
    return Compiled(
        blob, manifest.arena_bytes, manifest.inputs, manifest.outputs, manifest.layers, manifest.source_sha256
    )


def _wrong(port: Port) -> Iterator[str]:
    if min(port.shape, default=1) < 1 or port.bytes != math.prod(port.shape):
        yield f"{port.bytes} bytes of shape {port.shape}"
    if not (0 < port.scale < math.inf and -128 <= port.zero_point <= 127):
        yield f"scale {port.scale} and zero point {port.zero_point}"
