"""The files of a watchOS kit."""

import shutil
from pathlib import Path

import numpy as np

from edgeacc.bundle.bundle import Bundle
from edgeacc.export.kits.c.write import float_constant, rows, write_encoder, write_signal
from edgeacc.export.kits.project import copy_project
from edgeacc.export.kits.watchos.checks import oldest_systems
from edgeacc.export.kits.wearos.resources import golden_floor_db, golden_spread

ENGINES = {"coreml": "EdgeCoreML", "firmware": "EdgeCEncoder"}
"""By the bundle's target, the Swift target that runs its network."""

_PROJECT = Path(__file__).parent / "project"
_PUBLIC = ("edgeacc_encoder.h", "edgeacc_model.h", "edgeacc_signal.h", "edgeacc_wrist.h", "encoder.h", "tables.h")
"""Headers that Swift sees: they lie in one folder, for the module map that SwiftPM makes of it."""


def write_watchos(bundle: Bundle, folder: Path) -> dict[str, object]:
    """Write the Swift package into an existing folder.

    Returns:
        What the kit's texts name.

    Raises:
        BadInput: a damaged artifact, or a contract that the signal core does not serve.
        NotPossibleHere: for the encoder in C, no C compiler to run it on the golden window.
    """
    engine = ENGINES[bundle.manifest.target]
    watchos, ios = oldest_systems(bundle.manifest.compatibility.minimum_os)
    values: dict[str, object] = {
        "engine": engine,
        "recipe": bundle.recipe.name,
        "watchos": watchos,
        "ios": ios,
        "input": bundle.manifest.input.name,
        "output": bundle.manifest.output.name,
    }
    copy_project(_PROJECT, folder, values, leave_out={f"Sources/{each}" for each in set(ENGINES.values()) - {engine}})
    c_sources = folder / "Sources/CEdge"
    if engine == "EdgeCEncoder":
        write_encoder(bundle, c_sources / "edgeacc")
    else:
        (c_sources / "edgeacc").mkdir()
        write_signal(bundle.contract, c_sources / "edgeacc")
        shutil.copytree(bundle.model, folder / "Sources/EdgeCoreML/Resources/Encoder.mlpackage")
    for header in _PUBLIC:
        for found in (c_sources / "edgeacc").rglob(header):
            found.rename(c_sources / "include" / header)
    (c_sources / "kit.c").write_text(_kit_source(bundle, engine))
    return values


def _kit_source(bundle: Bundle, engine: str) -> str:
    golden, probe, contract = bundle.golden(), bundle.probe(), bundle.contract
    arrays = {
        "golden_raw_g": golden.acc_g_BCT[0],
        "golden_scores": golden.acc_BCT[0],
        "golden_embedding": golden.z_BD[0],
    }
    if probe is not None:
        arrays["probe"] = np.concatenate([probe.mean_D, probe.std_D, probe.weight_D, probe.bias])
    numbers = {
        "uint32_t edgeacc_kit_samples": str(contract.samples),
        "uint32_t edgeacc_kit_width": str(bundle.embedding_width),
        "float edgeacc_kit_rate_hz": float_constant(contract.rate_hz),
        "float edgeacc_kit_golden_spread": float_constant(golden_spread(bundle)),
        "float edgeacc_kit_golden_floor_db": float_constant(golden_floor_db(bundle)),
        **{f"const float *edgeacc_kit_{name}": name for name in arrays},
    }
    if probe is None:
        numbers["const float *edgeacc_kit_probe"] = "0"
    if engine == "EdgeCEncoder":
        numbers["uint32_t edgeacc_kit_self_test_bytes"] = "EDGEACC_SELF_TEST_BYTES"
    lines = ['#include "kit.h"', *(['#include "encoder.h"'] if engine == "EdgeCEncoder" else []), ""]
    for name, values in arrays.items():
        lines += [f"static const float {name}[{values.size}] = {{", rows(map(float_constant, values.ravel())), "};", ""]
    lines += [f"{declared}(void) {{ return {value}; }}" for declared, value in numbers.items()]
    return "\n".join(lines) + "\n"
