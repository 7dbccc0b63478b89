"""Recordings on their way into a store: their windows go to disk one recording at a time, the manifest comes last."""

import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from edgeacc import files
from edgeacc.errors import BadInput, NotPossibleHere, command
from edgeacc.signals.contract import SignalContract
from edgeacc.windows import columns
from edgeacc.windows.manifest import (
    NAME,
    Part,
    Person,
    StoreManifest,
    content_digest,
    read_manifest,
    tool_versions,
)
from edgeacc.windows.parts import WINDOWS_PER_ROW_GROUP, PartFacts, write_part
from edgeacc.windows.salt import RECORDING_BITS, Salt, keep_salt, new_salt, number_of, read_salt, salt_path
from edgeacc.windows.split import SPLITS, Split, join_split
from edgeacc.windows.store import WINDOWS_PER_PART, check_contract
from edgeacc.windows.window_set import WindowSet

SPLIT_SEED: Literal[0] = 0
STAGED = "staged-"


class RecordingRow(BaseModel):
    """What a store's manifest keeps of a recording: numbers, and no word that its files or their places hold."""

    model_config = ConfigDict(frozen=True, extra="allow")

    recording: str
    """The salted hash of what was read."""
    number: int
    """The windows' numbers begin with it."""
    participant: int
    format: str


class _Provenance(BaseModel):
    recordings: list[RecordingRow]
    split_seed: Literal[0]


class _Staged(NamedTuple):
    path: Path
    participant: int
    first_window: int
    facts: PartFacts


class Addition:
    """What a store of recordings holds, and what comes to it."""

    def __init__(self, folder: Path, contract: SignalContract, salt: Salt, before: StoreManifest | None) -> None:
        """Begin.

        Args:
            folder: where the parts go.
            contract: of all windows.
            salt: of the store.
            before: what the store held; None for a new one.
        """
        self.salt = salt
        self.grew = False
        self._folder, self._contract, self._before = folder, contract, before
        kept = (
            files.parse_model(before.provenance, _Provenance, where=f"{folder / NAME}: provenance") if before else None
        )
        self._rows = {row.recording: row for row in kept.recordings} if kept else {}
        self._numbers = {row.number for row in self._rows.values()}
        self._people: dict[int, Person] = {one.participant: one for one in before.people} if before else {}
        self._parts = list(before.parts) if before else []
        self._rejected = Counter(before.rejected if before else {})
        self._staged: list[_Staged] = []
        self._newcomers: dict[int, tuple[str, str | None]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is no window so far."""
        return not (self._parts or self._staged)

    @property
    def recordings(self) -> frozenset[str]:
        """The hashes of the recordings that the store holds."""
        return frozenset(self._rows)

    def knows(self, recording_hash: str) -> bool:
        """Whether the store holds this recording."""
        return recording_hash in self._rows

    def free_number(self, recording_hash: str) -> int:
        """A number that no other recording of the store has."""
        number = number_of(recording_hash)
        while number in self._numbers:
            number = (number + 1) % 2**RECORDING_BITS
        return number

    def namesakes(self, participant: int, name_hash: str) -> bool:
        """Whether the store holds another person of this name."""
        return any(one.name == name_hash and one.participant != participant for one in self._people.values())

    def add(
        self, row: RecordingRow, windows: WindowSet, rejected: Mapping[str, int], name: str, kept_id: str | None
    ) -> None:
        """Write the windows of one recording.

        Args:
            row: the recording.
            windows: its windows, all of one participant, by time; none is fine.
            rejected: how many were not kept, by reason.
            name: the salted hash of the person's name.
            kept_id: the name itself if it is to stand in the manifest.
        """
        self.grew = True
        self._rows[row.recording] = row
        self._numbers.add(row.number)
        self._rejected.update(rejected)
        for at in range(0, len(windows), WINDOWS_PER_PART):
            part = windows.take(slice(at, at + WINDOWS_PER_PART))
            path = self._folder / f"{STAGED}{len(self._staged):05d}.parquet"
            facts = write_part(path, _tables(part), self._contract)
            self._staged.append(_Staged(path, row.participant, int(part.window_id_B[0]), facts))
            self._newcomers[row.participant] = (name, kept_id)

    def settle(self) -> None:
        """Give a side to everybody who came since the last call, and their parts their names."""
        sides = join_split({who: one.split for who, one in self._people.items()}, self._newcomers, seed=SPLIT_SEED)
        for who, (name, kept_id) in self._newcomers.items():
            self._people[who] = Person(participant=who, split=sides[who], name=name, id=kept_id)
        for staged in self._staged:
            split = sides[staged.participant]
            file = f"{split}-{staged.participant:014x}-{staged.first_window:016x}.parquet"
            staged.path.replace(self._folder / file)
            self._parts.append(Part(file=file, split=split, **staged.facts._asdict()))
        self._staged, self._newcomers = [], {}

    def manifest(self, *, ids_kept: bool) -> StoreManifest:
        """The manifest of all; the order in which things came leaves no trace in it."""
        parts = sorted(self._parts, key=lambda part: (SPLITS.index(part.split), part.file))
        rows = sorted(self._rows.values(), key=lambda row: (row.participant, row.recording))
        provenance = _Provenance(recordings=rows, split_seed=SPLIT_SEED)
        versions = self._before.versions if self._before else []
        return StoreManifest(
            source="recordings",
            name=" + ".join(sorted({row.format for row in rows})),
            contract=self._contract,
            contract_digest=self._contract.digest,
            provenance=provenance.model_dump(mode="json"),
            windows={split: sum(part.windows for part in parts if part.split == split) for split in SPLITS},
            participants=self._participants(),
            rejected=dict(sorted(self._rejected.items())),
            columns=columns.schema(self._contract).names,
            parts=parts,
            content_digest=content_digest(self._contract, parts),
            versions=versions if tool_versions() in versions else [*versions, tool_versions()],
            people=sorted(self._people.values(), key=lambda one: one.participant),
            salt_check=self.salt.check,
            ids_kept=ids_kept,
        )

    def _participants(self) -> dict[Split, int]:
        sides = Counter(one.split for one in self._people.values())
        return {split: sides[split] for split in SPLITS}


def _tables(windows: WindowSet) -> Iterator[pa.Table]:
    """A row group's windows at a time: they are copied on their way into columns."""
    for at in range(0, len(windows), WINDOWS_PER_ROW_GROUP):
        yield columns.to_table(windows.take(slice(at, at + WINDOWS_PER_ROW_GROUP)))


@contextmanager
def alone(store: Path) -> Iterator[StoreManifest]:
    """The manifest of a store that nobody else adds to meanwhile.

    What an earlier addition left that did not come to its end is removed before, what this one leaves behind.

    Raises:
        BadInput: no store.
        NotPossibleHere: another command is adding to it.
    """
    read_manifest(store)
    folder = os.open(store, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise NotPossibleHere(f"another command is adding to store {store}; nothing was written") from error
        except OSError as error:
            raise NotPossibleHere(f"cannot lock store {store}: {error.strerror}; nothing was written") from error
        manifest = read_manifest(store)
        _remove_unnamed(store, manifest)
        try:
            yield manifest
        finally:
            _remove_unnamed(store, read_manifest(store))
    finally:
        os.close(folder)


@contextmanager
def adding(out: Path, contract: SignalContract, *, append: bool, force: bool, keep_ids: bool) -> Iterator[Addition]:
    """A new store, or more for one that is there: it is written when the block ends well, and else as it was before.

    Args:
        out: the store's folder.
        contract: of all windows.
        append: add to the store if it exists.
        force: replace it if it exists.
        keep_ids: whether names stand in the manifest.

    Raises:
        BadInput: `out` exists and neither is set; it is no store of recordings, its contract or its way with names is
            another, or its salt is not here; no window came to a new store.
        NotPossibleHere: no space left, or another command is adding to it.
    """
    if append and out.exists():
        with alone(out) as before, files.replacing(out / NAME, force=True) as beside:
            _check(out, before, contract, keep_ids)
            addition = Addition(out, contract, _salt_of(out, before), before)
            yield addition
            files.write_json(beside, addition.manifest(ids_kept=keep_ids) if addition.grew else before)
        return
    with files.replacing(out, force=force) as beside:
        beside.mkdir()
        kept = read_salt(out)
        salt = kept or new_salt()
        addition = Addition(beside, contract, salt, None)
        yield addition
        files.write_json(beside / NAME, addition.manifest(ids_kept=keep_ids))
        if kept is None:
            keep_salt(salt, out)


def _check(out: Path, before: StoreManifest, contract: SignalContract, keep_ids: bool) -> None:
    if before.salt_check is None:
        raise BadInput(f"store {out} was not made by edgeacc import", valid="a store of recordings, or another -o")
    check_contract(str(out), before, contract)
    if before.ids_kept != keep_ids:
        made, again = ("salted hashes", "without --keep-ids"), ("the participants' own names", "with --keep-ids")
        told, valid = again if before.ids_kept else made
        raise BadInput(f"store {out} holds {told}", valid=f"--append {valid}")


def _salt_of(out: Path, before: StoreManifest) -> Salt:
    salt = read_salt(out)
    if salt is None:
        raise BadInput(
            f"the salt of store {out} is not beside it",
            valid=f"{salt_path(out)}, as `import` made it",
            next_command=_anew(out),
        )
    if salt.check != before.salt_check:
        raise BadInput(
            f"{salt_path(out)} is not the salt of store {out}",
            valid="the file made with this store",
            next_command=_anew(out),
        )
    return salt


def _anew(out: Path) -> str:
    """Without its salt a store cannot grow; another one can be made."""
    return command("edgeacc", "import", "PATH", "-o", out.with_name(f"{out.name}-anew"))


def _remove_unnamed(store: Path, manifest: StoreManifest) -> None:
    """Remove parts that the manifest does not name; other people's files stay."""
    named = {part.file for part in manifest.parts}
    for path in store.glob("*.parquet"):
        if path.name not in named and path.name.startswith((STAGED, *SPLITS)):
            path.unlink()
