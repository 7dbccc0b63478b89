"""A bundle's folder: written once by the export pipeline, read by verify, bench, simulators and kits.

model/...             the artifact                  golden.safetensors   raw g, prepared, expected embeddings
manifest.json         see `Manifest`                calibration.json     see `CalibrationRecord`
recipe.toml           number formats and floor      probe.safetensors    heart-rate probe (not always)
contract.json         the signal contract           card.md              for people
SHA256SUMS            every file's hash          SHA256SUMS.sig       its signature (not always)
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from edgeacc.bundle.card import card_text
from edgeacc.bundle.golden import Golden, read_golden
from edgeacc.bundle.manifest import SCHEMA_VERSION, CalibrationRecord, Manifest
from edgeacc.bundle.probe import Probe, read_probe
from edgeacc.bundle.sums import check_sums, write_sums
from edgeacc.compression.recipe import Recipe
from edgeacc.errors import BadInput
from edgeacc.files import read_model, write_json
from edgeacc.models.card import Card
from edgeacc.signals.contract import SignalContract

MODEL = "model"
_MANIFEST, _RECIPE, _CONTRACT, _CALIBRATION = "manifest.json", "recipe.toml", "contract.json", "calibration.json"
_GOLDEN, _PROBE, _CARD = "golden.safetensors", "probe.safetensors", "card.md"


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle beside the artifact."""

    manifest: Manifest
    recipe: Recipe
    card: Card
    calibration: CalibrationRecord
    golden: Golden
    probe: Probe | None


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files are exactly those that were written."""

    path: Path
    manifest: Manifest
    recipe: Recipe
    contract: SignalContract

    @property
    def model(self) -> Path:
        """The artifact's file or folder."""
        return self.path / self.manifest.model

    @property
    def embedding_width(self) -> int:
        """D."""
        return self.manifest.output.shape[-1]

    def golden(self) -> Golden:
        """The golden windows and their expected embeddings.

        Raises:
            BadInput: the file is not what the manifest says.
        """
        windows = self.manifest.verification.windows
        return read_golden(
            self.path / _GOLDEN, windows, self.contract.samples, self.embedding_width, len(self.manifest.heads)
        )

    def probe(self) -> Probe | None:
        """The heart-rate probe, if the bundle has one.

        Raises:
            BadInput: the file is not what the manifest says.
        """
        path = self.path / _PROBE
        return read_probe(path, self.embedding_width) if path.exists() else None

    def calibration(self) -> CalibrationRecord:
        """How it was calibrated.

        Raises:
            BadInput: the file has mistakes.
        """
        return read_model(self.path / _CALIBRATION, CalibrationRecord)


def complete(folder: Path, contents: Contents) -> None:
    """Make a folder that holds `model/` a bundle: write everything else, SHA256SUMS last."""
    write_json(folder / _MANIFEST, contents.manifest)
    (folder / _RECIPE).write_text(contents.recipe.to_toml())
    write_json(folder / _CONTRACT, contents.card.contract)
    write_json(folder / _CALIBRATION, contents.calibration)
    contents.golden.write(folder / _GOLDEN)
    if contents.probe is not None:
        contents.probe.write(folder / _PROBE)
    (folder / _CARD).write_text(card_text(contents.card, contents.manifest, contents.recipe, contents.calibration))
    write_sums(folder)


def open_bundle(path: Path) -> Bundle:
    """Check the hashes of every file, then read what the bundle says of itself.

    Raises:
        BadInput: not a bundle, a file that is changed, missing, extra, too large, a link or outside, another schema
            version, or parts that do not belong together.
    """
    check_sums(path)
    version = read_model(path / _MANIFEST, _Version).schema_version
    if not 1 <= version <= SCHEMA_VERSION:
        raise BadInput(f"bundle {path} has schema version {version}", valid=f"1 to {SCHEMA_VERSION}")
    manifest = read_model(path / _MANIFEST, Manifest)
    bundle = Bundle(path, manifest, read_model(path / _RECIPE, Recipe), read_model(path / _CONTRACT, SignalContract))
    problems = _disagreements(bundle)
    if problems:
        raise BadInput.several(f"bundle {path}", problems, valid="a bundle written by `edgeacc export`")
    return bundle


def target_of(path: Path) -> str | None:
    """The target that a bundle's manifest names, nothing of it being checked; None for what is no bundle."""
    try:
        return read_model(path / _MANIFEST, _Target).target
    except BadInput:
        return None


def _disagreements(bundle: Bundle) -> list[str]:
    manifest, recipe, contract = bundle.manifest, bundle.recipe, bundle.contract
    checks = {
        f"manifest.json names the artifact {manifest.model}, which is not there": bundle.model.exists(),
        f"contract.json is {contract.digest}, manifest.json says {manifest.contract_digest}": (
            contract.digest == manifest.contract_digest
        ),
        f"recipe.toml is {recipe.name}, manifest.json says {manifest.recipe}": recipe.name == manifest.recipe,
        f"recipe.toml is for {recipe.target}, manifest.json says {manifest.target}": recipe.target == manifest.target,
    }
    return [problem for problem, holds in checks.items() if not holds]


class _Target(BaseModel):
    target: str


class _Version(BaseModel):
    schema_version: int
