"""`edgeacc cat`: the text of a recipe."""

import sys
from typing import Annotated

import typer


def cat(recipe: Annotated[str, typer.Argument(help="A name from `edgeacc ls recipes`.")]) -> None:
    """Print a recipe as TOML, with its comments."""
    from edgeacc.compression.recipe import recipe_text

    sys.stdout.write(recipe_text(recipe))
