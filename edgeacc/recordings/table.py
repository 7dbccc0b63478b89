"""Any CSV or Parquet table with one row per sample, described by a small TOML file (`mapping.toml` is an example).

An empty cell is a missing sample. Checked on files made by the tests only.
"""

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edgeacc.errors import BadInput
from edgeacc.recordings.arrow import numbers
from edgeacc.recordings.binary import first_bytes, short
from edgeacc.recordings.recording import ENOUGH, SIGNAL_HZ, Recording, Stream, regular, sampled
from edgeacc.recordings.text import LARGEST, MISSING, Column, Growing, head, read_columns

NAME = "table"
HELP = "edgeacc cat mapping"
STANDARD_GRAVITY_M_S2 = 9.80665
"""ISO 80000-3."""
PER_UNIT = {"g": 1.0, "mg": 1e-3, "m/s2": 1 / STANDARD_GRAVITY_M_S2}
SECONDS_PER_UNIT = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
SUFFIXES = (".csv", ".parquet")
PARQUET_MAGIC = b"PAR1"
STILL_G = (0.5, 2.0)
"""Median magnitude of an accelerometer on a wrist, gravity included: further off, the unit is another (our choice)."""

MOST_NAMES = 20
BATCH_ROWS, BUFFER_BYTES = 2**16, 2**20

Columns = dict[str, NDArray[Any]]


class TableMapping(BaseModel):
    """Which column is what, in which unit, at which rate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    acc_columns: tuple[str, str, str]
    acc_unit: Literal["g", "mg", "m/s2"]
    ppg_columns: tuple[str, ...] = Field(min_length=1)
    ppg_upstroke: Literal["positive", "negative"]
    rate_hz: float | None = Field(None, ge=SIGNAL_HZ[0], le=SIGNAL_HZ[1])
    time_column: str | None = None
    time_unit: Literal["s", "ms", "us", "ns"] = "s"
    participant_column: str | None = None
    acc_range_g: float | None = Field(None, gt=0)
    delimiter: str = Field(",", min_length=1, max_length=1)
    device: str = "unknown"

    @model_validator(mode="after")
    def _one_clock(self) -> Self:
        if (self.rate_hz is None) == (self.time_column is None):
            raise ValueError("give either rate_hz or time_column")
        if len(set(self.numbers)) < len(self.numbers):
            raise ValueError("a column is named twice")
        return self

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns that hold numbers."""
        return (*self.acc_columns, *self.ppg_columns, *([self.time_column] if self.time_column else []))


def is_table(path: Path) -> bool:
    """Whether a file may be a table: by its suffix, since any text may be one."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def read(path: Path, participant: str, mapping: TableMapping) -> list[Recording]:
    """Read a table: one recording, or one per entry of the participant column.

    Raises:
        BadInput: a column is not there or there twice, a cell is not what it should be (which line), time does not go
            forward, or the file is no readable Parquet.
    """
    columns = _read_parquet(path, mapping) if _is_parquet(path) else _read_csv(path, mapping)
    if mapping.participant_column is None:
        return [_recording(path, participant, columns, mapping, None)]
    who = columns[mapping.participant_column]
    nobody = np.flatnonzero(who == "")
    if len(nobody):
        place = _place(path, int(nobody[0]))
        raise BadInput(f"{place}: {mapping.participant_column} is empty ({len(nobody)} such row(s))", valid="a name")
    return [_recording(path, str(one), columns, mapping, np.flatnonzero(who == one)) for one in sorted(set(who))]


def _recording(
    path: Path, who: str, columns: Columns, mapping: TableMapping, rows: NDArray[np.int64] | None
) -> Recording:
    """One person's recording: of some rows, or of all."""

    def own(name: str) -> NDArray[Any]:
        return columns.pop(name) if rows is None else columns[name][rows]

    def place(row: int) -> str:
        return _place(path, row if rows is None else int(rows[row]))

    def stream(names: tuple[str, ...], factor: float, unit: str, range_: float | None) -> Stream:
        samples_CN = np.stack([own(name) for name in names])
        samples_CN *= np.float32(factor)
        if mapping.rate_hz is not None:
            return regular(samples_CN.T, unit, 0.0, mapping.rate_hz, range_)
        return sampled(times_s, samples_CN.T, unit, place=place, range_=range_)

    if mapping.time_column:
        times_s = own(mapping.time_column)
        times_s *= SECONDS_PER_UNIT[mapping.time_unit]

    turned = mapping.ppg_upstroke == "negative"
    acc = stream(mapping.acc_columns, PER_UNIT[mapping.acc_unit], "g", mapping.acc_range_g)
    _check_gravity(path, acc, mapping)
    return Recording(
        participant=who,
        device=mapping.device,
        format=NAME,
        acc=acc,
        ppg=stream(mapping.ppg_columns, -1.0 if turned else 1.0, "au", None),
        notes=("sign turned",) if turned else (),
    )


def _check_gravity(path: Path, acc: Stream, mapping: TableMapping) -> None:
    some_CN = acc.samples_CN[:, :: max(1, acc.samples_CN.shape[1] // ENOUGH)]
    squares_N = np.square(some_CN[:, ~np.isnan(some_CN).any(0)], dtype=np.float64).sum(0)
    middle_g = float(np.sqrt(np.median(squares_N))) if len(squares_N) else 1.0
    if not STILL_G[0] < middle_g < STILL_G[1]:
        raise BadInput(
            f"{path}: the accelerometer's median magnitude is {middle_g:.3g} g if its unit is {mapping.acc_unit}",
            valid=f"{STILL_G[0]:g} to {STILL_G[1]:g} g: the unit of the columns, with gravity in them",
        )


def _place(path: Path, row: int) -> str:
    """Where a row, counted from 0, stands: a CSV's line behind the header, a Parquet's row counted from 1."""
    return f"{path}, row {row + 1}" if _is_parquet(path) else f"{path}, line {row + 2}"


def _is_parquet(path: Path) -> bool:
    return first_bytes(path, 4) == PARQUET_MAGIC


def _wanted(path: Path, there: list[str], mapping: TableMapping) -> list[str]:
    """The columns to read, after checking that the table has each of them once."""
    wanted = [*mapping.numbers, *([mapping.participant_column] if mapping.participant_column else [])]
    missing = [name for name in wanted if name not in there]
    if missing:
        names = ", ".join(name[:40] for name in there[:MOST_NAMES])
        more = f" and {len(there) - MOST_NAMES} more" if len(there) > MOST_NAMES else ""
        found = f"it has {names}{more}" if any(there) else "a first line of column names, in UTF-8"
        raise BadInput(f"{path} lacks the column(s) {', '.join(missing)}", valid=found)
    if twice := [name for name in wanted if there.count(name) > 1]:
        raise BadInput(f"{path} has several columns {', '.join(twice)}", valid="one column of each name in the mapping")
    return wanted


def _read_csv(path: Path, mapping: TableMapping) -> Columns:
    names = [name.strip().strip('"') for name in (head(path, 1) or [""])[0].split(mapping.delimiter)]
    _wanted(path, names, mapping)
    return read_columns(path, mapping.delimiter, [_column(name, mapping) for name in names], skip=1)


def _column(name: str, mapping: TableMapping) -> Column:
    if name in (*mapping.acc_columns, *mapping.ppg_columns):
        return Column(name, "sample", ("", "NA", *MISSING))
    if name == mapping.time_column:
        return Column(name)
    return Column(name, "text" if name == mapping.participant_column else "ignored")


def _read_parquet(path: Path, mapping: TableMapping) -> Columns:
    """The columns of the mapping, one after another: then few of a row group's pages are in memory."""
    try:
        with pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
            wanted = _wanted(path, file.schema_arrow.names, mapping)
            if file.metadata.num_rows == 0:
                raise BadInput(f"{path} has no samples", valid="one row per sample")
            columns = {name: _read_one(path, file, name, mapping) for name in wanted}
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {short(error)}", valid="a whole Parquet file") from error
    if len({len(column) for column in columns.values()}) > 1:
        told = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise BadInput(f"{path}: rows of the columns: {told}", valid="as many in each")
    return columns


def _read_one(path: Path, file: pq.ParquetFile, name: str, mapping: TableMapping) -> NDArray[Any]:
    read, row = Growing(file.metadata.num_rows), 0
    for batch in file.iter_batches(BATCH_ROWS, columns=[name], use_threads=False):
        column = batch.column(name)
        text = name == mapping.participant_column
        read.append(_names(path, name, column) if text else _number(path, name, column, row, mapping))
        row += batch.num_rows
    return read.whole


def _names(path: Path, name: str, column: pa.Array) -> NDArray[Any]:
    """A column of a Parquet file as texts; empty where there is none."""
    try:
        return np.array(column.cast(pa.string()).fill_null("").to_pylist(), object)
    except pa.ArrowException as error:
        told = f"{path}: column {name} holds {short(column.type)}: {short(error)}"
        raise BadInput(told, valid="texts or whole numbers") from error


def _number(path: Path, name: str, column: pa.Array, first: int, mapping: TableMapping) -> NDArray[np.floating[Any]]:
    """A piece of a column of a Parquet file as numbers, from row `first` on; NaN where there is none."""
    try:
        values = numbers(column.cast(pa.float64()))
    except pa.ArrowException as error:
        raise BadInput(f"{path}: column {name} holds {short(column.type)}: {short(error)}", valid="numbers") from error
    wrong = np.flatnonzero(np.abs(values) > LARGEST)
    if len(wrong):
        valid = f"a finite number of at most {LARGEST:g}"
        raise BadInput(f"{_place(path, first + int(wrong[0]))}: {name} is {values[wrong[0]]}", valid=valid)
    return values if name == mapping.time_column else values.astype(np.float32)
