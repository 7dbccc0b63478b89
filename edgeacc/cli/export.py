"""`edgeacc export`: from a checkpoint to a bundle that was checked numerically."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from edgeacc.cli.export_tables import tables
from edgeacc.cli.output import progress, show, table
from edgeacc.cli.several import as_one, require_all
from edgeacc.errors import BadInput, EdgeaccError, command, unknown
from edgeacc.progress import Progress

if TYPE_CHECKING:
    from edgeacc.compression.recipe import Recipe
    from edgeacc.export.pipeline import ExportResult

ALL = "all"
STAGES_OF_SOURCE, STAGES_OF_BUNDLE = 2, 3


AGES = (("watchOS10", "iOS17"), ("watchOS11", "iOS18"))
"""Systems of one Core ML specification each, that recipes were tried with."""

MinimumOs = Annotated[
    str | None,
    typer.Option(
        help="Target coreml: the oldest system to run on, watchOS10, watchOS11, iOS17 or iOS18; else the recipe's."
    ),
]
Heads = Annotated[
    bool,
    typer.Option(
        "--heads",
        help="Further outputs hr_bpm, sdnn_ms and rmssd_ms: linear heads, fitted on the windows that calibrate.",
    ),
]
Tflm = Annotated[
    bool, typer.Option("--tflm", help="Target tflite: must be right in TensorFlow Lite Micro too (extra tflm).")
]
LegacyRuntime = Annotated[
    bool,
    typer.Option(
        "--legacy-runtime", help="Target tflite: must be right in tflite-runtime 2.14 too (edgeacc doctor --legacy)."
    ),
]
Streaming = Annotated[
    bool,
    typer.Option(
        "--streaming",
        help="Take a window in pieces of about a second, state carried between calls (coreml-fp16, executorch-fp32, "
        "tflite-fp32; conv students).",
    ),
]
Raw = Annotated[
    bool,
    typer.Option(
        "--raw",
        help="Take acceleration in g: band-pass and standard scores inside the artifact (coreai-fp32, coreml-fp16, "
        "executorch-fp32, onnx-fp32, tflite-fp32).",
    ),
]
Multifunction = Annotated[
    bool,
    typer.Option(
        "--multifunction",
        help="Target coreml, with --heads, from watchOS11 and iOS18: functions `embed` and `heads`, weights once.",
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(min=2, max=64, help="Target coreml: take so many windows at once too (enumerated shapes)."),
]
Sign = Annotated[Path | None, typer.Option(help="Sign each bundle with this Ed25519 private key (PEM, no password).")]


class _Wanted(NamedTuple):
    """What all bundles of one export are to have."""

    heads: bool
    field_runtimes: list[str]
    sign: Path | None
    streaming: bool
    raw: bool
    multifunction: bool
    batch: int | None


def export(
    target: Annotated[str, typer.Option(help="A name from `edgeacc ls targets`, or `all`.")],
    checkpoint: Annotated[
        Path | None,
        typer.Argument(
            help="A student's or an accelerometer baseline's checkpoint, or a name from `edgeacc ls students` "
            "(conv-s if none is given); for --target firmware also a .tflite file."
        ),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="A name from `edgeacc ls recipes`, or a TOML file.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The bundle to make (with `all`: the folder of the bundles)."),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Its training windows calibrate and fit the heart-rate probe; by default the cohort's."),
    ] = None,
    minimum_os: MinimumOs = None,
    heads: Heads = False,
    tflm: Tflm = False,
    legacy_runtime: LegacyRuntime = False,
    streaming: Streaming = False,
    raw: Raw = False,
    multifunction: Multifunction = False,
    batch: Batch = None,
    sign: Sign = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Convert a network to a target, run the result, compare it, and write a bundle.

    An int8 .tflite file, anybody's, becomes a folder of C99 with `--target firmware`, equal to LiteRT in every bit.
    """
    field_runtimes = [name for name, asked in (("tflm", tflm), ("legacy-runtime", legacy_runtime)) if asked]
    wanted = _Wanted(heads, field_runtimes, sign, streaming, raw, multifunction, batch)
    if checkpoint is not None and checkpoint.suffix == ".tflite":
        if any((recipe, store, minimum_os, *wanted)):
            raise BadInput(
                f"{checkpoint} is a TFLite file: of the options it takes --output, --force and --json only",
                next_command=command("edgeacc", "export", checkpoint, "--target", "firmware"),
            )
        _project(checkpoint, target, output, force=force, json=json)
        return
    from edgeacc.export.registry import require_packages
    from edgeacc.weights import checkpoint as checkpoint_of

    checkpoint = checkpoint_of(checkpoint)
    recipes = [_for_system(each, target, minimum_os) for each in _recipes(target, recipe)]
    suffix = _require_flavour(target, recipes, wanted)
    plan = _plan(checkpoint, recipes, output, together=target == ALL, suffix=suffix)
    _require_inputs(checkpoint, target, plan, store, wanted, force)
    if target != ALL:
        require_packages(target, "convert")
    done, failed = _export(checkpoint, plan, store, wanted, force)
    _tell(target, done, failed, as_json=json)
    if failed:
        raise as_one([error for _, error in failed])


def _tell(target: str, done: "list[ExportResult]", failed: "list[tuple[str, EdgeaccError]]", *, as_json: bool) -> None:
    from edgeacc.export.registry import missing_recipes

    next_command = command("edgeacc", "verify", *(each.bundle for each in done))
    found_tables = tables(done) if done else []
    left_out = missing_recipes() if target == ALL else {}
    if left_out:
        found_tables.append(table("Left out", ("recipe", "why"), list(left_out.items())))
    failures = [{"recipe": name, "problem": error.problem} for name, error in failed]
    if done or as_json:
        found = {"bundles": done, "failed": failures, "left_out": left_out}
        show(found, found_tables, as_json=as_json, next_command=next_command)


def _require_inputs(
    checkpoint: Path, target: str, plan: "list[tuple[Recipe, Path]]", store: Path | None, wanted: _Wanted, force: bool
) -> None:
    """Before minutes of work, not after them."""
    from edgeacc.bundle.signature import private_key
    from edgeacc.models.folder import require_checkpoint
    from edgeacc.windows.manifest import read_manifest

    require_all(
        partial(require_checkpoint, checkpoint),
        *([partial(read_manifest, store)] if store else []),
        partial(_require_field, target, wanted.field_runtimes),
        *([partial(private_key, wanted.sign)] if wanted.sign else []),
        partial(_refuse_existing, plan, force, [checkpoint, *([store] if store else [])]),
    )


def _project(model: Path, target: str, output: Path | None, *, force: bool, json: bool) -> None:
    if target != "firmware":
        raise BadInput(
            f"{model} is a TFLite file: it takes --target firmware",
            next_command=command("edgeacc", "export", model, "--target", "firmware"),
        )
    from edgeacc.files import refuse_existing

    folder = output or Path(f"{model.stem}-firmware")
    refuse_existing(folder, force=force, inputs=[model])
    from edgeacc.export.firmware.foreign import export_tflite
    from edgeacc.export.registry import require_packages

    require_packages("tflite", "run")
    result = export_tflite(model, folder, force=force)
    rows = [(name, value) for name, value in result.model_dump().items()]
    show(result, [table("C project, equal to LiteRT in every bit", ("what", "value"), rows)], as_json=json)


def _recipes(target: str, recipe: str | None) -> "list[Recipe]":
    from edgeacc.compression.recipe import RECIPES, read_recipe
    from edgeacc.export.registry import TARGETS, in_all, possible_recipes, target_info

    if target == ALL:
        if recipe is not None:
            raise BadInput(
                "--target all takes no --recipe: it makes a bundle by each of these", valid=", ".join(in_all())
            )
        return [RECIPES[name] for name in possible_recipes()]
    if target not in TARGETS:
        raise BadInput(
            f"unknown target {target!r}", valid=", ".join([*sorted(TARGETS), ALL]), next_command="edgeacc ls targets"
        )
    chosen = read_recipe(recipe or target_info(target).default_recipe)
    if chosen.target != target:
        fitting = [each.name for each in RECIPES.values() if each.target == target]
        raise BadInput(
            f"recipe {chosen.name} is for target {chosen.target}, not {target}",
            valid=", ".join(fitting),
            next_command="edgeacc ls recipes",
        )
    return [chosen]


def _for_system(recipe: "Recipe", target: str, minimum_os: str | None) -> "Recipe":
    """The recipe for systems of the age of `minimum_os`."""
    if minimum_os is None:
        return recipe
    if target != "coreml":
        raise BadInput(f"--minimum-os {minimum_os}: target {target} has none to choose", valid="--target coreml")
    for age in AGES:
        if minimum_os in age:
            return recipe.model_copy(update={"minimum_os": age})
    raise unknown("minimum OS", minimum_os, [system for age in AGES for system in age])


def _require_flavour(target: str, recipes: "list[Recipe]", wanted: _Wanted) -> str:
    """What the flavour adds to a bundle's name."""
    if wanted.streaming:
        _require_streaming(recipes, wanted)
    if wanted.raw:
        _require_raw(recipes)
    if wanted.multifunction and (target != "coreml" or not wanted.heads or wanted.streaming):
        raise BadInput("--multifunction is for one target, and for windows at once", valid="--target coreml --heads")
    if wanted.batch and (target != "coreml" or wanted.streaming or wanted.raw or wanted.multifunction):
        raise BadInput(f"--batch {wanted.batch} is for prepared windows, and for one function", valid="--target coreml")
    return "-streaming" if wanted.streaming else "-raw" if wanted.raw else ""


def _require_streaming(recipes: "list[Recipe]", wanted: _Wanted) -> None:
    from edgeacc.export.streaming import require_streaming

    if len(recipes) > 1:
        raise BadInput("--streaming takes one target, not all", valid="--target tflite --recipe tflite-fp32")
    if wanted.raw:
        raise BadInput("--streaming with --raw: a window is prepared as a whole", valid="one or the other")
    if wanted.field_runtimes:
        names = ", ".join(f"--{name}" for name in wanted.field_runtimes)
        raise BadInput(f"--streaming with {names}: those run whole windows", valid="one or the other")
    require_streaming(recipes[0])


def _require_raw(recipes: "list[Recipe]") -> None:
    from edgeacc.export.raw import require_raw

    if len(recipes) > 1:
        raise BadInput("--raw takes one target, not all", valid="--target tflite --recipe tflite-fp32")
    require_raw(recipes[0])


def _require_field(target: str, field_runtimes: list[str]) -> None:
    from edgeacc.export.field import FIELD_RUNTIMES

    if field_runtimes and target != "tflite":
        options = ", ".join(f"--{name}" for name in field_runtimes)
        raise BadInput(f"{options}: a runtime of .tflite files, not of target {target}", valid="--target tflite")
    for name in field_runtimes:
        FIELD_RUNTIMES[name].version()


def _plan(
    checkpoint: Path, recipes: "list[Recipe]", output: Path | None, *, together: bool, suffix: str
) -> "list[tuple[Recipe, Path]]":
    """Where each bundle goes."""
    name = checkpoint.resolve().name
    if together:
        folder = output or Path(f"{name}-bundles")
        return [(recipe, folder / recipe.name) for recipe in recipes]
    return [(recipe, output or Path(f"{name}-{recipe.name}{suffix}")) for recipe in recipes]


def _refuse_existing(plan: "list[tuple[Recipe, Path]]", force: bool, inputs: list[Path]) -> None:
    from edgeacc.files import refuse_existing

    for _, path in plan:
        refuse_existing(path, force=force, inputs=inputs)
        for name in ("manifest.json", "config.json", "steps.json"):
            if (path.parent / name).is_file():
                raise BadInput(
                    f"{path.parent} is no place for bundles: {name} in it says that it is something else",
                    valid="a folder of its own: -o BUNDLES",
                )


def _export(
    checkpoint: Path, plan: "list[tuple[Recipe, Path]]", store: Path | None, wanted: _Wanted, force: bool
) -> "tuple[list[ExportResult], list[tuple[str, EdgeaccError]]]":
    """Make every bundle of the plan; of several, one that fails does not stop the others."""
    import torch

    from edgeacc.bundle.signature import private_key
    from edgeacc.export.pipeline import export_bundle
    from edgeacc.export.source import read_source

    torch.set_num_threads(1)  # small work: more threads wait for one another, twice the time beside another command
    done: list[ExportResult] = []
    failed: list[tuple[str, EdgeaccError]] = []
    total = STAGES_OF_SOURCE + STAGES_OF_BUNDLE * len(plan)
    key = private_key(wanted.sign) if wanted.sign else None
    with progress("export") as report:
        steps = _shifted(report, total)
        calibration_windows = max(recipe.calibration_windows for recipe, _ in plan)
        source = read_source(
            checkpoint,
            store,
            calibration_windows,
            next(steps),
            heads=wanted.heads,
            in_pieces=wanted.streaming,
            raw=wanted.raw,
            batch=wanted.batch or 1,
        )
        make = partial(
            export_bundle,
            source,
            field_runtimes=wanted.field_runtimes,
            multifunction=wanted.multifunction,
            key=key,
            force=force,
        )
        for recipe, path in plan:
            try:
                done.append(make(recipe, path, progress=next(steps)))
            except EdgeaccError as error:
                if len(plan) == 1:
                    raise
                failed.append((recipe.name, error))
    return done, failed


def _shifted(report: Progress, total: int) -> Iterator[Progress]:
    """One Progress for the source and then one per bundle, all on a single scale."""

    def at(start: int) -> Progress:
        return lambda done, _, note="": report(start + done, total, note)

    yield at(0)
    for start in range(STAGES_OF_SOURCE, total, STAGES_OF_BUNDLE):
        yield at(start)
