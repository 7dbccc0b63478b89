"""Reads the results of several commands, each known by what it holds, into one report."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from edgeacc.benchmarks.report.report import Layers, Report, TargetRow, target_rows, verified_row
from edgeacc.benchmarks.results import BenchResult, Reference
from edgeacc.bundle.bundle import open_bundle
from edgeacc.bundle.sums import is_bundle
from edgeacc.errors import BadInput, EdgeaccError
from edgeacc.evaluation.result import EvaluationResult
from edgeacc.export.verify import VerifyReport
from edgeacc.files import parse_model
from edgeacc.firmware_sim.counts import from_json
from edgeacc.firmware_sim.simulate import Simulation

VALID = (
    "a result of bench, verify --json, evaluate or simulate, a bundle, or a folder of such results "
    "(bench.json, verify.json, evaluation.json, reference.json, manifest.json of simulate)"
)
_NAMES = ("bench.json", "verify.json", "evaluation.json", "reference.json", "manifest.json")


class Verified(BaseModel):
    """What `edgeacc verify --json` prints."""

    bundles: list[VerifyReport]
    refused: list[str]


@dataclass
class _Found:
    """The results so far, each with its file."""

    results: dict[type, list[tuple[Path, Any]]] = field(default_factory=dict)
    bundles: list[TargetRow] = field(default_factory=list)
    layers: list[Layers] = field(default_factory=list)

    def all(self, kind: type) -> list[Any]:
        return [result for _, result in self.results.get(kind, [])]

    def only(self, kind: type, next_command: str) -> Any | None:  # noqa: ANN401
        """The one result of a kind; None of none.

        Raises:
            BadInput: there are several.
        """
        found = self.results.get(kind, [])
        if len(found) > 1:
            paths = " and ".join(str(path) for path, _ in found)
            raise BadInput(f"{paths} are results of one kind", valid="one of them", next_command=next_command)
        return found[0][1] if found else None


def gather(paths: Sequence[Path]) -> Report:
    """The report of some results.

    Args:
        paths: files, folders that hold them by their usual names, and bundles; a bundle that is not whole is a
            rejected row.

    Raises:
        BadInput: a path is none of these, a result is corrupt, or two are of a kind of which a report has one.
    """
    found = _Found()
    for path in paths:
        _read(path, found)
    bench = found.only(BenchResult, "edgeacc compare --help")
    reference = found.only(Reference, "edgeacc report --help")
    simulations = found.all(Simulation)
    return Report(
        targets=target_rows(list(_checked(found)), bench, reference, simulations),
        bench=bench,
        reference=reference,
        evaluation=found.only(EvaluationResult, "edgeacc report --help"),
        simulations=simulations,
        layers=found.layers,
    )


def _checked(found: _Found) -> Iterator[TargetRow]:
    """Verified rows; of a recipe that was verified after its export too, the later verification."""
    verified = {
        report.recipe: verified_row(report, f"edgeacc verify, {path}, {report.windows} golden windows")
        for path, result in found.results.get(Verified, [])
        for report in result.bundles
    }
    yield from verified.values()
    yield from (row for row in found.bundles if row.recipe not in verified)


def _read(path: Path, found: _Found) -> None:
    if not path.is_dir():
        _keep(path, found)
    elif is_bundle(path):
        found.bundles.append(_of_bundle(path))
    else:
        here = [path / name for name in _NAMES if (path / name).is_file()]
        bundles = sorted(each for each in path.iterdir() if is_bundle(each))
        if not here and not bundles:
            raise BadInput(f"{path} holds no result", valid=VALID, next_command="edgeacc report --help")
        for each in here:
            _keep(each, found)
        found.bundles += map(_of_bundle, bundles)
        found.layers += [_layers(each) for each in sorted(path.glob("run-*.json"))]


def _keep(path: Path, found: _Found) -> None:
    content = _json(path)
    kind = _kind(content)
    if kind is None:
        raise BadInput(f"{path} is no result that a report shows", valid=VALID, next_command="edgeacc report --help")
    found.results.setdefault(kind, []).append((path, parse_model(content, kind, where=str(path))))


def _json(path: Path) -> Any:  # noqa: ANN401
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist", valid=VALID) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path} is not valid JSON: {error}", valid=VALID) from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", valid=VALID) from error


def _kind(content: Any) -> type[BaseModel] | None:  # noqa: ANN401
    """By what it holds; its mistakes are told when it is read."""
    if not isinstance(content, Mapping):
        return None
    by_kind: dict[str, type[BaseModel]] = {"evaluation": EvaluationResult, "reference": Reference}
    if content.get("kind") in by_kind:
        return by_kind[content["kind"]]
    marks: dict[type[BaseModel], tuple[str, ...]] = {
        BenchResult: ("machine", "settings"),
        Verified: ("bundles", "refused"),
        Simulation: ("model", "macs"),
    }
    return next((kind for kind, names in marks.items() if all(name in content for name in names)), None)


def _of_bundle(path: Path) -> TargetRow:
    """What was checked when it was made; a bundle that does not open, as rejected."""
    try:
        bundle = open_bundle(path)
    except EdgeaccError as error:
        return TargetRow(target=None, recipe=path.name, level=None, rejected=" ".join(error.problem.split()))
    manifest, checked = bundle.manifest, bundle.manifest.verification
    failure = f"{checked.snr_db:.1f} dB, below the recipe's floor of {checked.min_snr_db:g} dB"
    return TargetRow(
        target=manifest.target,
        recipe=manifest.recipe,
        level=checked.level,
        rejected="" if checked.passed else failure,
        size_bytes=manifest.model_bytes,
        snr_db=checked.snr_db,
        min_snr_db=checked.min_snr_db,
        hr_mae_bpm=checked.hr_mae_bpm,
        task_cost_bpm=checked.task_cost_bpm,
        checked_by=f"edgeacc export, {path}, {checked.windows} golden windows",
    )


def _layers(path: Path) -> Layers:
    run = from_json(path.read_bytes(), where=str(path))
    layers = [(f"{layer.index} {layer.operator}", layer.counts.total) for layer in run.layers]
    return Layers(core=run.core, engine=f"{run.engine} {run.version}", layers=layers)
