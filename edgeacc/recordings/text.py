"""Delimited text, read fast; when something is wrong, read again slowly to name the line."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from edgeacc.errors import BadInput

File = Path | zipfile.Path
"""A file, or a member of a ZIP archive that is read where it is."""
Kind = Literal["float", "int", "text"]
_ARROW: dict[Kind, pa.DataType] = {"float": pa.float64(), "int": pa.int64(), "text": pa.string()}
_SAYS: dict[Kind, str] = {"float": "a finite number", "int": "a whole number", "text": "text"}


class Column(NamedTuple):
    """One column of a delimited text."""

    name: str
    kind: Kind = "float"
    blank: bool = False
    """Whether a cell may be empty; it is then NaN."""


def head(path: File, count: int) -> list[str]:
    """The first lines of a file without their ends; fewer where there are no more; none for what is not text.

    A byte order mark, as spreadsheets write it, is no part of the first line.

    Raises:
        BadInput: the file cannot be opened.
    """
    try:
        with path.open("r", encoding="utf-8-sig", errors="strict") as stream:
            return [line.rstrip("\r\n") for line, _ in zip(stream, range(count), strict=False)]
    except UnicodeDecodeError:
        return []
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error


def read_columns(path: File, delimiter: str, columns: Sequence[Column], skip: int) -> dict[str, NDArray[Any]]:
    """Read all rows behind the first `skip` lines.

    Returns:
        Column name -> (N,) float64, int64 or str objects; the last of columns that share a name.

    Raises:
        BadInput: no row, or a line with a wrong number of cells or a cell of another kind; names the first such line.
    """
    if not head(path, skip + 1)[skip:]:
        raise BadInput(f"{path} has no samples: nothing behind line {skip}", valid=_row(columns, delimiter))
    try:
        table = _read(path, delimiter, columns, skip)
    except pa.ArrowInvalid as error:
        raise _first_mistake(path, delimiter, columns, skip, str(error)) from error
    read = {column.name: table.column(place).to_numpy() for place, column in enumerate(columns)}
    floats = [column for column in columns if column.kind == "float"]
    if any(_not_finite(read[column.name], column) for column in floats):
        raise _first_mistake(path, delimiter, columns, skip, "a number that is not finite")
    return read


def _read(path: File, delimiter: str, columns: Sequence[Column], skip: int) -> pa.Table:
    with path.open("rb") as stream:
        return pa_csv.read_csv(
            stream,
            read_options=pa_csv.ReadOptions(column_names=[column.name for column in columns], skip_rows=skip),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types={column.name: _ARROW[column.kind] for column in columns},
                null_values=["", "nan", "NaN", "NA"] if any(column.blank for column in columns) else [],
            ),
        )


def _not_finite(values: NDArray[Any], column: Column) -> bool:
    return bool((np.isinf(values) if column.blank else ~np.isfinite(values)).any())


def _first_mistake(path: File, delimiter: str, columns: Sequence[Column], skip: int, else_told: str) -> BadInput:
    with path.open("r", encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            told = _mistake(line.rstrip("\r\n").split(delimiter), columns) if number > skip else ""
            if told:
                return BadInput(f"{path}, line {number}: {told}", valid=_row(columns, delimiter))
    return BadInput(f"{path}: {else_told}", valid=_row(columns, delimiter))


def _mistake(cells: list[str], columns: Sequence[Column]) -> str:
    if len(cells) != len(columns):
        return f"{len(cells)} cell(s), expected {len(columns)}"
    for cell, column in zip(cells, columns, strict=True):
        if not _is(cell.strip(), column):
            return f"{column.name} is {cell[:40]!r}, expected {_SAYS[column.kind]}"
    return ""


def _is(cell: str, column: Column) -> bool:
    if column.kind == "text" or (column.blank and cell in ("", "nan", "NaN", "NA")):
        return True
    try:
        return math.isfinite(float(cell) if column.kind == "float" else int(cell))
    except ValueError:
        return False


def _row(columns: Sequence[Column], delimiter: str) -> str:
    return "rows of " + f"{delimiter} ".join(column.name or "(nothing)" for column in columns)
