"""Search: every recipe of a target on every network that is given, and the mixtures of a scan, measured one by one.

What was measured stays in the folder, so that the same command goes on after an interruption.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeacc.benchmarks.results import QUICK
from edgeacc.benchmarks.search.budget import ON_A_DEVICE, Limit
from edgeacc.benchmarks.search.result import PROBE, TARGET_OF, Measured, Refused, SearchResult
from edgeacc.benchmarks.search.sensitivity import formats, mixed, mixtures, scan
from edgeacc.benchmarks.suite import run_bench
from edgeacc.bundle.bundle import open_bundle
from edgeacc.compression.recipe import RECIPES, Recipe
from edgeacc.errors import BadInput, EdgeaccError, NotPossibleHere, ParityFailed
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.registry import require_packages, target_info
from edgeacc.export.source import Source, read_source
from edgeacc.export.task import TaskCost, TaskReport, task_report
from edgeacc.files import discard, read_model, write_json
from edgeacc.firmware_sim.model import open_model
from edgeacc.firmware_sim.profile import Target
from edgeacc.firmware_sim.simulate import Setting, simulate
from edgeacc.firmware_sim.wear_day import Wearable
from edgeacc.models.card import load_card
from edgeacc.progress import Progress
from edgeacc.signals.contract import DEFAULT
from edgeacc.windows.store import Store

CALIBRATION = 128
RESULT = "search.json"
BUNDLES, REPORTS, SCANS = "bundles", "reports", "scans"


@dataclass(frozen=True)
class Search:
    """What is searched.

    Attributes:
        checkpoints: the first is the whole network, which errors are told against; the others were made from it.
        target: of `edgeacc.export.registry.TARGETS`.
        store: its training participants calibrate and fit the probes, its test participants judge.
        windows: of test participants, at most.
        folder: of bundles, reports and scans.
        device: to simulate what runs in static int8; None for none.
        worn: what is worn with it.
    """

    checkpoints: Sequence[Path]
    target: str
    store: Store
    windows: int
    folder: Path
    device: Target | None = None
    worn: Callable[[Target], Wearable] | None = None


@dataclass(frozen=True)
class _Candidate:
    source: Source
    checkpoint: Path
    recipe: Recipe

    @property
    def name(self) -> str:
        return f"{self.source.checkpoint.name}-{self.recipe.name}"


def require_searchable(search: Search, budget: Sequence[Limit]) -> None:
    """Before anything is converted.

    Raises:
        BadInput: two checkpoints of one name or with embeddings of different widths, a folder of another target's
            search, or a limit of a device that is not given.
        NotPossibleHere: a package of the target is missing.
    """
    require_packages(search.target, "convert")
    names = [path.resolve().name for path in search.checkpoints]
    if len(set(names)) < len(names):
        raise BadInput(f"two checkpoints are called {max(names, key=names.count)}", valid="folders of different names")
    widths = {path.name: load_card(path).encoder.width for path in search.checkpoints}
    if len(set(widths.values())) > 1:
        told = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise BadInput(f"tokens, and embeddings, of different widths: {told}", valid="networks pruned from the first")
    before = search.folder / RESULT
    if before.exists() and (target := read_model(before, SearchResult).target) != search.target:
        raise BadInput(f"{search.folder} holds a search of {target}", valid="a folder for each target")
    on_a_device = [limit.text for limit in budget if limit.measure in ON_A_DEVICE]
    if on_a_device and search.device is None:
        raise BadInput(
            f"{', '.join(on_a_device)}: of which device?", valid="--device NAME", next_command="edgeacc ls devices"
        )


def run_search(search: Search, progress: Progress) -> SearchResult:
    """Measure every candidate that is not measured yet, then the latency of all in turn.

    Raises:
        BadInput: as `edgeacc.export.pipeline.read_source` and `edgeacc.export.task.task_report`.
        NotPossibleHere: no candidate could be made.
    """
    found: list[tuple[_Candidate, TaskReport]] = []
    refused = []
    candidates = list(_candidates(search, progress))
    for number, candidate in enumerate(candidates):
        progress(number, len(candidates), candidate.name)
        try:
            report = _report(search, candidate)
        except NotPossibleHere as error:
            report = _refused(candidate, error)
        if isinstance(report, Refused):
            refused.append(report)
        else:
            found.append((candidate, report))
    progress(len(candidates), len(candidates), "latency in turn")
    if not found:
        raise NotPossibleHere("no candidate could be measured: " + "; ".join(each.problem for each in refused))
    latency = _latency(search, [candidate for candidate, _ in found])
    measured = [
        _measured(candidate, report).model_copy(
            update={"latency_ms": latency.get(candidate.name), **_on_device(search, candidate)}
        )
        for candidate, report in found
    ]
    first = found[0][1]
    return SearchResult(
        target=search.target,
        device=None if search.device is None else search.device.device.name,
        store_digest=first.store_digest,
        windows=first.windows,
        participants=first.participants,
        whole={measure: cost.whole for measure, cost in _costs(first).items()},
        measured=tuple(sorted(measured, key=lambda each: each.size_bytes)),
        refused=tuple(refused),
    )


def _candidates(search: Search, progress: Progress) -> Iterator[_Candidate]:
    for checkpoint in search.checkpoints:
        source = read_source(checkpoint, search.store.path, CALIBRATION, progress)
        pruning = source.card.pruning
        word = "" if pruning is None else f"-p{round(100 * pruning.ratio)}"
        plain = [recipe for recipe in RECIPES.values() if recipe.target == search.target]
        for recipe in plain:
            yield _Candidate(source, checkpoint, recipe.model_copy(update={"name": f"{recipe.name}{word}"}))
        if formats(search.target):
            path = search.folder / SCANS / f"{source.checkpoint.name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            by_size = {
                f"{mixture.size_bytes / 1000:.0f}k{word}": mixture.layers
                for mixture in mixtures(search.target, scan(source, search.target, path, progress))
            }
            for size, layers in by_size.items():
                yield _Candidate(source, checkpoint, mixed(search.target, size, layers))


def _report(search: Search, candidate: _Candidate) -> TaskReport | Refused:
    """Of the candidate's bundle, or that its parity gate rejected it; made unless it is there."""
    asked = " ".join(
        (
            candidate.source.checkpoint.sha256,
            candidate.recipe.to_toml(),
            search.store.manifest.content_digest,
            str(search.windows),
        )
    )
    digest = hashlib.sha256(asked.encode()).hexdigest()[:16]
    path = search.folder / REPORTS / f"{candidate.name}-{digest}.json"
    rejected = path.with_suffix(".rejected.json")
    bundle = _bundle(search, candidate)
    if rejected.exists():
        return read_model(rejected, Refused)
    if path.exists() and _is_of(bundle, candidate):
        return read_model(path, TaskReport)
    discard(bundle)
    for folder in (bundle.parent, path.parent):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        export_bundle(candidate.source, candidate.recipe, bundle)
    except ParityFailed as error:
        refused = _refused(candidate, error)
        write_json(rejected, refused, force=True)
        return refused
    report = task_report(bundle, candidate.checkpoint, search.store, search.windows, against=search.checkpoints[0])
    write_json(path, report, force=True)
    return report


def _is_of(bundle: Path, candidate: _Candidate) -> bool:
    """Whether the bundle is there, whole, and made of this network by this recipe."""
    try:
        opened = open_bundle(bundle)
    except BadInput:
        return False
    return (opened.manifest.source, opened.recipe) == (candidate.source.checkpoint, candidate.recipe)


def _bundle(search: Search, candidate: _Candidate) -> Path:
    return search.folder / BUNDLES / candidate.name


def _refused(candidate: _Candidate, error: EdgeaccError) -> Refused:
    return Refused(
        name=candidate.name,
        checkpoint=candidate.source.checkpoint.name,
        recipe=candidate.recipe.name,
        problem=error.problem.partition("; the bundle was not written")[0],
    )


def _costs(report: TaskReport) -> dict[str, TaskCost]:
    by_target = {cost.target: cost for cost in report.costs if cost.probe == PROBE}
    return {measure: by_target[target] for measure, target in TARGET_OF.items() if target in by_target}


def _measured(candidate: _Candidate, report: TaskReport) -> Measured:
    costs = _costs(report)
    return Measured(
        name=candidate.name,
        checkpoint=candidate.source.checkpoint.name,
        recipe=candidate.recipe.name,
        layers=candidate.recipe.layers,
        size_bytes=report.model_bytes,
        snr_db=round(report.snr_db, 2),
        errors={measure: cost.cost for measure, cost in costs.items()},
        parts={measure: cost.part for measure, cost in costs.items()},
    )


def _latency(search: Search, candidates: Sequence[_Candidate]) -> dict[str, float]:
    """Name -> median of a call; nothing where no runtime of the target is here."""
    if not target_info(search.target).runtime_modules:
        return {}
    bundles = {str(_bundle(search, candidate)): candidate.name for candidate in candidates}
    rows = run_bench([Path(path) for path in bundles], None, QUICK).result.rows
    return {bundles[row.path]: row.warm.p50_ms for row in rows if row.warm is not None}


def _on_device(search: Search, candidate: _Candidate) -> dict[str, float | int]:
    """Memory, time and energy of what runs in static int8; nothing of others."""
    recipe = candidate.recipe
    static = recipe.activations == "int8" and not recipe.layers and recipe.target in ("tflite", "firmware")
    if search.device is None or search.worn is None or not static:
        return {}
    opened = open_model(_bundle(search, candidate), None)
    setting = Setting(search.worn, None, opened.subject.contract or DEFAULT)
    try:
        (row,) = simulate(opened.subject, [search.device], opened.emulator(), setting).rows
    except BadInput:  # too large for it
        return {}
    told: dict[str, float | int] = {"flash_bytes": row.flash_bytes, "ram_bytes": row.ram_bytes}
    for measure, band in (("device_ms", row.latency_ms), ("energy_uj", row.energy_uj)):
        if band is not None:
            told[measure] = round(band.typical, 4)
    return told
