"""Registers the verbs and turns an EdgeaccError into one clear message and its exit code."""

import sys

import typer

from edgeacc.errors import EdgeaccError

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def main() -> None:
    """Entry point of the `edgeacc` command."""
    try:
        app(standalone_mode=True)
    except EdgeaccError as error:
        sys.stderr.write(f"edgeacc: {error.problem}\n")
        sys.exit(error.exit_code)
