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
from edgeacc.export.coreai.int8 import in_coreai_operations
from edgeacc.export.coreai.precision import operations
from edgeacc.export.coreai.session import AssetSession
from edgeacc.export.coreai.weights import with_small_weights
from edgeacc.export.exporter import INPUT_NAME, Exporter, Level, Session, output_names, write_notes
from edgeacc.export.offset import settle
from edgeacc.export.precision import Operation
from edgeacc.export.pt2e import static_int8
from edgeacc.export.quiet import contained, refusing
from edgeacc.export.well_rounded import well_rounded

ASSET_NAME = "model.aimodel"
SPACE_BYTES = 2**20
"""Free space that an asset needs beside twice its weights (our estimate)."""


class CoreAIExporter(Exporter):
    """`.aimodel`. Whether watchOS runs it is not confirmed: for a watch, Core ML is the promise."""

    target: ClassVar[str] = "coreai"
    level: ClassVar[Level] = "executed"

    def convert(self, program: ExportedProgram, recipe: Recipe, calibration_BCT: Tensor, out: Path) -> Path:
        """Write `model.aimodel`, without stack traces of this machine in it.

        Calibration windows set the ranges of int8 activations, where the recipe has them, decide how weights in few
        bits are rounded (`well_rounded`), and take back the constant error of rounded ones (`edgeacc.export.offset`).

        Raises:
            NotPossibleHere: coreai-torch or coreai-opt refused the network, or the quantizer did.
            OSError: no space left.
        """
        asset = out / ASSET_NAME
        _require_space(program, out)

        def written(rounded: ExportedProgram) -> Path:
            if asset.exists():
                shutil.rmtree(asset)
            names = output_names(program)
            with refusing("coreai-torch", "convert the network"):
                from coreai_torch import TorchConverter, get_decomp_table

                converter = TorchConverter(mode=TorchConverter.Mode.RELEASE)
                decomposed = rounded.run_decompositions(get_decomp_table())
                converter.add_exported_program(decomposed, input_names=[INPUT_NAME], output_names=names)
                converted = converter.to_coreai()
                if recipe.activations != "int8":
                    converted = with_small_weights(converted, recipe.weights)
                converted.save_asset(asset)
            _settle_date(asset / "metadata.json")
            return asset

        if recipe.activations == "int8":
            rounded = in_coreai_operations(static_int8(program, recipe, calibration_BCT))
        else:
            rounded = well_rounded(program, recipe, calibration_BCT)
        notes = settle(program, [rounded], written, self.load, calibration_BCT)
        if notes:
            write_notes(out, **notes)
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

    def operations(self, model: Path) -> tuple[Operation, ...]:
        """See `Exporter.operations`."""
        return operations(model)


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
