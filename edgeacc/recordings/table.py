"""Any CSV or Parquet table with one row per sample, described by a small TOML file.

    acc_columns = ["ax", "ay", "az"]
    acc_unit = "mg"                       # g, mg or m/s2, gravity included
    ppg_columns = ["green"]
    ppg_upstroke = "negative"             # raw reflected light; "positive" where the pulse already points up
    rate_hz = 100.0                       # or: time_column = "t" and time_unit = "ms" (s, ms, us or ns)
    participant_column = "person"         # optional; without it a file is a participant
    delimiter = ","                       # optional, CSV only

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
from edgeacc.recordings.recording import SIGNAL_HZ, Recording, Stream, regular, sampled
from edgeacc.recordings.text import Column, head, read_columns

NAME = "table"
STANDARD_GRAVITY_M_S2 = 9.80665
"""ISO 80000-3."""
PER_UNIT = {"g": 1.0, "mg": 1e-3, "m/s2": 1 / STANDARD_GRAVITY_M_S2}
SECONDS_PER_UNIT = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
SUFFIXES = (".csv", ".parquet")
PARQUET_MAGIC = b"PAR1"
STILL_G = (0.5, 2.0)
"""Median magnitude of an accelerometer on a wrist, gravity included: further off, the unit is another (our choice)."""

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
        return [_recording(path, participant, columns, mapping, np.arange(len(columns[mapping.acc_columns[0]])))]
    who = columns[mapping.participant_column]
    nobody = np.flatnonzero(who == "")
    if len(nobody):
        place = _place(path, int(nobody[0]))
        raise BadInput(f"{place}: {mapping.participant_column} is empty ({len(nobody)} such row(s))", valid="a name")
    return [_recording(path, str(one), columns, mapping, np.flatnonzero(who == one)) for one in sorted(set(who))]


def _recording(path: Path, who: str, columns: Columns, mapping: TableMapping, rows: NDArray[np.int64]) -> Recording:
    def stream(names: tuple[str, ...], factor: float, unit: str, range_: float | None) -> Stream:
        samples_NC = np.stack([columns[name][rows] for name in names], axis=1) * factor
        if mapping.rate_hz is not None:
            return regular(samples_NC, unit, 0.0, mapping.rate_hz, range_)
        times_s = columns[str(mapping.time_column)][rows] * SECONDS_PER_UNIT[mapping.time_unit]
        return sampled(times_s, samples_NC, unit, place=lambda row: _place(path, int(rows[row])), range_=range_)

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
    squares_N = np.square(acc.samples_CN[:, ~np.isnan(acc.samples_CN).any(0)], dtype=np.float64).sum(0)
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
    with path.open("rb") as stream:
        return stream.read(4) == PARQUET_MAGIC


def _wanted(path: Path, there: list[str], mapping: TableMapping) -> list[str]:
    """The columns to read, after checking that the table has each of them once."""
    wanted = [*mapping.numbers, *([mapping.participant_column] if mapping.participant_column else [])]
    missing = [name for name in wanted if name not in there]
    if missing:
        found = f"it has {', '.join(there)}" if any(there) else "a first line of column names, in UTF-8"
        raise BadInput(f"{path} lacks the column(s) {', '.join(missing)}", valid=found)
    if twice := [name for name in wanted if there.count(name) > 1]:
        raise BadInput(f"{path} has several columns {', '.join(twice)}", valid="one column of each name in the mapping")
    return wanted


def _read_csv(path: Path, mapping: TableMapping) -> Columns:
    names = [name.strip().strip('"') for name in (head(path, 1) or [""])[0].split(mapping.delimiter)]
    _wanted(path, names, mapping)
    samples = {*mapping.acc_columns, *mapping.ppg_columns}
    columns = [Column(name, "float" if name in mapping.numbers else "text", blank=name in samples) for name in names]
    return read_columns(path, mapping.delimiter, columns, skip=1)


def _read_parquet(path: Path, mapping: TableMapping) -> Columns:
    try:
        with pq.ParquetFile(path) as file:
            table = file.read(columns=_wanted(path, file.schema_arrow.names, mapping))
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path}: {error}", valid="a whole Parquet file") from error
    numbers = {name: _number(path, name, table[name]) for name in mapping.numbers}
    if table.num_rows == 0:
        raise BadInput(f"{path} has no samples", valid="one row per sample")
    who = mapping.participant_column
    return numbers | ({who: _names(path, who, table[who])} if who else {})


def _names(path: Path, name: str, column: pa.ChunkedArray) -> NDArray[Any]:
    """A column of a Parquet file as texts; empty where there is none."""
    try:
        return np.array(column.cast(pa.string()).fill_null("").to_pylist(), object)
    except pa.ArrowException as error:
        raise BadInput(f"{path}: column {name} holds {column.type}: {error}", valid="texts or whole numbers") from error


def _number(path: Path, name: str, column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A column of a Parquet file as numbers; NaN where there is none."""
    try:
        values = np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)
    except pa.ArrowException as error:
        raise BadInput(f"{path}: column {name} holds {column.type}: {error}", valid="numbers") from error
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise BadInput(f"{_place(path, int(infinite[0]))}: {name} is {values[infinite[0]]}", valid="a finite number")
    return values
