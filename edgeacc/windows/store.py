"""The store: a folder of Parquet parts with a manifest, split by participant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa
import torch
from pydantic import JsonValue

from edgeacc import files
from edgeacc.errors import BadInput
from edgeacc.progress import Progress, silent
from edgeacc.signals.contract import SignalContract
from edgeacc.windows import columns
from edgeacc.windows.manifest import NAME, Part, StoreManifest, content_digest, read_manifest, tool_versions
from edgeacc.windows.parts import PartFile, check_part, check_size, windows_of_part, write_part
from edgeacc.windows.split import SPLITS, Split
from edgeacc.windows.window_set import WindowSet

WINDOWS_PER_PART = 1024


@dataclass(frozen=True)
class Store:
    """A store on disk; nothing but its manifest is in memory."""

    path: Path
    manifest: StoreManifest

    def count(self, split: Split | Literal["all"]) -> int:
        """Number of windows of a split."""
        return sum(part.windows for part in self._parts(split))

    def chunks(self, split: Split | Literal["all"]) -> Iterator[WindowSet]:
        """The windows of a split in the store's order, at most 128 at a time in memory.

        Raises:
            BadInput: a part is missing, truncated, or changed since it was written.
        """
        for part in self._parts(split):
            check_part(self.path / part.file, part)
            yield from windows_of_part(
                PartFile(str(self.path), part, str(self.path / part.file)), self.manifest.contract
            )

    def load(self, split: Split | Literal["all"], limit: int | None = None) -> WindowSet:
        """Read a split into memory.

        Args:
            split: which side, or `all` of them.
            limit: at most so many windows, spread evenly over the split so that every participant has a share.

        Returns:
            The windows in the store's order.

        Raises:
            BadInput: the split has no window, or as `chunks`.
        """
        total = self.count(split)
        if total == 0:
            sides = ", ".join(f"{name}: {self.count(name)}" for name in SPLITS)
            raise BadInput(f"store {self.path} has no window in its split {split!r}", valid=f"windows are in {sides}")
        kept = total if limit is None else min(limit, total)
        wanted = torch.arange(kept) * total // kept
        into = columns.empty(kept, self._most_beats(split), self.manifest.contract)
        done = seen = 0
        for windows in self.chunks(split):
            rows = wanted[(wanted >= seen) & (wanted < seen + len(windows))] - seen
            columns.put(into, done, windows if len(rows) == len(windows) else windows.take(rows))
            done, seen = done + len(rows), seen + len(windows)
        return into

    def _parts(self, split: Split | Literal["all"]) -> list[Part]:
        return [part for part in self.manifest.parts if split in ("all", part.split)]

    def _most_beats(self, split: Split | Literal["all"]) -> int:
        return max((part.most_beats for part in self._parts(split)), default=0)


def open_store(path: Path, contract: SignalContract | None = None) -> Store:
    """Open a store after checking that it is one and whole.

    Args:
        path: its folder.
        contract: refuse a store that was prepared by another contract.

    Raises:
        BadInput: no such folder, not a store, another schema version, another contract (and what differs), a part
            that is missing or truncated.
    """
    manifest = read_manifest(path)
    if contract is not None:
        check_contract(str(path), manifest, contract)
    for part in manifest.parts:
        check_size(path / part.file, part)
    return Store(path, manifest)


def check_contract(store: str, manifest: StoreManifest, contract: SignalContract) -> None:
    """Raise BadInput where a store was prepared by another contract, with what differs."""
    if manifest.contract != contract:
        raise BadInput(
            f"store {store} has another signal contract: {_difference(manifest.contract, contract)}",
            valid="a store of windows of that contract: made with the same options, such as --window-s",
        )


def create_store(
    path: Path,
    batches: Iterator[WindowSet],
    splits: Mapping[int, Split],
    *,
    contract: SignalContract,
    source: Literal["cohort", "recordings"],
    name: str,
    provenance: dict[str, JsonValue],
    rejected: Mapping[str, int] | None = None,
    force: bool = False,
    progress: Progress = silent,
    total: int = 0,
) -> Store:
    """Write a store; it appears whole or not at all.

    Args:
        path: its folder, to be created.
        batches: the windows, in any number of sets; memory holds at most one part of each split.
        splits: participant -> split; every participant of `batches` is in it.
        contract: of all batches.
        source: where the windows come from.
        name: preset or data sets.
        provenance: what would be needed to make it again.
        rejected: windows not kept, by reason.
        force: replace a store that is there.
        progress: told of the windows written, of `total`.
        total: number of windows to come, for `progress`.

    Raises:
        BadInput: `path` exists and `force` is not set, or no window came.
        NotPossibleHere: no space left.
    """
    with files.replacing(path, force=force) as beside:
        beside.mkdir()
        writer = _Writer(beside, contract)
        for batch in batches:
            writer.add(batch, splits)
            progress(writer.added, total)
        parts = writer.finish()
        if not parts:
            raise BadInput(f"no window is left for store {path}; rejected: {dict(rejected or {}) or 'none'}")
        people = {split: sorted(who for who in writer.participants if splits[who] == split) for split in SPLITS}
        manifest = StoreManifest(
            source=source,
            name=name,
            contract=contract,
            contract_digest=contract.digest,
            provenance=provenance,
            windows={split: sum(part.windows for part in parts if part.split == split) for split in SPLITS},
            participants={split: len(people[split]) for split in SPLITS},
            rejected=dict(rejected or {}),
            columns=columns.schema(contract).names,
            parts=parts,
            content_digest=content_digest(contract, parts),
            versions=[tool_versions()],
        )
        files.write_json(beside / NAME, manifest)
    return Store(path, manifest)


class _Writer:
    """Collects windows per split and writes a part whenever one is full."""

    def __init__(self, folder: Path, contract: SignalContract) -> None:
        self.folder = folder
        self._contract = contract
        self.added = 0
        self.participants: set[int] = set()
        self._waiting: dict[Split, list[pa.Table]] = {split: [] for split in SPLITS}
        self._parts: dict[Split, list[Part]] = {split: [] for split in SPLITS}

    def add(self, windows: WindowSet, splits: Mapping[int, Split]) -> None:
        table = columns.to_table(windows)
        sides = [splits[int(who)] for who in windows.participant_B]
        self.participants.update(windows.participant_B.tolist())
        self.added += len(windows)
        for split in SPLITS:
            rows = [row for row, side in enumerate(sides) if side == split]
            if rows:
                self._waiting[split].append(table if len(rows) == len(sides) else table.take(rows))
                self._write_full_parts(split)

    def finish(self) -> list[Part]:
        for split in SPLITS:
            if self._waiting[split]:
                self._write(split, pa.concat_tables(self._waiting[split]))
        return [part for split in SPLITS for part in self._parts[split]]

    def _write_full_parts(self, split: Split) -> None:
        while sum(table.num_rows for table in self._waiting[split]) >= WINDOWS_PER_PART:
            table = pa.concat_tables(self._waiting[split])
            self._write(split, table.slice(0, WINDOWS_PER_PART))
            rest = table.slice(WINDOWS_PER_PART)
            self._waiting[split] = [rest] if rest.num_rows else []

    def _write(self, split: Split, table: pa.Table) -> None:
        file = f"{split}-{len(self._parts[split]):05d}.parquet"
        facts = write_part(self.folder / file, [table], self._contract)
        self._parts[split].append(Part(file=file, split=split, **facts._asdict()))


def _difference(have: SignalContract, want: SignalContract) -> str:
    pairs = zip(have.model_dump().items(), want.model_dump().values(), strict=True)
    return ", ".join(f"{name} is {a}, wanted {b}" for (name, a), b in pairs if a != b)
