"""`edgeacc verify`: run bundles' golden windows through their artifacts and compare, needing nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.export_tables import heads_table, signed_bpm
from edgeacc.cli.output import progress, show, table
from edgeacc.cli.several import as_one
from edgeacc.errors import EdgeaccError, ParityFailed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from rich.table import Table

    from edgeacc.bundle.manifest import Needs
    from edgeacc.export.verify import VerifyReport


def verify(
    bundles: Annotated[list[Path], typer.Argument(help="Folders written by `edgeacc export`.")],
    public_key: Annotated[
        Path | None, typer.Option(help="Refuse what is not signed by the private key of this one (Ed25519, PEM).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Check hashes, contract and numbers of bundles, from raw acceleration to the embedding."""
    key = _read_key(public_key) if public_key else None
    reports: list[VerifyReport] = []
    errors: list[EdgeaccError] = []
    with progress("verify") as report:
        for number, bundle in enumerate(bundles):
            report(number, len(bundles), bundle.name)
            try:
                reports.append(_verified(bundle, key))
            except EdgeaccError as error:
                errors.append(error)
        report(len(bundles), len(bundles))
    refused = [error.problem for error in errors]
    if reports or json:
        heads = heads_table({each.recipe: each.heads for each in reports})
        tables = [_table(reports), *heads, *_needs_table(reports)] if reports else []
        show({"bundles": reports, "refused": refused}, tables, as_json=json)
    errors += [_failed(each) for each in reports if not each.passed]
    if errors:
        raise as_one(errors)


def _read_key(path: Path) -> "Ed25519PublicKey":
    from edgeacc.bundle.signature import public_key

    return public_key(path)


def _verified(bundle: Path, key: "Ed25519PublicKey | None") -> "VerifyReport":
    """What is no bundle at all, or not signed, is refused before torch is imported (seconds)."""
    from edgeacc.bundle.signature import check_signature
    from edgeacc.bundle.sums import require_bundle

    require_bundle(bundle)
    if key is not None:
        check_signature(bundle, key)
    from edgeacc.export.verify import verify_bundle

    return verify_bundle(bundle)


def _failed(report: "VerifyReport") -> ParityFailed:
    return ParityFailed(f"{report.bundle}: {'; '.join(report.failures)}", next_command="edgeacc ls recipes")


def _needs_table(reports: "list[VerifyReport]") -> "list[Table]":
    rows = [
        (each.recipe, ", ".join(f"{name} {value}" for name, value in each.needs.format.items()), _listed(each.needs))
        for each in reports
        if each.needs
    ]
    return [table("What a runtime must read", ("recipe", "format", "operators"), rows)] if rows else []


def _listed(needs: "Needs") -> str:
    return ", ".join(needs.operators) or "none outside its delegates"


def _table(reports: "list[VerifyReport]") -> "Table":
    columns = ("recipe", "checked", "SNR / floor [dB]", "worst cosine", "task cost [bpm]", "state", "bundle")
    rows = [
        (
            each.recipe, each.level, f"{each.snr_db:.1f} / {each.min_snr_db:g}", f"{each.worst_cosine:.5f}",
            signed_bpm(each.task_cost_bpm), "passed" if each.passed else "failed", each.bundle,
        )
        for each in reports
    ]  # fmt: skip
    return table("Verified from raw acceleration", columns, rows)
