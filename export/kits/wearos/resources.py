"""The numbers that the Java core reads: big-endian files, for `java.io.DataInputStream`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeacc.bundle.bundle import Bundle
from edgeacc.signals.contract import SignalContract
from edgeacc.signals.core.tables import Tables, tables_of

WORST_WINDOW_DB = 6.0
"""One golden window may lie so far below the recipe's floor, which is of the mean over all of them (our choice)."""

_INTS = ("source_mhz", "rate_mhz", "samples", "source_samples", "longest_gap")
_FLOATS = ("range_g", "low_motion_g", "off_wrist_g", "floor_g")


def write_resources(bundle: Bundle, rates_hz: Iterable[float], folder: Path) -> None:
    """Write `tables.bin`, `golden.bin` and, where the bundle has a probe, `probe.bin` into an existing folder.

    Raises:
        BadInput: a contract or a rate that the signal core does not serve.
    """
    (folder / "tables.bin").write_bytes(tables_file(bundle.contract, rates_hz))
    (folder / "golden.bin").write_bytes(_golden_file(bundle))
    probe = bundle.probe()
    if probe is not None:
        parts = (probe.mean_D, probe.std_D, probe.weight_D, probe.bias)
        (folder / "probe.bin").write_bytes(_ints(len(probe.mean_D)) + b"".join(map(_array, parts)))


def tables_file(contract: SignalContract, rates_hz: Iterable[float]) -> bytes:
    """`tables.bin` of a contract: how many, then the fields of each as `Tables.java` reads them.

    Raises:
        BadInput: a contract or a rate that the signal core does not serve.
    """
    all_tables = [tables_of(contract, hz) for hz in rates_hz]
    return _ints(len(all_tables)) + b"".join(map(_table, all_tables))


def golden_spread(bundle: Bundle) -> float:
    """Root mean square distance of the golden embeddings from their mean: what the SNR's signal is."""
    z_BD = bundle.golden().z_BD
    return float(np.sqrt(((z_BD - z_BD.mean(0)) ** 2).sum(-1).mean()))


def golden_floor_db(bundle: Bundle) -> float:
    """How near the embedding of the first golden window must be to the network's, in dB of `golden_spread`."""
    return bundle.manifest.verification.min_snr_db - WORST_WINDOW_DB


def _golden_file(bundle: Bundle) -> bytes:
    golden, contract = bundle.golden(), bundle.contract
    levels = np.array([golden_spread(bundle), golden_floor_db(bundle)])
    sizes = _ints(contract.samples, bundle.embedding_width)
    arrays = (golden.acc_g_BCT[0], golden.acc_BCT[0], golden.z_BD[0])
    return _ints(round(1000 * contract.rate_hz)) + _array(levels) + sizes + b"".join(map(_array, arrays))


def _table(tables: Tables) -> bytes:
    numbers = _ints(*(getattr(tables, name) for name in _INTS))
    numbers += _array(np.array([getattr(tables, name) for name in _FLOATS]))
    numbers += _ints(tables.band.size) + _array(tables.band)
    for half, density, entries in (
        (tables.sinc_half, tables.sinc_density, tables.sinc),
        (tables.even_half, tables.even_density, tables.even),
    ):
        numbers += _ints(half, density, entries.size) + _array(entries)
    return numbers


def _ints(*values: int) -> bytes:
    return np.array(values, ">i4").tobytes()


def _array(values: NDArray[np.floating[Any]]) -> bytes:
    return values.astype(">f4").tobytes()
