"""The Core AI target behind the `Exporter` seam."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import ClassVar

from torch import Tensor
from torch.export import ExportedProgram

from edgeacc.bundle.manifest import Needs
from edgeacc.compression.recipe import Recipe
from edgeacc.export.coreai.session import AssetSession
from edgeacc.export.exporter import INPUT_NAME, Exporter, Level, Session, output_names
from edgeacc.export.quiet import contained, refusing

ASSET_NAME = "model.aimodel"
SPACE_BYTES = 2**20
"""Free space that an asset needs beside twice its weights (our estimate)."""


class CoreAIExporter(Exporter):
    """`.aimodel` in 32-bit float. Whether watchOS runs it is not confirmed: for a watch, Core ML is the promise."""

    target: ClassVar[str] = "coreai"
    level: ClassVar[Level] = "executed"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """Write `model.aimodel`, without stack traces of this machine in it; no calibration windows are used.

        Raises:
            NotPossibleHere: coreai-torch refused the network.
            OSError: no space left.
        """
        asset = out / ASSET_NAME
        _require_space(program, out)
        with refusing("coreai-torch", "convert the network"):
            from coreai_torch import TorchConverter, get_decomp_table

            converter = TorchConverter(mode=TorchConverter.Mode.RELEASE)
            decomposed = program.run_decompositions(get_decomp_table())
            converter.add_exported_program(decomposed, input_names=[INPUT_NAME], output_names=output_names(program))
            converter.to_coreai().save_asset(asset)
        _settle_date(asset / "metadata.json")
        return asset

    def load(self, model: Path) -> Session:
        """Open an asset in the Core AI runtime.

        Raises:
            BadInput: not an asset of an encoder, or one that the runtime refuses.
        """
        return AssetSession(model)

    def needs(self, model: Path) -> Needs:
        """See `Exporter.needs`: versions of the asset and of the systems, and Core AI's operations."""
        with contained():
            from coreai.authoring import AIModelAsset

            asset = AIModelAsset.load(model)
            summary = asset.summary()
        version = json.loads((model / "metadata.json").read_text())["assetVersion"]
        told = {"asset": version, "compatibility": str(summary._compatibility_version)}
        return Needs(format=told, operators=tuple(sorted(name for name, _ in summary.operation_distribution)))


def _settle_date(metadata: Path) -> None:
    """Replace the date of the conversion by the epoch: two conversions give the same bytes."""
    content = json.loads(metadata.read_text())
    content["creationDate"] = "19700101T000000Z"
    metadata.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def _require_space(program: ExportedProgram, out: Path) -> None:
    """Look before coreai-core 1.0.0b3 writes: on a full disk it ends the whole process without a word."""
    weights_bytes = sum(tensor.nbytes for tensor in program.state_dict.values())
    if shutil.disk_usage(out).free < 2 * weights_bytes + SPACE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out))
