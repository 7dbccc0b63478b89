"""`edgeacc cat`: the text of a recipe, or of an example of a table's mapping."""

import sys
from importlib.resources import files
from typing import Annotated

import typer

MAPPING = "mapping"


def cat(
    name: Annotated[str, typer.Argument(help="A name from `edgeacc ls recipes`, or mapping: of a table's columns.")],
) -> None:
    """Print a recipe, or an example of a mapping for `import --mapping`, as TOML with its comments."""
    if name == MAPPING:
        sys.stdout.write((files("edgeacc.recordings") / "mapping.toml").read_text())
        return
    from edgeacc.compression.recipe import recipe_text

    sys.stdout.write(recipe_text(name))
