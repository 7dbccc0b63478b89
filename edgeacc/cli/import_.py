"""`edgeacc import`: recordings of a watch or a band into a store of paired windows."""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeacc.cli.output import progress, show, table
from edgeacc.errors import command

if TYPE_CHECKING:
    from rich.table import Table

    from edgeacc.windows.account import RecordingAccount
    from edgeacc.windows.from_recordings import Imported


class EngineName(StrEnum):
    """Where recordings are read and cut."""

    local = "local"
    ray = "ray"


def _list(asked: bool) -> None:
    """Print the formats and stop, whatever else was given."""
    from edgeacc.cli.ls import formats_tables

    if asked:
        show({}, formats_tables(), as_json=False, next_command="edgeacc import PATH -o STORE")
        raise typer.Exit


def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Recordings, or folders of recordings.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The store's folder to make.")],
    format_name: Annotated[
        str | None,
        typer.Option("--format", help="Take only this format (`edgeacc ls formats`); else each is recognised."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="TOML file that says which column of a table is what; an example: edgeacc cat mapping."),
    ] = None,
    window_s: Annotated[float, typer.Option(min=10, max=600, help="Length of a window in seconds.")] = 60.0,
    append: Annotated[
        bool, typer.Option("--append", help="Add what is new to the store if it exists; what it holds stays as it is.")
    ] = False,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Write participants' names into the store's manifest.")
    ] = False,
    engine: Annotated[
        EngineName,
        typer.Option(help="Where files are read: here, or on a Ray cluster (RAY_ADDRESS, or one of its own)."),
    ] = EngineName.local,
    force: Annotated[bool, typer.Option("--force", help="Replace the output if it exists.")] = False,
    _: Annotated[
        bool,
        typer.Option("--list", is_eager=True, callback=_list, help="Print the formats that can be read, and stop."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")] = False,
) -> None:
    """Cut recordings into still, whole, paired windows with the device's labels.

    Prints what was kept and what was lost, in minutes by reason. Participants' names do not enter the store: a
    participant is a salted hash. The salt is written beside the store, as OUTPUT.salt: keep it to add more later, and
    do not pass it on with the store.
    """
    from edgeacc.files import read_model
    from edgeacc.recordings.table import HELP, TableMapping
    from edgeacc.signals.contract import SignalContract
    from edgeacc.windows.engine import ENGINES
    from edgeacc.windows.from_recordings import from_recordings

    columns = read_model(mapping, TableMapping, next_command=HELP) if mapping else None
    with progress("import") as report:
        done = from_recordings(
            paths,
            output,
            report,
            contract=SignalContract(window_s=window_s),
            format_name=format_name,
            mapping=columns,
            engine=ENGINES[engine.value],
            append=append,
            keep_ids=keep_ids,
            force=force,
        )
    _show(done, output, window_s, as_json=json)


def _show(done: "Imported", output: Path, window_s: float, *, as_json: bool) -> None:
    manifest = done.store.manifest
    result = {
        "store": str(output),
        "recordings": done.accounts,
        "known": done.known,
        "notes": done.notes,
        "windows": manifest.windows,
        "rejected": manifest.rejected,
    }
    sides = [(split, count, manifest.participants[split]) for split, count in manifest.windows.items()]
    tables = [_accounts(done.accounts, window_s)] if done.accounts else []
    tables.append(table("Split by participant", ("split", "windows", "participants"), sides))
    if done.notes:
        tables.append(table("", ("note",), [[note] for note in done.notes]))
    show(
        result,
        tables,
        as_json=as_json,
        next_command=command("edgeacc", "data", "report", output, "-o", f"{output}.html"),
    )


def _accounts(accounts: "list[RecordingAccount]", window_s: float) -> "Table":
    """One row per recording and a sum: kept, and lost by reason."""
    names = _told_apart([account.place for account in accounts])
    rows = [
        (name, *_row([account]), _delay(account), account.hr_difference_bpm)
        for name, account in zip(names, accounts, strict=True)
    ]
    rows.append(("all", *_row(accounts), None, None))
    rows = [(*cells, None if hr_bpm is None else f"{hr_bpm:.1f}") for *cells, hr_bpm in rows]
    title = f"Minutes recorded, windows of {window_s:g} s kept, and minutes lost by reason"
    columns = ("recording", "minutes", "windows", "lost [min]", "intervals", "delay [s]", "HR off [bpm]")
    return table(title, columns, rows)


def _told_apart(places: list[str]) -> list[str]:
    """The people of one table by number: their names stay with it."""
    return [
        f"{place} ({places[:number].count(place) + 1})" if places.count(place) > 1 else place
        for number, place in enumerate(places)
    ]


def _row(accounts: "list[RecordingAccount]") -> list[object]:
    """Sums over some recordings."""
    lost_min: Counter[str] = Counter()
    for account in accounts:
        lost_min.update(account.lost_min)
    lost = ", ".join(f"{reason} {minutes:.1f}" for reason, minutes in lost_min.most_common() if minutes >= 0.05)
    return [
        f"{sum(account.recorded_min for account in accounts):.1f}",
        sum(account.windows for account in accounts),
        lost or None,
        sum(account.device_interval_windows for account in accounts),
    ]


def _delay(account: "RecordingAccount") -> str | None:
    """By how much the accelerometer was delayed; marked where the heartbeat did not tell it."""
    if account.acc_delay_s is None:
        return None
    low_s, high_s = account.acc_delay_s
    told = "" if account.acc_delay_told_windows else " (usual)"
    return f"{low_s:.2f}{told}" if low_s == high_s else f"{low_s:.2f}-{high_s:.2f}{told}"
