"""`edgeacc verify`: run bundles' golden windows through their artifacts and compare, needing nothing else."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.output import progress, show, table
from edgeacc.errors import BadInput, EdgeaccError, NotPossibleHere, ParityFailed

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.export.verify import VerifyReport


def verify(
    bundles: Annotated[list[Path], typer.Argument(help="Folders written by `edgeacc export`.")],
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Check hashes, contract and numbers of bundles, from raw acceleration to the embedding."""
    from edgeacc.export.verify import verify_bundle

    reports: list[VerifyReport] = []
    refused: list[tuple[Path, EdgeaccError]] = []
    with progress("verify") as report:
        for number, bundle in enumerate(bundles):
            report(number, len(bundles), bundle.name)
            try:
                reports.append(verify_bundle(bundle))
            except EdgeaccError as error:
                refused.append((bundle, error))
        report(len(bundles), len(bundles))
    problems = [{"bundle": str(bundle), "problem": error.problem} for bundle, error in refused]
    if reports or json:
        show({"bundles": reports, "refused": problems}, [_table(reports)] if reports else [], as_json=json)
    _raise_gravest(reports, refused)


def _raise_gravest(reports: "list[VerifyReport]", refused: list[tuple[Path, EdgeaccError]]) -> None:
    """Tampering before parity before a missing runtime; one bundle's own error is raised as it is."""
    failed = [each for each in reports if not each.passed]
    lines = [f"{each.bundle}: {'; '.join(each.failures)}" for each in failed]
    lines += [error.problem for _, error in refused]
    if not lines:
        return
    errors = [error for _, error in refused]
    if len(lines) == 1 and errors:
        raise errors[0]
    kind = next(kind for kind in (BadInput, ParityFailed, NotPossibleHere) if _any(kind, errors, failed))
    raise kind(lines[0] if len(lines) == 1 else "\n  - ".join([f"{len(lines)} bundles did not pass", *lines]))


def _any(kind: type[EdgeaccError], errors: list[EdgeaccError], failed: "list[VerifyReport]") -> bool:
    return (kind is ParityFailed and bool(failed)) or any(isinstance(error, kind) for error in errors)


def _table(reports: "list[VerifyReport]") -> "Table":
    columns = (
        "bundle",
        "target",
        "recipe",
        "checked",
        "SNR [dB]",
        "floor [dB]",
        "worst cosine",
        "task cost [bpm]",
        "state",
    )
    rows = [
        (
            each.bundle, each.target, each.recipe, each.level, f"{each.snr_db:.1f}", f"{each.min_snr_db:g}",
            f"{each.worst_cosine:.5f}", None if each.task_cost_bpm is None else f"{each.task_cost_bpm:+.3f}",
            "passed" if each.passed else "; ".join(each.failures),
        )
        for each in reports
    ]  # fmt: skip
    return table("Verified from raw acceleration", columns, rows)
