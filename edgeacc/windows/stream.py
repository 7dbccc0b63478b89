"""Reading a store for training: shuffled, in shards, in bounded memory, from a local disk or S3-compatible storage."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
import torch
from pyarrow import fs
from torch import Generator

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.signals.contract import SignalContract
from edgeacc.windows import columns
from edgeacc.windows.manifest import HELP, NAME, Part, StoreManifest, parse_manifest, read_manifest
from edgeacc.windows.parts import PartFile, changed, lacks, truncated, windows_of_part
from edgeacc.windows.split import Split
from edgeacc.windows.store import check_contract
from edgeacc.windows.window_set import WindowSet

MIXED = 1024
"""Windows among which a batch is drawn (our choice: 55 MB of windows of 60 s with four PPG channels)."""
OPEN_PARTS = 4
"""Parts that are read by turns, so that a batch is of several recordings (our choice; a part is 45 MB at most)."""


@dataclass(frozen=True)
class Shard:
    """One of `count` equal shares of a split."""

    number: int = 0
    count: int = 1

    @classmethod
    def of(cls, *, rank: int = 0, ranks: int = 1, worker: int = 0, workers: int = 1) -> "Shard":
        """The share of one data-loading worker of one training process.

        Raises:
            ValueError: a number that is not below its count.
        """
        if not (0 <= rank < ranks and 0 <= worker < workers):
            raise ValueError(f"rank {rank} of {ranks}, worker {worker} of {workers}")
        return cls(rank * workers + worker, ranks * workers)


WHOLE = Shard()


class _Slice(NamedTuple):
    """Some windows of a part."""

    part: Part
    rows: range


@dataclass(frozen=True)
class StreamedStore:
    """A store in a file system; nothing but its manifest is in memory.

    Attributes:
        place: where it is, for errors: without passwords.
        files: the file system.
        root: the store's folder there.
        manifest: what it says about itself.
    """

    place: str
    files: fs.FileSystem
    root: str
    manifest: StoreManifest

    def batches(
        self, split: Split, *, batch: int, seed: int, epoch: int, shard: Shard = WHOLE, mixed: int = MIXED
    ) -> Iterator[WindowSet]:
        """One epoch of a shard, in an order drawn from (seed, epoch).

        The shards of an epoch hold every window of the split once, together; their sizes differ by one at most. Every
        part is checked against its hash whenever it is read. Memory holds `OPEN_PARTS` parts as they are on disk and
        twice `mixed` windows, whatever the size of the store.

        Args:
            split: which side.
            batch: windows in each batch; the last may be smaller.
            seed: of the order.
            epoch: another epoch, another order, and other shards.
            shard: which share.
            mixed: windows among which a batch is drawn, rounded up to whole batches.

        Raises:
            BadInput: no window in the split; a part is missing, truncated, or changed since it was written.
            NotPossibleHere: the storage does not answer.
        """
        parts = [part for part in self.manifest.parts if part.split == split]
        if not parts:
            raise BadInput(f"store {self.place} has no window in its split {split!r}", valid="a split with windows")
        draw = _generator(seed, epoch)
        order = torch.randperm(len(parts), generator=draw).tolist()
        slices = _share([parts[index] for index in order], shard)
        draw = _generator(seed, epoch, shard.number)
        size = batch * -(-mixed // batch)
        block = columns.empty(size, max(part.most_beats for part in parts), self.manifest.contract)
        filled = 0
        for windows in self._by_turns(slices, draw):
            while len(windows):
                taken, windows = _cut_at(windows, size - filled)
                columns.put(block, filled, taken)
                filled += len(taken)
                if filled == size:
                    yield from _drawn(block, filled, batch, draw)
                    filled = 0
        yield from _drawn(block, filled, batch, draw)

    def _by_turns(self, slices: list[_Slice], draw: Generator) -> Iterator[WindowSet]:
        """Row groups of a few parts at a time, which of them is drawn."""
        coming = iter(slices)
        open_: list[Iterator[WindowSet]] = []
        while True:
            while len(open_) < OPEN_PARTS and (next_slice := next(coming, None)) is not None:
                open_.append(self._windows(next_slice, draw))
            if not open_:
                return
            turn = int(torch.randint(len(open_), (), generator=draw))
            windows = next(open_[turn], None)
            if windows is None:
                del open_[turn]
            else:
                yield windows

    def _windows(self, piece: _Slice, draw: Generator) -> Iterator[WindowSet]:
        """The windows of a slice by row groups, in an order that is drawn."""
        file = PartFile(self.place, piece.part, pa.BufferReader(self._checked(piece.part)))
        yield from windows_of_part(file, self.manifest.contract, piece.rows, draw)

    def _checked(self, part: Part) -> pa.Buffer:
        """A part's bytes, which are those that were written."""
        content = _read(self.files, f"{self.root}/{part.file}", f"{self.place}/{part.file}")
        if content is None:
            raise lacks(self.place, part)
        if content.size != part.size_bytes:
            raise truncated(f"{self.place}/{part.file}", part, content.size)
        if hashlib.sha256(content).hexdigest() != part.sha256:
            raise changed(f"{self.place}/{part.file}")
        return content


def open_stream(location: str | Path, contract: SignalContract | None = None) -> StreamedStore:
    """Open a store to read it batch by batch.

    Args:
        location: a folder, or a URI that `pyarrow.fs` knows, such as `s3://BUCKET/STORE?region=...` or, for storage
            of another maker, `s3://BUCKET/STORE?endpoint_override=HOST:PORT&scheme=https`. Keys are looked for where
            AWS's tools look.
        contract: refuse a store that was prepared by another contract.

    Raises:
        BadInput: not a store, another schema version, another contract, or no such URI.
        NotPossibleHere: the storage does not answer.
    """
    store = _remote(location) if isinstance(location, str) and "://" in location else _local(Path(location))
    if contract is not None:
        check_contract(store.place, store.manifest, contract)
    return store


def _local(folder: Path) -> StreamedStore:
    return StreamedStore(str(folder), fs.LocalFileSystem(), str(folder.absolute()), read_manifest(folder))


def _remote(uri: str) -> StreamedStore:
    place = _without_secrets(uri)
    try:
        files, root = fs.FileSystem.from_uri(uri)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadInput(f"{place} is no place that can be read", valid="a folder, or s3://BUCKET/STORE") from error
    content = _read(files, f"{root}/{NAME}", f"{place}/{NAME}")
    if content is None:
        raise BadInput(f"{place} is not a store: no {NAME} in it", valid="where a store is", next_command=HELP)
    try:
        manifest = json.loads(content.to_pybytes())
    except ValueError as error:
        raise BadInput(f"{place}/{NAME} is not valid JSON", valid="a store as written: copy it again") from error
    return StreamedStore(place, files, root, parse_manifest(manifest, place))


def _without_secrets(uri: str) -> str:
    """A URI without the user, the password and the options."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _read(files: fs.FileSystem, path: str, place: str) -> pa.Buffer | None:
    """A whole file; None where it is not there."""
    try:
        with files.open_input_file(path) as stream:
            return stream.read_buffer()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotPossibleHere(f"cannot read {place}: {str(error).splitlines()[0]}") from error


def _share(parts: list[Part], shard: Shard) -> list[_Slice]:
    """The windows of a shard: with the parts laid end to end, one of `count` stretches of equal length."""
    total = sum(part.windows for part in parts)
    first, end = (total * edge // shard.count for edge in (shard.number, shard.number + 1))
    slices, at = [], 0
    for part in parts:
        rows = range(max(first - at, 0), min(end - at, part.windows))
        if rows:
            slices.append(_Slice(part, rows))
        at += part.windows
    return slices


def _cut_at(windows: WindowSet, room: int) -> tuple[WindowSet, WindowSet]:
    if len(windows) <= room:
        return windows, windows.take(torch.arange(0))
    return windows.take(torch.arange(room)), windows.take(torch.arange(room, len(windows)))


def _drawn(block: WindowSet, filled: int, batch: int, draw: Generator) -> Iterator[WindowSet]:
    """The windows of a block in batches, in an order that is drawn; behind them the block has room for others."""
    order = torch.randperm(filled, generator=draw)
    for at in range(0, filled, batch):
        yield block.take(order[at : at + batch])
    block.beats_BK.fill_(torch.nan)


def _generator(*numbers: int) -> Generator:
    """A generator that nothing but these numbers decides."""
    digest = hashlib.sha256(repr(numbers).encode()).digest()
    return Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
