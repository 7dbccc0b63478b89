"""Windows as Arrow columns: samples as fixed-size lists of float16, beats as lists, one column per label."""

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from edgeacc.recordings.arrow import column, numbers
from edgeacc.signals.contract import SignalContract
from edgeacc.windows.labels import LABELS
from edgeacc.windows.window_set import WindowSet


def schema(contract: SignalContract) -> pa.Schema:
    """The columns of a store's part."""
    return pa.schema(
        [
            ("participant", pa.int64()),
            ("window_id", pa.int64()),
            ("acc", pa.list_(pa.float16(), 3 * contract.samples)),
            ("ppg", pa.list_(pa.float16(), contract.ppg_channels * contract.samples)),
            ("beats_s", pa.list_(pa.float32())),
            *((name, pa.float32()) for name in LABELS),
        ]
    )


def to_table(windows: WindowSet) -> pa.Table:
    """Arrow columns of a set of windows; labels that it lacks are NaN.

    Raises:
        ValueError: a label that stores do not have.
    """
    strange = sorted(set(windows.labels) - set(LABELS))
    if strange:
        raise ValueError(f"labels that no store has: {', '.join(strange)}")
    wanted = schema(windows.contract)
    arrays = {
        "participant": column(windows.participant_B.numpy()),
        "window_id": column(windows.window_id_B.numpy()),
        "acc": _fixed(windows.acc_BCT),
        "ppg": _fixed(windows.ppg_BCT),
        "beats_s": _ragged(windows.beats_BK),
    }
    absent = np.full(len(windows), np.nan, np.float32)
    for name in LABELS:
        arrays[name] = column(windows.labels[name].float().numpy() if name in windows.labels else absent)
    return pa.table([arrays[name] for name in wanted.names], schema=wanted)


def from_table(table: pa.Table, contract: SignalContract) -> WindowSet:
    """The windows of a table with the columns of `schema`."""
    count = table.num_rows
    return WindowSet(
        acc_BCT=_samples(table["acc"]).reshape(count, 3, contract.samples),
        ppg_BCT=_samples(table["ppg"]).reshape(count, contract.ppg_channels, contract.samples),
        beats_BK=_padded(table["beats_s"]),
        participant_B=_column(table["participant"]),
        window_id_B=_column(table["window_id"]),
        labels={name: _column(table[name]) for name in LABELS},
        contract=contract,
    )


def empty(count: int, most_beats: int, contract: SignalContract) -> WindowSet:
    """Room for windows, to be filled by `put`."""
    return WindowSet(
        acc_BCT=torch.empty(count, 3, contract.samples, dtype=torch.float16),
        ppg_BCT=torch.empty(count, contract.ppg_channels, contract.samples, dtype=torch.float16),
        beats_BK=torch.full((count, most_beats), torch.nan),
        participant_B=torch.empty(count, dtype=torch.int64),
        window_id_B=torch.empty(count, dtype=torch.int64),
        labels={name: torch.empty(count) for name in LABELS},
        contract=contract,
    )


def put(into: WindowSet, at: int, windows: WindowSet) -> None:
    """Copy windows into room made by `empty`, from position `at` on."""
    rows = slice(at, at + len(windows))
    into.acc_BCT[rows] = windows.acc_BCT
    into.ppg_BCT[rows] = windows.ppg_BCT
    into.beats_BK[rows, : windows.beats_BK.shape[1]] = windows.beats_BK
    into.participant_B[rows] = windows.participant_B
    into.window_id_B[rows] = windows.window_id_B
    for name, label_B in windows.labels.items():
        into.labels[name][rows] = label_B


def _fixed(x_BCT: Tensor) -> pa.FixedSizeListArray:
    flat = x_BCT.to(torch.float16).contiguous().flatten(1)
    return pa.FixedSizeListArray.from_arrays(column(flat.numpy().ravel()), flat.shape[1])


def _ragged(beats_BK: Tensor) -> pa.ListArray:
    there = ~beats_BK.isnan()
    offsets = np.concatenate([[0], there.sum(1).cumsum(0).numpy()]).astype(np.int32)
    return pa.ListArray.from_arrays(column(offsets), column(beats_BK[there].float().numpy()))


def _column(chunked: pa.ChunkedArray) -> Tensor:
    return torch.from_numpy(numbers(chunked).copy())


def _samples(chunked: pa.ChunkedArray) -> Tensor:
    return torch.from_numpy(numbers(pa.concat_arrays(chunked.chunks).flatten()).copy())


def _padded(chunked: pa.ChunkedArray) -> Tensor:
    lists = pa.concat_arrays(chunked.chunks)
    counts = numbers(lists.value_lengths())
    beats_BK = np.full((len(counts), counts.max(initial=0)), np.nan, np.float32)
    beats_BK[np.arange(beats_BK.shape[1]) < counts[:, None]] = numbers(lists.flatten())
    return torch.from_numpy(beats_BK)
