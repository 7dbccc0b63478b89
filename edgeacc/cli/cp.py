"""`edgeacc cp`: a copy of a recipe to change."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgeacc.errors import BadInput, command


def cp(
    recipe: Annotated[str, typer.Argument(help="A name from `edgeacc ls recipes`.")],
    file: Annotated[Path, typer.Argument(help="Where to write the copy; it must end in .toml.")],
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
) -> None:
    """Copy a recipe to a file that you can edit."""
    from edgeacc.compression.recipe import recipe_text
    from edgeacc.files import replacing

    text = recipe_text(recipe)
    if file.suffix != ".toml":
        raise BadInput(f"{file} does not end in .toml", valid="a recipe file's name, such as mine.toml")
    with replacing(file, force=force) as beside:
        beside.write_text(text)
    after = command("edgeacc", "validate", file)
    sys.stdout.write(f"wrote {file}\nnext: edit it (its name too), then: {after}\n")
