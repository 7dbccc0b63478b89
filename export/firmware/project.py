"""A folder of C99 that runs a model on any microcontroller: blob, table of kernels, runtime, manifest."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from edgeacc.export.firmware.artifact import MANIFEST, manifest_of
from edgeacc.export.firmware.compile import Compiled
from edgeacc.export.firmware.layers import KERNELS
from edgeacc.files import replacing

RUNTIME = Path(__file__).parent / "runtime"
_BYTES_PER_LINE = 20
_HEADER = """\
/* {source}
   Give edgeacc_model_open the blob and {arena_bytes} bytes of memory, both aligned to 16 bytes; manifest.json tells the
   scales of inputs and outputs. */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>

#define MODEL_BLOB_BYTES {blob_bytes}u
#define MODEL_ARENA_BYTES {arena_bytes}u

extern const uint8_t model_blob[MODEL_BLOB_BYTES];

#endif
"""
_SOURCE = """\
#include "model.h"

#include "edgeacc_layers.h"

/* Only these are linked. */
const edgeacc_kernel *const edgeacc_kernels[EDGEACC_KERNELS] = {{
{kernels}
}};

__attribute__((aligned(16))) const uint8_t model_blob[MODEL_BLOB_BYTES] = {{
{content}
}};
"""


def write_project(compiled: Compiled, folder: Path, *, force: bool = False) -> None:
    """Write `model.c`, `model.h`, `manifest.json` and `runtime/`.

    Args:
        compiled: the model.
        folder: where; it appears whole or not at all.
        force: replace what edgeacc made there before.

    Raises:
        BadInput: `folder` exists and `force` is not set, or somebody else made it.
    """
    with replacing(folder, force=force) as beside:
        beside.mkdir()
        left_out = shutil.ignore_patterns("all_kernels.c")
        shutil.copytree(RUNTIME, beside / "runtime", ignore=left_out)
        source = f"Compiled from a .tflite with SHA-256 {compiled.source_sha256}."
        sizes = {"arena_bytes": compiled.arena_bytes, "blob_bytes": len(compiled.blob)}
        (beside / "model.h").write_text(_HEADER.format(source=source, **sizes))
        content = ",\n".join(_lines(compiled.blob))
        (beside / "model.c").write_text(_SOURCE.format(kernels=_kernels(compiled), content=content))
        (beside / MANIFEST).write_text(manifest_of(compiled).model_dump_json(indent=2) + "\n")


def _kernels(compiled: Compiled) -> str:
    used = {layer.kernel for layer in compiled.layers}
    return "\n".join(f"    [{KERNELS[name]}] = &edgeacc_kernel_{name}," for name in KERNELS if name in used)


def _lines(blob: bytes) -> Iterator[str]:
    for start in range(0, len(blob), _BYTES_PER_LINE):
        yield "    " + ", ".join(map(str, blob[start : start + _BYTES_PER_LINE]))
