"""`edgeacc doctor`: what this machine can export, run and verify, why not, and the command that mends it."""

from typing import Annotated

import typer

from edgeacc.cli.output import show, table


def doctor(
    target: Annotated[str | None, typer.Option(help="Only this target; exit code 1 if it is not possible.")] = None,
    legacy: Annotated[
        bool,
        typer.Option(
            "--legacy", help="Install tflite-runtime 2.14 into a folder of its own, for `export --legacy-runtime`."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Tell what can be exported, run and verified here; nothing is installed, but for `--legacy`."""
    if legacy:
        from edgeacc.export.field import build_legacy

        build_legacy()
    from edgeacc.cli.doctor_checks import FORMATS_PACKAGES, check

    report = check(target)
    columns = ("target", "export", "run", "verify", "reason", "fix")
    rows = [(t.target, _yes(t.can_export), _yes(t.can_run), t.can_verify, t.reason, t.fix) for t in report.targets]
    machine = [(name.replace("_gib", " [GiB]"), value) for name, value in report.machine.model_dump().items()]
    formats = [(name, has or "not installed", FORMATS_PACKAGES[name]) for name, has in report.formats.packages.items()]
    engines = [
        (each.engine, ", ".join(each.cores), each.version or "not installed", each.fix)
        for each in (*report.engines, report.cross_compiler, report.vela)
    ]
    field = [(each.runtime, each.version or "not installed", each.fix) for each in report.field_runtimes]
    tables = [
        table("This machine", ("what", "value"), machine),
        table("Targets", columns, rows),
        table("Runtimes of .tflite in the field", ("runtime", "version", "fix"), field),
        table("Recordings", ("package", "version", "reads"), formats),
        table("Firmware", ("engine", "cores", "version", "fix"), engines),
    ]
    impossible = [t for t in report.targets if not t.possible]
    next_command = impossible[0].fix if impossible else report.formats.fix or "edgeacc demo"
    show(report, tables, as_json=json, next_command=next_command)
    if target and impossible:
        raise typer.Exit(1)


def _yes(can: bool) -> str:
    return "yes" if can else "no"
