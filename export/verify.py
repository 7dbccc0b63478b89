"""The check of a bundle, with nothing but the bundle and its target's runtime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.golden import Golden
from edgeacc.bundle.manifest import HeadCheck, Needs, Verification
from edgeacc.bundle.probe import Probe
from edgeacc.errors import BadInput
from edgeacc.export.exporter import Level, Outputs
from edgeacc.export.parity import parity
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
        heads: one check for each head of the artifact.
        needs: what the artifact asks of a runtime; None in bundles of schema 1 to 3.
        prepared_difference: largest difference between the windows prepared here and those in the bundle.
        failures: why it did not pass; empty when it did.
    """

    bundle: str
    target: str
    recipe: str
    level: Level
    model_bytes: int
    windows: int
    snr_db: float
    min_snr_db: float
    worst_cosine: float
    hr_mae_bpm: float | None
    task_cost_bpm: float | None
    heads: tuple[HeadCheck, ...] = ()
    needs: Needs | None = None
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
    golden = bundle.golden()
    runner = exporter(bundle.manifest.target)
    acc_BCT = prepare_acc(golden.acc_g_BCT, bundle.contract)
    heads = [head.name for head in bundle.manifest.heads]
    try:
        given_BCT = golden.acc_g_BCT if bundle.manifest.takes_raw else acc_BCT
        outputs = runner.run(bundle.model, given_BCT)
        checked = compare(golden, heads, bundle.probe(), outputs, runner.level, bundle.recipe.min_snr_db)
        checked = checked.model_copy(update={"layers": bundle.manifest.verification.layers})
    except REFUSALS as error:
        problem = f"{bundle.model} does not compute the bundle's golden windows: {type(error).__name__}: {error}"
        raise BadInput(problem, valid="an artifact as `edgeacc export` wrote it") from error
    prepared_difference = float(np.abs(acc_BCT - golden.acc_BCT).max())
    return VerifyReport(
        bundle=str(path),
        target=bundle.manifest.target,
        recipe=bundle.recipe.name,
        level=runner.level,
        model_bytes=bundle.manifest.model_bytes,
        windows=len(acc_BCT),
        snr_db=checked.snr_db,
        min_snr_db=checked.min_snr_db,
        worst_cosine=checked.worst_cosine,
        hr_mae_bpm=checked.hr_mae_bpm,
        task_cost_bpm=checked.task_cost_bpm,
        heads=checked.heads,
        needs=bundle.manifest.compatibility.needs,
        prepared_difference=prepared_difference,
        failures=[*_otherwise_prepared(prepared_difference), *checked.failures],
    )


def compare(
    golden: Golden, heads: Sequence[str], probe: Probe | None, outputs: Outputs, level: Level, min_snr_db: float
) -> Verification:
    """Compare what an artifact gave on the golden windows with what was expected.

    Args:
        golden: with expected embeddings, and results of the heads if there are any.
        heads: their names, in the artifact's order.
        probe: of the heart rate, for the task cost.
        outputs: of the artifact, each (B, ...).
        level: how they were computed.
        min_snr_db: the floor of every output.

    Raises:
        ValueError: another number of outputs, or another shape.
    """
    z_BD, *given = outputs
    if len(given) != len(heads):
        raise ValueError(f"the artifact gives {len(given)} outputs beside the embedding, not {len(heads)}")
    close = parity(golden.z_BD, z_BD)
    finite = bool(np.isfinite(z_BD).all())
    return Verification(
        level=level,
        windows=len(z_BD),
        snr_db=close.snr_db,
        min_snr_db=min_snr_db,
        worst_cosine=close.worst_cosine,
        hr_mae_bpm=probe.mae_bpm(z_BD, golden.hr_bpm_B) if probe and finite else None,
        hr_mae_network_bpm=probe.mae_bpm(golden.z_BD, golden.hr_bpm_B) if probe else None,
        heads=tuple(_head(name, golden, column, given[column]) for column, name in enumerate(heads)),
    )


def _head(name: str, golden: Golden, column: int, got_B1: NDArray[np.float32]) -> HeadCheck:
    if golden.heads_BK is None:
        raise ValueError("the artifact has heads, the golden windows have no expected results of them")
    expected_B1 = golden.heads_BK[:, [column]]
    snr_db = parity(expected_B1, got_B1).snr_db
    worst_error = float(np.abs(got_B1 - expected_B1).max())
    return HeadCheck(name=name, snr_db=snr_db, worst_error=worst_error if np.isfinite(worst_error) else None)


def _otherwise_prepared(difference: float) -> list[str]:
    if difference <= MAX_PREPARED_DIFFERENCE:
        return []
    return [f"windows prepared here differ from the bundle's by {difference:.2g} standard scores"]
