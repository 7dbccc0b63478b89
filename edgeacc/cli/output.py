"""What a verb says: a result as tables or as JSON alone on standard output, and progress on standard error."""

import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeacc.progress import Progress

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import Console
    from rich.table import Table

PROGRESS_FILE = "EDGEACC_PROGRESS"
"""Environment variable: a file in which the current progress is kept as one JSON line."""

LARGEST_SEED = 2**32 - 1
LINE_EVERY_S = 10.0
FILE_EVERY_S = 0.25
WIDTH_IN_FILES = 120
_WIDEST = 10_000
_ROOM = 12  # characters for texts beyond their longest words (our choice)


def show(
    result: "BaseModel | Mapping[str, Any]",
    tables: "Sequence[Table]",
    *,
    as_json: bool,
    next_command: str = "",
) -> None:
    """Print a verb's result on standard output.

    Args:
        result: the result as data; it may hold pydantic models. NaN and infinities become null.
        tables: the same for people.
        as_json: print `result` as JSON and nothing else.
        next_command: what the user will probably want to run next; empty for nothing.
    """
    if as_json:
        from pydantic import TypeAdapter

        anything: TypeAdapter[Any] = TypeAdapter(Any)
        sys.stdout.write(anything.dump_json(result, indent=2).decode() + "\n")
        return
    console = _console(stderr=False)
    fitting = [_fitted(each, console) for each in tables]
    console.width = max([console.width, *(_narrowest(each, console) for each in fitting)])
    with console.capture() as drawn:
        console.print(*fitting, sep="")
    sys.stdout.writelines(line.rstrip() + "\n" for line in drawn.get().strip("\n").splitlines())
    if next_command:
        sys.stdout.write(f"next: {next_command}\n")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> "Table":
    """A rich table of plain texts and numbers; a column of numbers (or texts that begin as one) is aligned right.

    Args:
        title: printed above; may be empty.
        columns: headers, with the unit where there is one.
        rows: one cell per column; None is shown as a dash.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=Text(title) if title else None, title_justify="left", box=SIMPLE_HEAD)
    cells = [list(row) for row in rows]
    for index, column in enumerate(columns):
        numeric = all(_is_number(row[index]) for row in cells)
        drawn.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*(Text("-" if cell is None else str(cell)) for cell in row))
    return drawn


def _fitted(wide: "Table", console: "Console") -> "Table":
    """The table; or one line per cell, where it would break words, which nobody could copy, or hold one word a line."""
    from rich.table import Table

    wanted = console.measure(wide, options=console.options.update(width=_WIDEST))
    if console.width >= wanted.minimum + min(_ROOM, (wanted.maximum - wanted.minimum) // 4):
        return wide
    tall = Table(title=wide.title, title_justify="left", box=wide.box, show_header=False)
    tall.add_column(no_wrap=True)
    tall.add_column(overflow="fold")
    for cells in zip(*(column.cells for column in wide.columns), strict=True):
        for column, cell in zip(wide.columns, cells, strict=True):
            tall.add_row(column.header, cell)
        tall.add_row()
    return tall


def _narrowest(drawn: "Table", console: "Console") -> int:
    """Characters that a table needs if lines are broken between words only."""
    return console.measure(drawn, options=console.options.update(width=_WIDEST)).minimum


def _is_number(cell: object) -> bool:
    return cell is None or isinstance(cell, int | float) or re.match(r"[-+<±]?\d", str(cell)) is not None


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Give the callback to pass to long work.

    It draws a bar on a terminal, and elsewhere prints a line now and then, both on standard error. If the environment
    variable EDGEACC_PROGRESS names a file, that file holds the newest state as one JSON line.
    """
    console = _console(stderr=True)
    with ExitStack() as stack:
        listeners = [stack.enter_context(_bar(title, console)) if console.is_terminal else _Lines(title)]
        if name := os.environ.get(PROGRESS_FILE):
            listeners.append(_StateFile(title, Path(name)))

        def report(done: int, total: int, note: str = "") -> None:
            for listener in listeners:
                listener(done, total, note)

        yield report


@contextmanager
def _bar(title: str, console: "Console") -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    note_column = TextColumn("{task.fields[note]}", markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), note_column)
    with Bars(*columns, console=console) as bars:
        task = bars.add_task(title, total=None, note="")
        yield lambda done, total, note="": bars.update(task, completed=done, total=total, note=note)


class _Lines:
    """Progress where there is no terminal: a line every `LINE_EVERY_S`, and one at the end."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._start_s = self._said_s = time.monotonic()

    def __call__(self, done: int, total: int, note: str = "") -> None:
        now_s = time.monotonic()
        if done < total and now_s - self._said_s < LINE_EVERY_S:
            return
        self._said_s = now_s
        after = f" ({note})" if note else ""
        sys.stderr.write(f"{self._title}: {done} of {total} after {now_s - self._start_s:.0f} s{after}\n")
        sys.stderr.flush()


class _StateFile:
    """Progress for another process: the newest state, replaced in one step so that no reader sees half of it."""

    def __init__(self, title: str, path: Path) -> None:
        self._title = title
        self._path = path
        self._written_s = -FILE_EVERY_S

    def __call__(self, done: int, total: int, note: str = "") -> None:
        now_s = time.monotonic()
        if done < total and now_s - self._written_s < FILE_EVERY_S:
            return
        self._written_s = now_s
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        beside.write_text(json.dumps({"title": self._title, "done": done, "total": total, "note": note}) + "\n")
        beside.replace(self._path)


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH_IN_FILES
    return Console(file=stream, width=width, highlight=False)
