"""The check of a bundle, with nothing but the bundle and its target's runtime."""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel

from edgeacc.bundle.bundle import Bundle, open_bundle
from edgeacc.errors import BadInput
from edgeacc.export.parity import Parity, parity
from edgeacc.export.quiet import REFUSALS
from edgeacc.export.registry import exporter
from edgeacc.signals.prepare import prepare_acc

MAX_PREPARED_DIFFERENCE = 1e-3
"""Largest difference, in standard scores, between the windows prepared here and those in the bundle: NumPy and torch
agree to 1e-5, so more means that the signal code is another (our estimate)."""


class VerifyReport(BaseModel):
    """What a bundle's artifact does here.

    Attributes:
        bundle: its folder.
        target: where it runs.
        recipe: how it was made.
        level: `executed` or `evaluated`.
        model_bytes: size of the artifact.
        windows: golden windows that were run, from raw acceleration in g.
        snr_db: mean-removed, against the fp32 network's stored embeddings.
        min_snr_db: the recipe's floor.
        worst_cosine: mean-removed, of the worst window.
        hr_mae_bpm: heart-rate error of the shipped probe on the artifact's embeddings; None without a probe.
        task_cost_bpm: how much of it the conversion added.
        prepared_difference: largest difference between the windows prepared here and those in the bundle.
        failures: why it did not pass; empty when it did.
    """

    bundle: str
    target: str
    recipe: str
    level: Literal["executed", "evaluated"]
    model_bytes: int
    windows: int
    snr_db: float
    min_snr_db: float
    worst_cosine: float
    hr_mae_bpm: float | None
    task_cost_bpm: float | None
    prepared_difference: float
    failures: list[str]

    @property
    def passed(self) -> bool:
        """Nothing failed."""
        return not self.failures


def verify_bundle(path: Path) -> VerifyReport:
    """Check hashes and contract, then run the golden windows from raw g through the artifact and compare.

    Raises:
        BadInput: the bundle was tampered with, or its artifact cannot be loaded or does not take its golden windows.
        NotPossibleHere: the target's runtime is not installed; names the extra.
    """
    bundle = open_bundle(path)
    golden, probe = bundle.golden(), bundle.probe()
    runner = exporter(bundle.manifest.target)
    acc_BCT = prepare_acc(golden.acc_g_BCT, bundle.contract)
    try:
        z_BD = runner.run(bundle.model, acc_BCT)
        close = parity(golden.z_BD, z_BD)
    except REFUSALS as error:
        problem = f"{bundle.model} does not compute the bundle's golden windows: {type(error).__name__}: {error}"
        raise BadInput(problem, valid="an artifact as `edgeacc export` wrote it") from error
    prepared_difference = float(np.abs(acc_BCT - golden.acc_BCT).max())
    mae_bpm = probe.mae_bpm(z_BD, golden.hr_bpm_B) if probe else None
    cost_bpm = mae_bpm - probe.mae_bpm(golden.z_BD, golden.hr_bpm_B) if probe and mae_bpm is not None else None
    return VerifyReport(
        bundle=str(path),
        target=bundle.manifest.target,
        recipe=bundle.recipe.name,
        level=runner.level,
        model_bytes=bundle.manifest.model_bytes,
        windows=len(acc_BCT),
        snr_db=close.snr_db,
        min_snr_db=bundle.recipe.min_snr_db,
        worst_cosine=close.worst_cosine,
        hr_mae_bpm=mae_bpm,
        task_cost_bpm=cost_bpm,
        prepared_difference=prepared_difference,
        failures=_failures(bundle, close, prepared_difference),
    )


def _failures(bundle: Bundle, close: Parity, prepared_difference: float) -> list[str]:
    said = []
    if not prepared_difference <= MAX_PREPARED_DIFFERENCE:
        said.append(f"windows prepared here differ from the bundle's by {prepared_difference:.2g} standard scores")
    if not close.snr_db >= bundle.recipe.min_snr_db:
        said.append(f"{close.snr_db:.1f} dB, below the recipe's floor of {bundle.recipe.min_snr_db:g} dB")
    return said
