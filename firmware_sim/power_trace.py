"""A power analyser's trace, which replaces the model of energy: CSV with time_s, current_a and, perhaps, supply_v."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from edgeacc.errors import BadInput

COLUMNS = ("time_s", "current_a")
SUPPLY = "supply_v"
LONGEST_VALUE = 40
"""Characters of a wrong value that an error shows."""


class PowerTrace(BaseModel):
    """What a trace comes to."""

    model_config = ConfigDict(frozen=True)

    samples: int
    duration_s: float
    energy_mj: float
    mean_power_uw: float
    peak_power_uw: float


def read_power_trace(path: Path, supply_v: float | None = None) -> PowerTrace:
    """Integrate a trace by the trapezoidal rule; rows are read one at a time.

    Args:
        path: CSV with a header: time_s (rising), current_a, and supply_v unless the supply is given.
        supply_v: the supply of all rows, where the file has no such column.

    Raises:
        BadInput: no such file, a column that is missing or twice given, a row that is no numbers, time that does not
            rise, a supply that is not positive, fewer than two rows; with the line. Or a sum that is not positive
            and finite.
    """
    if supply_v is not None and not (math.isfinite(supply_v) and supply_v > 0):
        raise BadInput(f"a supply of {supply_v} V", valid="a positive voltage")
    count, energy_j, peak_w = 0, 0.0, 0.0
    first_s = last_s = last_w = 0.0
    for line, time_s, power_w in _rows(path, supply_v):
        if count and time_s <= last_s:
            raise BadInput(f"{path}, line {line}: time_s {time_s:g} is not after {last_s:g}", valid="rising times")
        if count:
            energy_j += 0.5 * (power_w + last_w) * (time_s - last_s)
        first_s = time_s if count == 0 else first_s
        count, last_s, last_w, peak_w = count + 1, time_s, power_w, max(peak_w, power_w)
    if count < 2:
        raise BadInput(f"{path} has {count} row(s)", valid="a trace of two rows or more")
    duration_s = last_s - first_s
    if not (0 < energy_j < math.inf and duration_s < math.inf):
        raise BadInput(
            f"{path} comes to {energy_j:g} J in {duration_s:g} s", valid="a trace of a device that draws current"
        )
    return PowerTrace(
        samples=count,
        duration_s=duration_s,
        energy_mj=1e3 * energy_j,
        mean_power_uw=1e6 * energy_j / duration_s,
        peak_power_uw=1e6 * peak_w,
    )


def _rows(path: Path, supply_v: float | None) -> Iterator[tuple[int, float, float]]:
    """(line, time in s, power in W) of each row."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            places = _places(path, next(reader, []), supply_v)
            for row in reader:
                if row:
                    yield reader.line_num, *_numbers(path, reader.line_num, row, places, supply_v)
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            f"{path} is no CSV: {error}", valid=f"a text file with the columns {_wanted(supply_v)}"
        ) from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error


def _places(path: Path, header: list[str], supply_v: float | None) -> list[int]:
    names = [name.strip() for name in header]
    wanted = [*COLUMNS] if supply_v is not None else [*COLUMNS, SUPPLY]
    if supply_v is not None and SUPPLY in names:
        raise BadInput(f"{path} has a column {SUPPLY}, and --supply-v is given", valid="one of the two")
    if any(names.count(name) != 1 for name in wanted):
        shown = ", ".join(names)[: 2 * LONGEST_VALUE] or "no header"
        raise BadInput(f"{path}, line 1: the columns are {shown}", valid=_wanted(supply_v))
    return [names.index(name) for name in wanted]


def _wanted(supply_v: float | None) -> str:
    names = ", ".join(COLUMNS) if supply_v is not None else f"{', '.join(COLUMNS)} and {SUPPLY} (or --supply-v VOLTS)"
    return f"{names}, with commas between them"


def _numbers(path: Path, line: int, row: list[str], places: list[int], supply_v: float | None) -> tuple[float, float]:
    if len(row) <= max(places):
        raise BadInput(f"{path}, line {line}: {len(row)} value(s)", valid=f"at least {max(places) + 1}, as the header")
    values = [_number(path, line, row[place]) for place in places]
    volts = supply_v if supply_v is not None else values[2]
    if volts <= 0:
        raise BadInput(f"{path}, line {line}: a supply of {volts:g} V", valid="a positive voltage")
    return values[0], values[1] * volts


def _number(path: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"{path}, line {line}: {text[:LONGEST_VALUE]!r} is no number", valid="finite numbers")
    return value
