"""`edgeacc kit`: a bundle as source code that an app or a firmware embeds."""

from pathlib import Path
from typing import Annotated

import typer

from edgeacc.cli.output import show, table
from edgeacc.errors import command


def kit(
    bundle: Annotated[Path, typer.Argument(help="A folder written by `edgeacc export`.")],
    platform: Annotated[
        str,
        typer.Option(
            help="`c` (bundles of the target firmware), `wearos` (firmware, tflite, executorch) or `watchos` (coreml, "
            "firmware)."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The folder to make; by default BUNDLE-PLATFORM-kit.")
    ] = None,
    only_64_bit: Annotated[
        bool, typer.Option("--only-64-bit", help="On `wearos`, for executorch: leave watches with 32-bit code out.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Write a project around a bundle: signal code, encoder, golden window, self-test.

    From raw samples, with gaps and jitter, to embeddings by the same arithmetic as in training.
    """
    from edgeacc.bundle.sums import require_bundle
    from edgeacc.files import refuse_existing

    folder = output or Path(f"{bundle.name or bundle.resolve().name}-{platform}-kit")
    require_bundle(bundle)
    refuse_existing(folder, force=force, inputs=[bundle])
    from edgeacc.export.kits.kit import PLATFORMS, make_kit

    made = make_kit(bundle, platform, folder, only_64_bit=only_64_bit, force=force)
    rates = ", ".join(map(str, made.rates_hz))
    rows = [
        ("kit", str(folder)),
        ("platform", made.platform),
        ("recipe", made.recipe),
        ("sensor rates [Hz]", rates),
        ("files", sum(path.is_file() for path in folder.rglob("*"))),
    ]
    next_command = command(*(word.format(folder) for word in PLATFORMS[platform].first))
    show({"kit": folder, **made.model_dump()}, [table("", ("", ""), rows)], as_json=json, next_command=next_command)
