"""The files of a Wear OS kit."""

import shutil
from pathlib import Path

from edgeacc.bundle.bundle import Bundle
from edgeacc.export.kits.c.write import RATES_HZ, write_encoder
from edgeacc.export.kits.project import copy_project
from edgeacc.export.kits.wearos.resources import write_resources

ENGINES = {"firmware": "engine-c", "tflite": "engine-litert", "executorch": "engine-executorch"}
"""By the bundle's target, the Gradle module that runs its network."""
ONLY_64_BIT = frozenset({"executorch"})
"""Targets without a library for 32-bit user space, which many watches run (ExecuTorch issue 16405)."""

_PROJECT = Path(__file__).parent / "project"
_MODELS = {"tflite": "encoder.tflite", "executorch": "encoder.pte"}


def write_wearos(bundle: Bundle, folder: Path) -> dict[str, object]:
    """Write the Gradle project into an existing folder.

    Returns:
        What the kit's texts name.

    Raises:
        BadInput: a damaged artifact, or a contract that the signal core does not serve.
        NotPossibleHere: for the encoder in C, no C compiler to run it on the golden window.
    """
    target = bundle.manifest.target
    engine, model = ENGINES[target], _MODELS.get(target, "")
    values: dict[str, object] = {
        "engine": engine,
        "recipe": bundle.recipe.name,
        "model": model,
        "samples": bundle.contract.samples,
        "width": bundle.embedding_width,
    }
    copy_project(_PROJECT, folder, values, leave_out=set(ENGINES.values()) - {engine})
    resources = folder / "core/src/main/resources/edgeacc"
    resources.mkdir(parents=True)
    write_resources(bundle, RATES_HZ, resources)
    if engine == "engine-c":
        write_encoder(bundle, folder / engine / "src/main/cpp/edgeacc")
    else:
        assets = folder / engine / "src/main/assets"
        assets.mkdir(parents=True)
        shutil.copyfile(bundle.model, assets / model)
    return values
