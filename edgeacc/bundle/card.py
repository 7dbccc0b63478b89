"""The model card of a bundle: `card.md`, for the person who gets the bundle and nothing else."""

from edgeacc.bundle.manifest import CalibrationRecord, Manifest
from edgeacc.compression.recipe import Recipe
from edgeacc.models.card import Card
from edgeacc.signals.contract import SignalContract


def card_text(card: Card, manifest: Manifest, recipe: Recipe, calibration: CalibrationRecord) -> str:
    """The card as Markdown."""
    sections = {
        f"{manifest.source.encoder} as {recipe.name}": _what(manifest, recipe),
        "What it was trained on": _training(card, manifest),
        "How it is fed": _contract(card.contract, manifest),
        "What was checked": _checked(manifest, calibration),
        "What it is not": _LIMITS,
        "Licences": [
            "- The weights are whose the network is: edgeacc makes no claim to them, and licenses its own code under "
            "Apache-2.0.",
            *(f"- Made with {name}: {licence}." for name, licence in manifest.tool_licences.items()),
        ],
        "Check it yourself": [
            f"`edgeacc verify .` in this folder, with edgeacc {manifest.edgeacc_version} and its extra for "
            f"{manifest.target}: hashes first, then the golden windows from raw g through the artifact."
        ],
    }
    text = [f"# {title}\n\n" + "\n".join(lines) + "\n" for title, lines in sections.items()]
    return "\n#".join(text)


_LIMITS = [
    "- Research software. Not a medical device: do not diagnose, monitor or alarm with it.",
    "- It reads windows of little movement; movement above the contract's limit must be gated out before it.",
    "- The golden windows are simulated: they prove that the artifact computes what the network computes, and say "
    "nothing of how well the network does on people.",
    "- SHA256SUMS finds damage. It is not a signature; SHA256SUMS.sig is one, where there is one.",
]


def _what(manifest: Manifest, recipe: Recipe) -> list[str]:
    minimum = ", ".join(recipe.minimum_os) or "set by the runtime's version"
    return [
        f"- Artifact: `{manifest.model}`, {manifest.model_bytes} bytes, target {recipe.target}.",
        f"- Weights {recipe.weights}, activations {recipe.activations}.",
        f"- Minimum system: {minimum}.",
        *_needs(manifest),
    ]


def _needs(manifest: Manifest) -> list[str]:
    needs, runtime = manifest.compatibility.needs, manifest.compatibility.runtime
    tried = ", ".join(f"{name} {version}" for name, version in runtime.items())
    lines = [f"- Checked with {tried}."] if tried else []
    if needs:
        lines.append(f"- Format: {', '.join(f'{name} {version}' for name, version in needs.format.items())}.")
        lines.append(f"- Operators: {', '.join(needs.operators) or 'none outside its delegates'}.")
    return lines


def _training(card: Card, manifest: Manifest) -> list[str]:
    data = card.data
    lines = [f"- Checkpoint `{manifest.source.name}`: a {card.kind}, objective {card.objective}."]
    if data is None:
        return [*lines, "- The checkpoint does not say which data it was trained on."]
    lines.append(f"- Data: {data.windows} windows, source {data.source} ({data.name}), store {data.store_digest}.")
    if card.teacher is not None:
        lines.append(f"- Distilled from the PPG teacher `{card.teacher.name}`.")
    if data.source == "cohort":
        lines.append("- That data is simulated; no person's recordings went into the weights.")
    return lines


def _contract(contract: SignalContract, manifest: Manifest) -> list[str]:
    low_hz, high_hz = contract.acc_band_hz
    before, inside = (contract.steps[:1], contract.steps[1:]) if manifest.takes_raw else (contract.steps, ())
    steps = [
        f"- Steps before the artifact: {', '.join(before)}; the band is {low_hz:g} to {high_hz:g} Hz (`contract.json`)."
    ]
    if inside:
        steps.append(f"- Steps inside it, in 32 bits: {', '.join(inside)}.")
    return [
        f"- Raw: accelerometer {' '.join(contract.acc_axes)} in {contract.acc_unit}, gravity included, "
        f"{contract.rate_hz:g} Hz, {contract.window_s:g} s.",
        *steps,
        f"- Input `{manifest.input.name}` {manifest.input.shape}, {manifest.input.unit}.",
        *(f"- {count} windows at once, too: {(count, *manifest.input.shape[1:])}." for count in manifest.batches),
        *_pieces(manifest),
        *(f"- Output `{each.name}` {each.shape}, {each.unit}." for each in (manifest.output, *manifest.heads)),
    ]


def _pieces(manifest: Manifest) -> list[str]:
    spec = manifest.streaming
    if spec is None:
        return []
    return [
        f"- A window in {spec.pieces} pieces of {spec.samples} samples, numbered from 0, those after its end zeros. "
        "Samples must be finite: a NaN spoils its window, and the next one too where its window was broken off; "
        "nothing is left of it after that."
    ]


def _checked(manifest: Manifest, calibration: CalibrationRecord) -> list[str]:
    checked = manifest.verification
    lines = [
        f"- Level: {checked.level}, on {checked.windows} golden windows (simulated, preset calibrated).",
        f"- Against the fp32 network, mean embedding removed: {checked.snr_db:.1f} dB "
        f"(floor {checked.min_snr_db:g} dB), worst cosine {checked.worst_cosine:.5f}.",
    ]
    lines += [
        f"- Head `{head.name}` against the same on the fp32 network's embeddings: {head.snr_db:.1f} dB."
        for head in checked.heads
    ]
    if not checked.passed:
        lines.append("- **Rejected: below the floor. It does not compute what the network computes; do not ship it.**")
    if checked.hr_mae_bpm is not None:
        lines.append(
            f"- Heart rate by the shipped probe: {checked.hr_mae_bpm:.2f} bpm mean absolute error; "
            f"{checked.hr_mae_network_bpm:.2f} bpm with the fp32 network."
        )
    if calibration.windows:
        lines.append(f"- Calibrated on {calibration.windows} windows ({calibration.origin}).")
    return [*lines, *(f"- Warning: {warning}." for warning in calibration.warnings)]
