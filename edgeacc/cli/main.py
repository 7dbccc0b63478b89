"""Registers the verbs, and turns a failure into one clear message and its exit code."""

import atexit
import contextlib
import errno
import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from edgeacc.cli import (
    bench,
    cat,
    cohort,
    compare,
    compress,
    cp,
    data,
    demo,
    doctor,
    evaluate,
    export,
    import_,
    kit,
    ls,
    report,
    simulate,
    study,
    train,
    validate,
    verify,
)
from edgeacc.cli.group import Verb, VerbGroup, range_of, told
from edgeacc.cli.interrupt import ended_like_ctrl_c
from edgeacc.errors import BadInput, EdgeaccError, NotPossibleHere

VERBS: dict[str, Callable[..., None] | typer.Typer] = {
    "doctor": doctor.doctor,
    "ls": ls.app,
    "cat": cat.cat,
    "cp": cp.cp,
    "validate": validate.validate,
    "cohort": cohort.app,
    "import": import_.import_,
    "data": data.app,
    "train": train.app,
    "evaluate": evaluate.evaluate,
    "compress": compress.app,
    "export": export.export,
    "verify": verify.verify,
    "kit": kit.kit,
    "simulate": simulate.simulate,
    "bench": bench.bench,
    "compare": compare.compare,
    "report": report.report,
    "demo": demo.demo,
    "study": study.app,
}
"""Verb -> its function, or its Typer of several verbs; in the order of the help.

Their files are imported before every verb runs: at the top they import only the standard library, typer,
`edgeacc.errors`, `edgeacc.progress` and one another; rooms are imported inside the function.
"""

INTERRUPTED = 130
"""Exit code after Ctrl-C or a polite end from outside: 128 + SIGINT."""


class _InOrder(VerbGroup):
    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """The verbs in the order of `VERBS`."""
        return list(VERBS)


app = typer.Typer(
    cls=_InOrder,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 110, "help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    from edgeacc import __version__

    if asked:
        sys.stdout.write(f"edgeacc {__version__}\n")
        raise typer.Exit


@app.callback()
def edgeacc(
    _: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version, help="Print it, and stop.")] = False,
) -> None:
    """Distil a PPG teacher into an accelerometer encoder, then quantize, export and verify it for watches.

    Exit codes: 0 ok, 1 not possible on this machine, 2 bad input, 3 an artifact failed its parity check,
    4 a benchmark got worse, 130 interrupted.
    """


for _name, _verb in VERBS.items():
    if isinstance(_verb, typer.Typer):
        app.add_typer(_verb, name=_name, cls=VerbGroup)
    else:
        app.command(_name, cls=Verb)(_verb)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; by default those of the process.

    Returns:
        The exit code: 0 ok, 1 not possible here, 2 bad input, 3 parity failed, 4 worse than before, 130 interrupted.
    """
    _open_what_is_closed()
    codes: list[int] = []
    if arguments is None:
        atexit.register(_end, codes)
    try:
        with ended_like_ctrl_c():
            code = app(arguments, prog_name="edgeacc", standalone_mode=False) or 0
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except EdgeaccError as error:
        return _fail(error)
    except typer.TyperException as error:
        return _fail(_as_bad_input(error))
    except ImportError as error:
        return _fail(_as_not_installed(error))
    except OSError as error:
        return _fail_output(error)
    if code == INTERRUPTED:
        words = sys.argv[1:] if arguments is None else arguments
        goes_on = list(words[:1]) in (["train"], ["demo"], ["study"]) or list(words[:2]) in (
            ["compress", "prune"],
            ["compress", "search"],
        )
        again = "; the same command goes on from there" if goes_on else ""
        sys.stderr.write(f"\nedgeacc: stopped; nothing is half-written{again}\n")
    codes.append(int(code))
    return int(code)


def _end(codes: list[int]) -> None:
    """The last that runs of Python, after all that was registered later.

    An interrupted process leaves without the ends of native libraries: one whose thread was just beginning aborts
    there ("terminate called without an active exception": 2 of 500 interrupts just as a cohort's threads began).
    """
    gc.freeze()  # else Python searches all that torch is for cycles as it ends: 1.5 s
    if codes == [INTERRUPTED]:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(INTERRUPTED)


def _open_what_is_closed() -> None:
    """Let a standard stream that the shell closed (`>&-`) go nowhere: the next file to be opened would be it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))


def _fail_output(error: OSError) -> int:
    """A full disk in one line; a reader that left (`| head`) in none; anything else as it is."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EPIPE):
        raise error
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())  # or Python would try to write the rest again when it ends
    if error.errno == errno.EPIPE:
        return 1
    return _fail(NotPossibleHere(f"no space left on the device: {error.filename or 'the output'}"))


def _as_not_installed(error: ImportError) -> NotPossibleHere:
    """Another's package that is not there or does not load; what is missing in edgeacc itself is raised as it is."""
    if (error.name or "edgeacc").split(".")[0] == "edgeacc":
        raise error
    return NotPossibleHere(
        f"the package {error.name} cannot be imported: {error}",
        valid="the packages of edgeacc and of its extras, whole",
        next_command="pip install --force-reinstall 'edgeacc[all]'",
    )


def _fail(error: EdgeaccError) -> int:
    """Say what was wrong, what is valid and what to run next."""
    lines = [f"edgeacc: {error.problem}"]
    lines += [f"valid: {error.valid}"] if error.valid else []
    lines += [f"next: {error.next_command}"] if error.next_command else []
    sys.stderr.write("\n".join(lines) + "\n")
    return error.exit_code


def _as_bad_input(error: typer.TyperException) -> BadInput:
    """A wrong or missing option as Typer found it, with the command's usage."""
    message = told(error)
    ctx = getattr(error, "ctx", None)
    if ctx is None:
        return BadInput(message, next_command="edgeacc --help")
    usage = ctx.get_usage().removeprefix("Usage: ")
    valid = range_of(error.param) if type(error) is typer.BadParameter else ""  # not a missing one, a subclass
    return BadInput(message, valid=valid or " ".join(usage.split()), next_command=f"{ctx.command_path} --help")


if __name__ == "__main__":
    sys.exit(main())
