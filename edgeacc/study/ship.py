"""From a study's students to those that are shipped: weights in half precision, and a card of what they reached."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from edgeacc.errors import BadInput
from edgeacc.evaluation.report import with_interval
from edgeacc.evaluation.result import STUDENT, EvaluationResult
from edgeacc.files import refuse_existing, replacing, sha256, write_json
from edgeacc.models.card import Card, load_card
from edgeacc.models.checkpoint import load_tensors
from edgeacc.models.cost import cost
from edgeacc.models.folder import CARD
from edgeacc.study.cell import Cell, Place, read_cells

CARD_PAGE = "CARD.md"
_RETRIEVAL = ("headline", "control", "synchronisation", "noise")
_UNITS = {"hr_bpm": "heart rate, bpm", "sdnn_ms": "SDNN, ms", "rmssd_ms": "RMSSD, ms"}
_LIMITS = """- Trained and scored on simulated people only: nothing here tells how well it works on anybody.
- For still windows of 60 s; the signal contract in `config.json` says how they are prepared.
- Research software, not a medical device."""


def ship(study: Path, out: Path, *, data: str, seed: int, force: bool = False) -> list[Path]:
    """Write each student of a study, no ablation, as a checkpoint with its card.

    Args:
        study: a folder that `edgeacc study run` made.
        out: gets one folder for every student, named as its row.
        data: name of the windows that they were trained on.
        seed: of which training.
        force: replace what is there.

    Returns:
        The checkpoints.

    Raises:
        BadInput: nothing of that seed and those windows, two students of one name, a student without its checkpoint,
            or an output that exists.
    """
    found = [cell for cell in read_cells([study]) if isinstance(cell.result, EvaluationResult)]
    chosen = [cell for cell in found if (cell.place.data, cell.place.seed) == (data, seed) and not cell.place.ablation]
    if not chosen:
        known = sorted({f"--data {cell.place.data} --seed {cell.place.seed}" for cell in found})
        raise BadInput(f"{study} holds no student of --data {data} --seed {seed}", valid=", ".join(known) or "none yet")
    names = [str(cell.place.network) for cell in chosen]
    if len(set(names)) < len(names):
        raise BadInput(f"{study}: students of several teachers have one name", valid="a study with one teacher each")
    sources = [study / "trained" / data / str(seed) / "of" / str(cell.place.teacher) / name
               for cell, name in zip(chosen, names, strict=True)]  # fmt: skip
    cards = [load_card(source) for source in sources]
    for name in names:
        refuse_existing(out / name, force=force, inputs=[study])
    for cell, source, card, name in zip(chosen, sources, cards, names, strict=True):
        _write(source, card, _page(cell, card), out / name, force=force)
    return [out / name for name in names]


def _write(source: Path, card: Card, page: str, path: Path, *, force: bool) -> None:
    with replacing(path, force=force) as beside:
        beside.mkdir()
        hashes = {}
        for name in card.weights_sha256:
            save_file({key: _halved(value) for key, value in load_tensors(source / name).items()}, beside / name)
            hashes[name] = sha256(beside / name)
        write_json(beside / CARD, card.model_copy(update={"weights_sha256": hashes}))
        (beside / CARD_PAGE).write_text(page)


def _halved(value: Tensor) -> Tensor:
    """Matrices in half precision; vectors, a hundredth of the bytes, hold norms and scales of any size."""
    return value.half() if value.is_floating_point() and value.ndim > 1 else value


def _page(cell: Cell, card: Card) -> str:
    result = cell.result
    if not isinstance(result, EvaluationResult):
        raise TypeError("the cell of an evaluation")
    parts = [f"# {cell.place.network}", *_what(card), "## What it reached", *_figures(cell.place, result)]
    return "\n\n".join([*parts, "## Limits", _LIMITS]) + "\n"


def _what(card: Card) -> Iterator[str]:
    costs = cost(card.encoder)
    yield (
        f"An accelerometer encoder of {costs.parameters:,} parameters and {costs.macs_per_window / 1e6:.1f} million "
        "multiply-accumulates a window; matrices in half precision."
    )
    if card.data is not None:
        training = card.training
        yield (
            f"Trained by `{card.objective}` for {training['steps']} steps of {training['batch']} windows, seed "
            f"{training['seed']}, on {card.data.windows:,} simulated windows (preset {card.data.name}), from a PPG "
            "teacher that was trained on the same windows without labels. The whole configuration: `config.json`."
        )


def _figures(place: Place, result: EvaluationResult) -> Iterator[str]:
    store = result.store
    yield (
        f"On {store.windows:,} windows of {store.participants} simulated people who took part in no training (preset "
        f"{store.name}), with the weights before rounding; 95 % intervals over people, one training."
    )
    rows = [("what", "top-1", "chance")]
    rows += [
        (
            f"retrieval {row.direction.replace('->', ' to ')}, of {row.pool or round(row.candidates):,}"
            + (f": {row.variant}" if row.variant else ""),
            with_interval(row.top1, 3),
            f"{row.chance_top1:.2g}",
        )
        for row in result.retrieval
        if row.method == STUDENT and row.group in _RETRIEVAL
    ]
    yield _table(rows)
    rows = [("mean absolute error, all labels", "ridge", "MLP")]
    for target, told in _UNITS.items():
        for method in [STUDENT, *result.baselines, "global mean"]:
            errors = {
                row.probe: with_interval(row.mae, 2)
                for row in result.probes
                if (row.method, row.target, row.fraction) == (method, target, 1.0)
            }
            both = errors.get("none", "")
            rows.append((f"{told}: {method}", errors.get("ridge", both), errors.get("mlp", both)))
    yield _table(rows)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]])
