"""The store of a user's recordings: find, read, cut, split, write; every minute is accounted for."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import BaseModel, JsonValue

from edgeacc.errors import BadInput
from edgeacc.files import refuse_existing
from edgeacc.progress import Progress, silent
from edgeacc.recordings.recording import NO_PPG, Recording
from edgeacc.recordings.registry import HELP, Found, find
from edgeacc.recordings.table import TableMapping
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.signals.quality import Fault
from edgeacc.windows import columns
from edgeacc.windows.cut import Cut, Device, cut
from edgeacc.windows.sieve import STEPS_PER_WINDOW
from edgeacc.windows.split import split_participants
from edgeacc.windows.store import Store, create_store

TAIL = "tail"
"""What is left at the end of a recording, shorter than a window."""
UNPAIRED = "no PPG"
"""All of a recording whose device has no optical sensor."""
SPLIT_SEED = 0


class RecordingAccount(BaseModel):
    """What became of one recording; all but `place` goes into the store's manifest."""

    place: str
    participant: int
    format: str
    device: str
    acc_step_mg: float | None
    recorded_min: float
    windows: int
    lost_min: dict[str, float]
    device_interval_windows: int
    interval_lag_s: float | None
    acc_delay_s: tuple[float, float] | None
    acc_delay_told_windows: int | None
    hr_difference_bpm: float | None
    notes: tuple[str, ...]


class Imported(NamedTuple):
    """A store and the account of what went into it."""

    store: Store
    accounts: list[RecordingAccount]


def from_recordings(
    paths: Sequence[Path],
    out: Path,
    progress: Progress = silent,
    *,
    contract: SignalContract = DEFAULT,
    format_name: str | None = None,
    mapping: TableMapping | None = None,
    force: bool = False,
) -> Imported:
    """Import recordings into a store.

    Participants get numbers in the order in which they are found; their names stay in the files. The same name under
    two of `paths` is two participants.

    Args:
        paths: recordings, or folders of recordings.
        out: the store's folder, to be created.
        progress: told of the recordings done.
        contract: of the windows.
        format_name: take only this format; without it, each is recognised.
        mapping: of tables.
        force: replace a store that is there.

    Raises:
        BadInput: `out` exists; a path holds nothing that is known; a recording is given twice; any number of malformed
            recordings, all told at once; no PPG in any; no window is left.
        NotPossibleHere: no space left.
    """
    refuse_existing(out, force=force)
    found = [(path, one) for path in paths for one in find(path, format_name, mapping)]
    _refuse_twice(one.path.resolve() for _, one in found)
    cuts, accounts = _cut_all(found, contract, progress)
    kept = [done.windows for done in cuts if len(done.windows)]
    rejected = sum((done.rejected for done in cuts), Counter[str]())
    if not kept and accounts and all(UNPAIRED in account.lost_min for account in accounts):
        places = _few([account.place for account in accounts])
        raise BadInput(f"{places}: {NO_PPG}", valid="recordings of a device with both sensors", next_command=HELP)
    if not kept:
        raise BadInput(
            f"no window is left of {_few([account.place for account in accounts])}; rejected: {_told(rejected)}",
            valid=f"{contract.window_s:g} s in one piece, whole and at rest; or a shorter --window-s",
        )
    people = torch.cat([windows.participant_B for windows in kept]).unique().tolist()
    rows: list[JsonValue] = [account.model_dump(mode="json", exclude={"place"}) for account in accounts]
    store = create_store(
        out,
        iter(kept),
        split_participants(people, seed=SPLIT_SEED),
        contract=contract,
        source="recordings",
        name=" + ".join(sorted({account.format for account in accounts})),
        provenance={"recordings": rows, "split_seed": SPLIT_SEED},
        rejected=rejected,
        force=force,
    )
    return Imported(store, accounts)


def _refuse_twice(places: Iterable[Path]) -> None:
    twice = [str(place) for place, count in Counter(places).items() if count > 1]
    if twice:
        raise BadInput(f"given twice: {', '.join(twice)}", valid="each recording once")


def _cut_all(
    found: list[tuple[Path, Found]], contract: SignalContract, progress: Progress
) -> tuple[list[Cut], list[RecordingAccount]]:
    """Cut recording after recording; one in memory at a time, beside the windows kept."""
    numbers: dict[tuple[Path, str], int] = {}
    cuts: list[Cut] = []
    accounts: list[RecordingAccount] = []
    mistakes: list[BadInput] = []
    for done, (root, one) in enumerate(found, 1):
        try:
            for recording in one.read():
                who = numbers.setdefault((root, recording.participant), len(numbers))
                cuts.append(_cut(recording, contract, participant=who, number=len(cuts)))
                accounts.append(_account(_place(root, one.path), recording, who, cuts[-1], contract))
        except BadInput as mistake:
            mistakes.append(mistake)
        progress(done, len(found), f"{sum(len(each.windows) for each in cuts)} windows")
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        told = [f"{mistake.problem}{f' (valid: {mistake.valid})' if mistake.valid else ''}" for mistake in mistakes]
        raise BadInput.several("recordings", told, next_command=HELP)
    return cuts, accounts


def _cut(recording: Recording, contract: SignalContract, *, participant: int, number: int) -> Cut:
    """`cut`; nothing, but the account of it, of a recording without PPG."""
    if recording.ppg is not None:
        return cut(recording, contract, participant=participant, number=number)
    recorded_s = recording.acc.end_s - recording.acc.start_s
    return Cut(columns.empty(0, 0, contract), Counter(), recorded_s, Device({}, None, None))


def _account(
    place: str, recording: Recording, participant: int, done: Cut, contract: SignalContract
) -> RecordingAccount:
    step_min, acc_step_g = contract.window_s / STEPS_PER_WINDOW / 60, recording.acc.step
    lost_min = {str(fault): done.rejected[fault] * step_min for fault in Fault if done.rejected[fault]}
    kept_min = len(done.windows) * contract.window_s / 60
    rest = TAIL if recording.ppg is not None else UNPAIRED
    lost_min[rest] = max(0.0, done.recorded_s / 60 - kept_min - sum(lost_min.values()))
    return RecordingAccount(
        place=place,
        participant=participant,
        format=recording.format,
        device=recording.device,
        acc_step_mg=None if acc_step_g is None else round(1000 * acc_step_g, 3),
        recorded_min=round(done.recorded_s / 60, 3),
        windows=len(done.windows),
        lost_min={reason: round(minutes, 3) for reason, minutes in lost_min.items()},
        device_interval_windows=int(done.device.labels["device_intervals"].sum()) if len(done.windows) else 0,
        interval_lag_s=done.device.lag_s,
        acc_delay_s=done.synchrony.delay_s if done.synchrony else None,
        acc_delay_told_windows=done.synchrony.windows_told if done.synchrony else None,
        hr_difference_bpm=done.device.hr_difference_bpm,
        notes=recording.notes,
    )


def _place(root: Path, path: Path) -> str:
    """Where a recording lies, from the last folder of what the user gave on."""
    return str(Path(root.resolve().name) / path.relative_to(root))


def _few(places: list[str]) -> str:
    return ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")


def _told(rejected: Counter[str]) -> str:
    return (
        ", ".join(f"{reason} {count}" for reason, count in rejected.most_common()) or "none, all shorter than a window"
    )
