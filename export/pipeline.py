"""From a checkpoint to a bundle: read, prepare windows, convert, run the artifact, compare, write.

A bundle that fails its parity gate is not written: it is kept aside as `<bundle>.rejected`, to be looked at.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel
from torch import Tensor

from edgeacc import __version__
from edgeacc.bundle.bundle import MODEL, Contents, complete, open_bundle
from edgeacc.bundle.manifest import (
    PREPARED_UNIT,
    RAW_UNIT,
    CalibrationRecord,
    Compatibility,
    FieldCheck,
    Manifest,
    Needs,
    StreamingSpec,
    TensorSpec,
    Verification,
)
from edgeacc.bundle.signature import sign
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput, ParityFailed, command
from edgeacc.export.diverging import check_layers
from edgeacc.export.exporter import FUNCTIONS, INPUT_NAME, OUTPUT_NAME, Exporter, Outputs, take_notes
from edgeacc.export.field import FIELD_RUNTIMES
from edgeacc.export.raw import require_raw
from edgeacc.export.registry import exporter, target_info, tool_licences, tool_versions
from edgeacc.export.source import Source, timed
from edgeacc.export.streaming import require_streaming
from edgeacc.export.verify import compare
from edgeacc.files import discard, replacing
from edgeacc.progress import Progress, silent

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

STAGES = ("convert", "run", "write")
"""Of one bundle, in this order, after `read` and `windows`, which all bundles of one export share."""


class ExportResult(BaseModel):
    """One bundle.

    Attributes:
        bundle: its folder.
        target: where it runs.
        recipe: how it was made.
        model_bytes: size of the artifact.
        verification: what was measured on the golden windows.
        task_cost_bpm: heart-rate error that the conversion added; None without a probe.
        streaming: how the artifact takes a window in pieces; None for one that takes it at once.
        warnings: about the calibration.
        stage_s: seconds that each stage took; `read` and `windows` are shared by all bundles of one export.
    """

    bundle: str
    target: str
    recipe: str
    model_bytes: int
    verification: Verification
    task_cost_bpm: float | None
    streaming: StreamingSpec | None
    warnings: list[str]
    stage_s: dict[str, float]

    @property
    def own_s(self) -> float:
        """Seconds that this bundle alone took."""
        return sum(seconds for stage, seconds in self.stage_s.items() if stage in STAGES)


def export_bundle(
    source: Source,
    recipe: Recipe,
    out: Path,
    *,
    field_runtimes: Sequence[str] = (),
    multifunction: bool = False,
    key: "Ed25519PrivateKey | None" = None,
    force: bool = False,
    progress: Progress = silent,
) -> ExportResult:
    """Convert, run, compare and write one bundle; `key` signs it, unless it is rejected.

    Args:
        source: what to export.
        recipe: how.
        out: the bundle's folder.
        field_runtimes: of `edgeacc.export.field`, in which a .tflite must be right too.
        multifunction: target coreml, a source with heads: functions `embed` and `heads`, which share their weights.
        key: signs the bundle.
        force: replace what is there.
        progress: told of each stage.

    Raises:
        BadInput: `out` exists and `force` is not set, or the recipe's name tells of the network what is not so.
        NotPossibleHere: a package is missing, the converter refused, or the disk is full.
        ParityFailed: below the recipe's floor; the bundle is kept aside as `<out>.rejected`.
    """
    _require_network(source, recipe)
    _require_flavour(source, recipe)
    stages = _Stages(recipe.name, source.stage_s, progress)
    tool = exporter(recipe.target, "convert")
    calibration = source.calibration.spread(0 if source.raw else recipe.calibration_windows)
    with replacing(out, force=force) as folder:
        (folder / MODEL).mkdir(parents=True)
        with stages("convert"):
            given = (source, tool, recipe, calibration.acc_BCT, folder / MODEL)
            model = _converted(*given, multifunction=multifunction)
        with stages("run"):
            verification = _verification(source, recipe, tool, model, field_runtimes)
            if not verification.passed and not source.streaming:
                layers = check_layers(tool, source.network, recipe, calibration.acc_BCT, source.given_BCT)
                verification = verification.model_copy(update={"layers": layers})
        record = calibration.record(0 if source.raw else recipe.calibration_windows).model_copy(
            update={"converter": take_notes(folder / MODEL)}
        )
        with stages("write"):
            manifest = _manifest(source, recipe, model, verification, tool.needs(model))
            manifest = manifest.model_copy(update={"functions": FUNCTIONS if multifunction else ()})
            complete(folder, Contents(manifest, recipe, source.card, record, source.golden, source.probe))
            open_bundle(folder)
            if verification.passed and key is not None:
                sign(folder, key)
            if not verification.passed:
                raise _rejected(folder, _aside(out), recipe, verification)
    discard(_aside(out))
    return _result(out, manifest, record, stages.stage_s)


def _converted(
    source: Source, tool: Exporter, recipe: Recipe, calibration_BCT: Tensor, out: Path, *, multifunction: bool
) -> Path:
    if source.streaming:
        return tool.convert_streaming(source.streaming, recipe, out)
    if multifunction:
        return tool.convert_functions(source.network, source.program, recipe, calibration_BCT, out)
    return tool.convert(source.program, recipe, calibration_BCT, out)


def _require_flavour(source: Source, recipe: Recipe) -> None:
    """Raise BadInput where a recipe's target cannot have what the source was made for."""
    if source.streaming:
        require_streaming(recipe)
    if source.raw:
        require_raw(recipe)
    if source.batches and recipe.target != "coreml":
        raise BadInput(
            f"{recipe.name}: an artifact of {recipe.target} takes one window at a time",
            valid="target coreml, or no --batch",
        )


class _Stages:
    """The stages of one bundle: progress before each, its seconds after."""

    def __init__(self, title: str, before_s: dict[str, float], progress: Progress) -> None:
        self.stage_s = dict(before_s)
        self._title = title
        self._progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        done = STAGES.index(name)
        self._progress(done, len(STAGES), f"{self._title}: {name}")
        with timed(self.stage_s, name):
            yield
        self._progress(done + 1, len(STAGES), f"{self._title}: {name}")


def _require_network(source: Source, recipe: Recipe) -> None:
    """Raise BadInput where a recipe's name tells of a network what is not so."""
    if recipe.trained and source.card.rounding is None:
        raise BadInput(
            f"{recipe.name} is for a network that was trained to be rounded; {source.checkpoint.name} was not",
            valid="a checkpoint of `edgeacc compress qat`, or a recipe without -qat",
            next_command=command("edgeacc", "compress", "qat", source.checkpoint.name, "--store", "STORE", "-o", "DIR"),
        )
    pruning, name = source.card.pruning, source.checkpoint.name
    percent = 0 if pruning is None else round(100 * pruning.ratio)
    if recipe.pruned not in (0, percent):
        raise BadInput(
            f"{recipe.name} is for a network pruned by {recipe.pruned} %; {name} is pruned by {percent} %",
            valid=f"a checkpoint of `edgeacc compress prune --ratio {recipe.pruned / 100:g}`, or a recipe without "
            f"-p{recipe.pruned}",
            next_command=command(
                "edgeacc", "compress", "prune", name, "--ratio", recipe.pruned / 100, "--store", "STORE", "-o", "DIR"
            ),
        )


def _verification(
    source: Source, recipe: Recipe, tool: Exporter, model: Path, field_runtimes: Sequence[str]
) -> Verification:
    def compared(outputs: Outputs) -> Verification:
        return compare(source.golden, source.heads, source.probe, outputs, tool.level, recipe.min_snr_db)

    golden_BCT, count = source.given_BCT, 1 + len(source.heads)
    checks = []
    for runtime in map(FIELD_RUNTIMES.__getitem__, field_runtimes):
        there = compared(runtime.run(model, golden_BCT, count))
        worst_db = min([there.snr_db, *(head.snr_db for head in there.heads)])
        checks.append(FieldCheck(name=runtime.name, version=runtime.version(), snr_db=worst_db))
    return compared(tool.run(model, golden_BCT)).model_copy(update={"field": tuple(checks)})


def _aside(out: Path) -> Path:
    """Where a rejected bundle is kept, until the same export succeeds."""
    return out.with_name(f"{out.name}.rejected")


def _rejected(folder: Path, aside: Path, recipe: Recipe, verification: Verification) -> ParityFailed:
    """Keep the bundle aside with what was measured, and say so."""
    with replacing(aside, force=True) as beside:
        folder.rename(beside)
    return ParityFailed(
        f"{recipe.name} against the fp32 network: {'; '.join(verification.failures)} (worst cosine "
        f"{verification.worst_cosine:.4f}); the bundle was not written, it is kept aside in {aside}",
        valid=f"at least {recipe.min_snr_db:g} dB: a network that was trained longer, or a recipe of higher precision",
        next_command=command("edgeacc", "verify", aside),
    )


def _manifest(source: Source, recipe: Recipe, model: Path, verification: Verification, needs: Needs) -> Manifest:
    contract, config = source.card.contract, source.card.encoder
    versions = tool_versions(recipe.target)
    runtime = {name: versions[name] for name in target_info(recipe.target).runtime_packages if name in versions}
    runtime |= {each.name: each.version for each in verification.field}
    return Manifest(
        edgeacc_version=__version__,
        target=recipe.target,
        recipe=recipe.name,
        model=f"{MODEL}/{model.name}",
        model_bytes=size_bytes(model),
        contract_digest=contract.digest,
        source=source.checkpoint,
        input=TensorSpec(
            name=INPUT_NAME,
            shape=(1, config.in_channels, contract.samples),
            unit=RAW_UNIT if source.raw else PREPARED_UNIT,
        ),
        output=TensorSpec(name=OUTPUT_NAME, shape=(1, source.golden.z_BD.shape[1]), unit="standard score"),
        heads=tuple(TensorSpec(name=name, shape=(1, 1), unit=name.rpartition("_")[2]) for name in source.heads),
        streaming=source.streaming.spec if source.streaming else None,
        batches=source.batches,
        verification=verification,
        compatibility=Compatibility(minimum_os=recipe.minimum_os, runtime=runtime, needs=needs),
        tool_versions=versions,
        tool_licences=tool_licences(recipe.target),
    )


def size_bytes(model: Path) -> int:
    """Of an artifact, a file or a folder."""
    files = [path for path in model.rglob("*") if path.is_file()] if model.is_dir() else [model]
    return sum(path.stat().st_size for path in files)


def _result(out: Path, manifest: Manifest, record: CalibrationRecord, stage_s: dict[str, float]) -> ExportResult:
    return ExportResult(
        bundle=str(out),
        target=manifest.target,
        recipe=manifest.recipe,
        model_bytes=manifest.model_bytes,
        verification=manifest.verification,
        task_cost_bpm=manifest.verification.task_cost_bpm,
        streaming=manifest.streaming,
        warnings=list(record.warnings),
        stage_s=stage_s,
    )
