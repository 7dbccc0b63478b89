"""A group of verbs: without arguments it prints its help, and an unknown verb is answered with what exists."""

import typer
from typer.core import TyperGroup

from edgeacc.errors import unknown


class VerbGroup(TyperGroup):
    """The group class of `edgeacc` itself and of `edgeacc ls`, `cohort` and `train`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Take no arguments as `--help`."""
        return super().parse_args(ctx, args or ["--help"])

    def get_command(self, ctx: typer.Context, cmd_name: str):  # type: ignore[no-untyped-def, override]  # noqa: ANN201
        """The verb of that name.

        Raises:
            BadInput: no such verb; lists those that exist.
        """
        if cmd_name not in self.commands:
            raise unknown("verb", cmd_name, list(self.commands), next_command=f"{ctx.command_path} --help")
        return super().get_command(ctx, cmd_name)
