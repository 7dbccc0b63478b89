"""The store of a user's recordings: find, read, cut, write, split; every minute is accounted for.

One recording at a time is in memory; what the store keeps of its origin is numbers alone (docs/decisions/0006).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from edgeacc.errors import BadInput, OutputExists
from edgeacc.files import refuse_existing
from edgeacc.progress import Progress, silent
from edgeacc.recordings.recording import NO_PPG
from edgeacc.recordings.registry import HELP, Found, find
from edgeacc.recordings.table import TableMapping
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.windows.account import TOLD_TO_THE_USER_ALONE, UNPAIRED, RecordingAccount, account_of
from edgeacc.windows.addition import Addition, RecordingRow, adding
from edgeacc.windows.cut import SAMPLES_PER_RECORDING
from edgeacc.windows.engine import Engine, locally
from edgeacc.windows.read import CutRecording, read_and_cut
from edgeacc.windows.store import Store, open_store


class Imported(NamedTuple):
    """A store and the account of what went into it.

    Attributes:
        store: with all that it holds.
        accounts: of the recordings that were new.
        known: places of recordings whose every sample the store held already, or which came twice.
        notes: what the user should know of who was taken for whom.
    """

    store: Store
    accounts: list[RecordingAccount]
    known: list[str]
    notes: list[str]


def from_recordings(
    paths: Sequence[Path],
    out: Path,
    progress: Progress = silent,
    *,
    contract: SignalContract = DEFAULT,
    format_name: str | None = None,
    mapping: TableMapping | None = None,
    engine: Engine = locally,
    append: bool = False,
    keep_ids: bool = False,
    force: bool = False,
) -> Imported:
    """Import recordings into a store.

    A person is a name in a set, the folder whose name is above it: the same name in two sets is two people. Windows
    carry a salted hash of both (`edgeacc.windows.salt`). A recording that the store holds, by the samples that are
    read, is passed over. Everybody who comes by one of `paths` is given a side before the next is read, so that
    adding B to a store of A gives the store of A and B.

    Args:
        paths: recordings, or folders of recordings.
        out: the store's folder.
        progress: told of the recordings done.
        contract: of the windows.
        format_name: take only this format; without it, each is recognised.
        mapping: of tables.
        engine: where recordings are read and cut.
        append: add to the store if it exists.
        keep_ids: write people's names into the manifest.
        force: replace a store that is there.

    Raises:
        BadInput: `out` exists and neither `append` nor `force` is set; as `edgeacc.windows.addition.adding`; a path
            holds nothing that is known; a recording is given twice; any number of malformed recordings, all told at
            once; no PPG in any, or no window left, for a new store.
        NotPossibleHere: no space left, or the engine is not here.
    """
    if append and force:
        raise BadInput("--append adds to the store, --force replaces it", valid="one of the two")
    if not append:
        _refuse_existing(out, paths, force=force)
    found = _found(paths, format_name, mapping)
    _refuse_twice(one.path.resolve() for _, here in found for one in here)
    with adding(out, contract, append=append, force=force, keep_ids=keep_ids) as addition:
        run = _Import(addition, contract, keep_ids)
        total, done = sum(len(here) for _, here in found), 0
        work = partial(read_and_cut, contract=contract, salt=addition.salt, known=addition.recordings)
        all_outcomes = engine(work, [one for _, here in found for one in here])
        for root, here in found:
            for one, outcomes in zip(here, all_outcomes, strict=False):
                for outcome in outcomes:
                    run.take(root, one.path, outcome)
                done += 1
                progress(done, total, f"{run.windows} windows")
            addition.settle()
        run.check(new=addition.is_empty)
    return Imported(open_store(out), run.accounts, run.known, run.notes())


class _Import:
    """One command's recordings, read one after another."""

    def __init__(self, addition: Addition, contract: SignalContract, keep_ids: bool) -> None:
        self.accounts: list[RecordingAccount] = []
        self.known: list[str] = []
        self.windows = 0
        self._addition, self._contract, self._keep_ids = addition, contract, keep_ids
        self._mistakes: list[BadInput] = []
        self._rejected: Counter[str] = Counter()
        self._sets: dict[str, dict[str, Path]] = {}
        self._namesakes: dict[str, str] = {}

    def take(self, root: Path, path: Path, outcome: CutRecording | BadInput) -> None:
        """Add what was read; a mistake is kept for `check`."""
        try:
            if isinstance(outcome, BadInput):
                raise outcome
            self._take(root, path, outcome)
        except BadInput as mistake:
            self._mistakes.append(mistake)

    def check(self, *, new: bool) -> None:
        """Raise BadInput for the mistakes, or for a new store without a window."""
        if len(self._mistakes) == 1:
            raise self._mistakes[0]
        if self._mistakes:
            told = [f"{each.problem}{f' (valid: {each.valid})' if each.valid else ''}" for each in self._mistakes]
            raise BadInput.several("recordings", told, next_command=HELP)
        if not new:
            return
        places = _few([account.place for account in self.accounts])
        if self.accounts and all(UNPAIRED in account.lost_min for account in self.accounts):
            raise BadInput(f"{places}: {NO_PPG}", valid="recordings of a device with both sensors", next_command=HELP)
        raise BadInput(
            f"no window is left of {places}; lost: {self._lost()}",
            valid=f"{self._contract.window_s:g} s in one piece, whole and at rest; or a shorter --window-s",
        )

    def _lost(self) -> str:
        lost_min: Counter[str] = Counter()
        for account in self.accounts:
            lost_min.update(account.lost_min)
        told = [f"{reason} {minutes:.1f} min" for reason, minutes in lost_min.most_common() if minutes >= 0.05]
        return ", ".join(told) or "nothing, all shorter than a window"

    def notes(self) -> list[str]:
        """Who was taken for whom."""
        one_person = "; if they are one, import a folder that holds both under that name"
        notes = []
        for name, sets in sorted(self._sets.items()):
            under = [f"{name} under {place}" for place in sorted(sets)]
            if len(under) > 1:
                notes.append(f"{' and '.join(under)} are taken for {len(under)} people{one_person}")
            elif name in self._namesakes:
                notes.append(f"{under[0]} is taken for another person than the {name} of the store{one_person}")
        if self.known:
            notes.append(
                f"{len(self.known)} recording(s) are in the store already, sample by sample: nothing was added of them"
            )
        return notes

    def _take(self, root: Path, path: Path, recording: CutRecording) -> None:
        digest, place = recording.digest, _place(root, path)
        if recording.done is None or self._addition.knows(digest):
            self.known.append(place)
            return
        who = self._person(_set_of(root, path), recording.participant)
        number = self._addition.free_number(digest)
        done = recording.done
        windows = replace(
            done.windows,
            participant_B=torch.full_like(done.windows.participant_B, who),
            window_id_B=done.windows.window_id_B + number * SAMPLES_PER_RECORDING,
        )
        account = account_of(recording, done, self._contract, place=place, participant=who)
        kept = account.model_dump(mode="json", exclude=TOLD_TO_THE_USER_ALONE)
        row = RecordingRow(recording=digest, number=number, **kept)
        kept_id = recording.participant if self._keep_ids else None
        name = self._addition.salt.name(recording.participant)
        self._addition.add(row, windows, done.rejected, name, kept_id)
        self.accounts.append(account)
        self.windows += len(windows)
        self._rejected.update(done.rejected)

    def _person(self, set_: Path, name: str) -> int:
        """The person's number; who has the same name elsewhere is noted."""
        other = self._sets.setdefault(name, {}).setdefault(set_.name, set_)
        if other != set_:
            raise BadInput(
                f"{other} and {set_} are two sets of one name, and both hold {name}: they cannot be told apart",
                valid="sets whose folders have different names",
            )
        salt = self._addition.salt
        who = salt.participant(set_.name, name)
        if self._addition.namesakes(who, salt.name(name)):
            self._namesakes[name] = set_.name
        return who


def _found(
    paths: Sequence[Path], format_name: str | None, mapping: TableMapping | None
) -> list[tuple[Path, list[Found]]]:
    """What each path holds; all paths that hold nothing are told at once."""
    found, mistakes = [], []
    for path in paths:
        try:
            found.append((path, find(path, format_name, mapping)))
        except BadInput as mistake:
            mistakes.append(mistake)
    if len(mistakes) > 1:
        valid = mistakes[0].valid if len({mistake.valid for mistake in mistakes}) == 1 else ""
        raise BadInput.several("recordings", [each.problem for each in mistakes], valid=valid, next_command=HELP)
    if mistakes:
        raise mistakes[0]
    return found


def _refuse_existing(out: Path, paths: Sequence[Path], *, force: bool) -> None:
    try:
        refuse_existing(out, force=force, inputs=paths)
    except OutputExists as error:
        raise OutputExists(error.problem, valid="--append to add to the store, --force to replace it") from error


def _refuse_twice(places: Iterable[Path]) -> None:
    twice = [str(place) for place, count in Counter(places).items() if count > 1]
    if twice:
        raise BadInput(f"given twice: {', '.join(twice)}", valid="each recording once")


def _place(root: Path, path: Path) -> str:
    """Where a recording lies, from the last folder of what the user gave on."""
    return str(Path(root.resolve().name) / path.relative_to(root))


def _set_of(root: Path, path: Path) -> Path:
    """The folder whose folders or files are the participants, as `find` takes them."""
    return root.resolve().parent if path == root else root.resolve()


def _few(places: list[str]) -> str:
    return ", ".join(places[:3]) + (f" and {len(places) - 3} more" if len(places) > 3 else "")
