"""One display for all the commands of a demo or a study: a live table on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from edgeacc.cli.demo_journal import Step
from edgeacc.cli.demo_run import Status

HEAD_LINES = 3
SIGNS = {"waiting": "·", "running": "▶", "done": "✔", "failed": "✘"}


@contextmanager
def display(steps: Sequence[Step], verb: str = "demo") -> Iterator[Callable[[Sequence[Status]], None]]:
    """Give the callback that `Runner.run` reports to; it writes to standard error, so that `--json` stays alone."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainLines()
        return
    console.print("The commands, each of which can be run alone:", *(f"  {step.command}" for step in steps), sep="\n")
    with Live(console=console, refresh_per_second=4) as live:
        yield lambda statuses: live.update(live_table(statuses, console.height - HEAD_LINES, verb))


class PlainLines:
    """One line when a step starts (with its command) and one when it is done."""

    def __init__(self) -> None:
        """Nothing has been said yet."""
        self._said: dict[str, str] = {}

    def __call__(self, statuses: Sequence[Status]) -> None:
        """Say what has changed since the last call."""
        for number, status in enumerate(statuses, start=1):
            before = self._said.get(status.step.name, "waiting")
            if before == status.state:
                continue
            self._said[status.step.name] = status.state
            self._say(f"[{number:2}/{len(statuses)}]", status, before)

    def _say(self, place: str, status: Status, before: str) -> None:
        if status.state == "running":
            line = f"{place} {status.step.name}: {status.step.command}"
        elif status.state == "failed":
            line = f"{place} {status.step.name}: failed after {status.seconds:.0f} s; the others go on"
        else:
            line = f"{place} {status.step.name}: done" + (
                f" in {status.seconds:.0f} s" if before == "running" else " before"
            )
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def live_table(statuses: Sequence[Status], most_rows: int, verb: str = "demo") -> Table:
    """The table of the terminal: sign, step, time, bar, note; of what does not fit, the oldest done go first."""
    done = sum(status.state == "done" for status in statuses)
    table = Table(title=f"edgeacc {verb}: {done} of {len(statuses)} steps done", box=None, title_justify="left")
    for header in ("", "step"):
        table.add_column(header, no_wrap=True)
    table.add_column("time", justify="right")
    table.add_column("")
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for status in _fitting(statuses, most_rows):
        time_text = f"{status.seconds:.0f} s" if status.seconds >= 0.5 else ""
        table.add_row(SIGNS[status.state], status.step.name, time_text, _bar(status), status.note)
    return table


def _fitting(statuses: Sequence[Status], most: int) -> list[Status]:
    """Every running step and, of the others, the last done and the next waiting."""
    excess = max(0, len(statuses) - most)
    done = [status for status in statuses if status.state == "done"][:excess]
    waiting = [status for status in statuses if status.state == "waiting"]
    kept = max(0, len(waiting) - (excess - len(done)))
    left_out = {status.step.name for status in (*done, *waiting[kept:])}
    return [status for status in statuses if status.step.name not in left_out]


def _bar(status: Status) -> ProgressBar | str:
    if status.state != "running":
        return ""
    known = status.fraction is not None
    return ProgressBar(total=1.0, completed=status.fraction or 0.0, width=24, pulse=not known)
