"""From a checkpoint to a bundle: read, prepare windows, convert, run the artifact, compare, write.

A bundle that fails its parity gate is not written: it is kept aside as `<bundle>.rejected`, to be looked at.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import BaseModel
from torch.export import ExportedProgram

from edgeacc import __version__
from edgeacc.bundle.bundle import MODEL, Contents, complete, open_bundle
from edgeacc.bundle.calibration import CalibrationSet, calibration_set
from edgeacc.bundle.golden import Golden, golden_windows
from edgeacc.bundle.manifest import (
    CalibrationRecord,
    Compatibility,
    FieldCheck,
    Manifest,
    SourceCheckpoint,
    TensorSpec,
    Verification,
)
from edgeacc.bundle.probe import FEWEST_WINDOWS, Probe, fit_probe
from edgeacc.bundle.signature import sign
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput, ParityFailed, command
from edgeacc.export.diverging import check_layers
from edgeacc.export.exporter import INPUT_NAME, OUTPUT_NAME, Exporter, Outputs, output_names, take_notes
from edgeacc.export.field import FIELD_RUNTIMES
from edgeacc.export.heads import with_heads
from edgeacc.export.registry import exporter, target_info, tool_licences, tool_versions
from edgeacc.export.verify import compare
from edgeacc.files import discard, replacing, sha256
from edgeacc.models.checkpoint import Card, encoder_file, load_encoder
from edgeacc.models.deploy import exported_program
from edgeacc.models.encoder import Encoder
from edgeacc.progress import Progress, silent
from edgeacc.windows.labels import RHYTHM

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

STAGES = ("convert", "run", "write")
"""Of one bundle, in this order, after `read` and `windows`, which all bundles of one export share."""

_BATCH = 64


class ExportResult(BaseModel):
    """One bundle.

    Attributes:
        bundle: its folder.
        target: where it runs.
        recipe: how it was made.
        model_bytes: size of the artifact.
        verification: what was measured on the golden windows.
        task_cost_bpm: heart-rate error that the conversion added; None without a probe.
        warnings: about the calibration.
        stage_s: seconds that each stage took; `read` and `windows` are shared by all bundles of one export.
    """

    bundle: str
    target: str
    recipe: str
    model_bytes: int
    verification: Verification
    task_cost_bpm: float | None
    warnings: list[str]
    stage_s: dict[str, float]

    @property
    def own_s(self) -> float:
        """Seconds that this bundle alone took."""
        return sum(seconds for stage, seconds in self.stage_s.items() if stage in STAGES)


@dataclass(frozen=True)
class Source:
    """All that the bundles of one export share.

    Attributes:
        checkpoint: what `manifest.json` says of the checkpoint.
        card: the checkpoint's card.
        network: the one program from which every target starts, (1, 3, T) -> (1, D).
        program: the same with its heads, if they are wanted.
        golden: golden windows and the fp32 network's embeddings.
        calibration: training windows.
        probes: heart rate and its variability from an embedding, by label; those that the windows have labels for.
        stage_s: seconds that reading and preparing took.
    """

    checkpoint: SourceCheckpoint
    card: Card
    network: ExportedProgram
    program: ExportedProgram
    golden: Golden
    calibration: CalibrationSet
    probes: dict[str, Probe]
    stage_s: dict[str, float] = field(default_factory=dict)

    @property
    def probe(self) -> Probe | None:
        """Of the heart rate, in which the cost of a conversion is told."""
        return self.probes.get("hr_bpm")

    @property
    def heads(self) -> list[str]:
        """Names of the outputs beside the embedding."""
        return output_names(self.program)[1:]


def read_source(
    checkpoint: Path,
    store: Path | None,
    calibration_windows: int,
    progress: Progress = silent,
    *,
    heads: bool = False,
) -> Source:
    """Read the network and everything that does not depend on the target.

    Args:
        checkpoint: folder of a student or an accelerometer baseline.
        store: its training participants give the calibration set; None for the cohort.
        calibration_windows: the most that any recipe wants.
        progress: told of the two stages.
        heads: heart rate and its variability as further outputs.

    Raises:
        BadInput: not a checkpoint, one that does not read three axes, a store that does not fit it, or too few labels
            for any head.
    """
    stage_s: dict[str, float] = {}
    progress(0, 2, "read the network")
    with _timed(stage_s, "read"):
        encoder, card = load_encoder(checkpoint)
        _require_accelerometer(checkpoint, card)
        network = program = exported_program(encoder, card.contract)
    progress(1, 2, "golden and calibration windows")
    with _timed(stage_s, "windows"):
        calibration = calibration_set(store, card.contract, calibration_windows)
        golden = golden_windows(encoder, card.contract)
        probes = _fitted_probes(encoder, calibration)
        if heads:
            program, golden = _with_heads(network, golden, probes, calibration)
    progress(2, 2, "network and windows ready")
    origin = SourceCheckpoint(
        name=checkpoint.resolve().name,
        kind=card.kind,
        objective=card.objective,
        encoder=card.encoder.name,
        sha256=sha256(encoder_file(checkpoint)),
    )
    return Source(origin, card, network, program, golden, calibration, probes, stage_s)


def export_bundle(
    source: Source,
    recipe: Recipe,
    out: Path,
    *,
    field_runtimes: Sequence[str] = (),
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
        key: signs the bundle.
        force: replace what is there.
        progress: told of each stage.

    Raises:
        BadInput: `out` exists and `force` is not set, or the recipe is for a network that was pruned otherwise.
        NotPossibleHere: a package is missing, the converter refused, or the disk is full.
        ParityFailed: below the recipe's floor; the bundle is kept aside as `<out>.rejected`.
    """
    _require_pruned(source, recipe)
    stages = _Stages(recipe.name, source.stage_s, progress)
    tool = exporter(recipe.target, "convert")
    calibration = source.calibration.spread(recipe.calibration_windows)
    with replacing(out, force=force) as folder:
        (folder / MODEL).mkdir(parents=True)
        with stages("convert"):
            model = tool.convert(source.program, recipe, calibration.acc_BCT, folder / MODEL)
        with stages("run"):
            verification = _verification(source, recipe, tool, model, field_runtimes)
            if not verification.passed:
                layers = check_layers(tool, source.network, recipe, calibration.acc_BCT, source.golden.acc_BCT)
                verification = verification.model_copy(update={"layers": layers})
        record = calibration.record(recipe.calibration_windows).model_copy(
            update={"converter": take_notes(folder / MODEL)}
        )
        with stages("write"):
            manifest = _manifest(source, recipe, model, verification)
            complete(folder, Contents(manifest, recipe, source.card, record, source.golden, source.probe))
            open_bundle(folder)
            if verification.passed and key is not None:
                sign(folder, key)
            if not verification.passed:
                raise _rejected(folder, _aside(out), recipe, verification)
    discard(_aside(out))
    return _result(out, manifest, record, stages.stage_s)


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
        with _timed(self.stage_s, name):
            yield
        self._progress(done + 1, len(STAGES), f"{self._title}: {name}")


@contextmanager
def _timed(stage_s: dict[str, float], name: str) -> Iterator[None]:
    start_s = time.perf_counter()
    yield
    stage_s[name] = round(time.perf_counter() - start_s, 3)


def _require_accelerometer(checkpoint: Path, card: Card) -> None:
    if card.sensor != "acc":
        raise BadInput(
            f"{checkpoint} is a {card.kind}, which reads the PPG and is not exported",
            valid="a student, or an accelerometer baseline",
            next_command=command("edgeacc", "train", "student", "STORE", "--teacher", checkpoint, "-o", "DIR"),
        )


def _require_pruned(source: Source, recipe: Recipe) -> None:
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


@torch.no_grad()
def _fitted_probes(encoder: Encoder, calibration: CalibrationSet) -> dict[str, Probe]:
    z_BD = torch.cat([encoder(chunk) for chunk in calibration.acc_BCT.split(_BATCH)])
    labels_KB = calibration.rhythm_BK.T
    fitted = {
        name: fit_probe(z_BD, label_B, calibration.participant_B)
        for name, label_B in zip(RHYTHM, labels_KB, strict=True)
    }
    return {name: probe for name, probe in fitted.items() if probe is not None}


def _with_heads(
    program: ExportedProgram, golden: Golden, probes: dict[str, Probe], calibration: CalibrationSet
) -> tuple[ExportedProgram, Golden]:
    if not probes:
        raise BadInput(
            f"{calibration.origin}: too few labels to fit heads on",
            valid=f"at least {FEWEST_WINDOWS} windows of two people with {', '.join(RHYTHM)}; or no --heads",
        )
    heads_BK = np.stack([probe.predict(golden.z_BD) for probe in probes.values()], axis=1)
    return with_heads(program, probes), replace(golden, heads_BK=heads_BK)


def _verification(
    source: Source, recipe: Recipe, tool: Exporter, model: Path, field_runtimes: Sequence[str]
) -> Verification:
    def compared(outputs: Outputs) -> Verification:
        return compare(source.golden, source.heads, source.probe, outputs, tool.level, recipe.min_snr_db)

    golden_BCT, count = source.golden.acc_BCT, 1 + len(source.heads)
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


def _manifest(source: Source, recipe: Recipe, model: Path, verification: Verification) -> Manifest:
    contract, config = source.card.contract, source.card.encoder
    versions = tool_versions(recipe.target)
    runtime = {name: versions[name] for name in target_info(recipe.target).runtime_packages if name in versions}
    runtime |= {each.name: each.version for each in verification.field}
    return Manifest(
        edgeacc_version=__version__,
        target=recipe.target,
        recipe=recipe.name,
        model=f"{MODEL}/{model.name}",
        model_bytes=_size_bytes(model),
        contract_digest=contract.digest,
        source=source.checkpoint,
        input=TensorSpec(name=INPUT_NAME, shape=(1, config.in_channels, contract.samples), unit="standard score"),
        output=TensorSpec(name=OUTPUT_NAME, shape=(1, source.golden.z_BD.shape[1]), unit="standard score"),
        heads=tuple(TensorSpec(name=name, shape=(1, 1), unit=name.rpartition("_")[2]) for name in source.heads),
        verification=verification,
        compatibility=Compatibility(minimum_os=recipe.minimum_os, runtime=runtime),
        tool_versions=versions,
        tool_licences=tool_licences(recipe.target),
    )


def _size_bytes(model: Path) -> int:
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
        warnings=list(record.warnings),
        stage_s=stage_s,
    )
