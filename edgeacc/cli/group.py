"""How verbs read their words: a group says what exists, and a verb tells all mistakes in its options at once."""

from enum import StrEnum

import typer
from typer.core import TyperCommand, TyperGroup

from edgeacc.errors import BadInput, OutputExists, command, unknown

_WORDS = "edgeacc.words"


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


class Verb(TyperCommand):
    """The class of a verb: of several wrong or missing options it names every one."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """The words behind the options.

        Raises:
            BadInput: several options are wrong or missing.
            typer.TyperException: one is, or an option is not known.
        """
        ctx.meta[_WORDS] = list(args)
        try:
            return super().parse_args(ctx, list(args))
        except typer.BadParameter:
            problems = self._problems(ctx, list(args))
            if len(problems) < 2:
                raise
        except typer.TyperException as error:
            if getattr(error, "ctx", None) is None:  # the parser does not know the verb
                error.ctx = ctx  # type: ignore[attr-defined]
            raise
        raise BadInput.several(ctx.command_path, problems, next_command=f"{ctx.command_path} --help")

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        """Run the verb; where its output exists, and it can replace it, the next command does so."""
        try:
            return super().invoke(ctx)
        except OutputExists as error:
            if not error.next_command and any("--force" in param.opts for param in self.params):
                error.next_command = f"{ctx.command_path} {command(*ctx.meta[_WORDS], '--force')}"
            raise

    def _problems(self, ctx: typer.Context, args: list[str]) -> list[str]:
        """What is wrong with each option and argument by itself."""
        given, rest, _ = self.make_parser(ctx).parse_args(args=args)
        problems = []
        for param in self.get_params(ctx):
            try:
                param.handle_parse_result(ctx, given, rest)
            except typer.BadParameter as error:
                problems.append(told(error))
        return problems


def range_of(param: object) -> str:
    """The values that an option takes, in words: a range of numbers or one of several names; empty for any other."""
    runtime = getattr(param, "get_runtime_param", None)
    kind = getattr(runtime(), "annotation", None) if runtime is not None else None
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(each.value for each in kind)
    if kind not in (int, float):
        return ""
    what = "a whole number" if kind is int else "a number"
    low, high = getattr(param, "min", None), getattr(param, "max", None)
    if low is None:
        return what
    return f"{what}, {low} or more" if high is None else f"{what} from {low} to {high}"


def told(error: typer.TyperException) -> str:
    """The message in one line, without pydantic's prefix."""
    return " ".join(error.format_message().split()).replace(": Value error, ", ": ")
