"""What an artifact may cost: `size<300kB, flash<256KiB, d_hr<0.1bpm`."""

import re
from typing import NamedTuple

from edgeacc.errors import BadInput

BYTES = {"B": 1.0, "kB": 1e3, "KiB": 1024.0, "MB": 1e6, "MiB": 1024.0**2}
_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
_MEASURES: dict[str, tuple[str, dict[str, float], str]] = {
    "size": ("size_bytes", BYTES, "of the artifact"),
    "latency": ("latency_ms", _MS, "median of a call on this machine, one thread"),
    "flash": ("flash_bytes", BYTES, "code and weights on --device"),
    "ram": ("ram_bytes", BYTES, "on --device"),
    "time": ("device_ms", _MS, "of an inference on --device"),
    "energy": ("energy_uj", {"uJ": 1.0, "mJ": 1e3}, "of an inference on --device"),
    "d_hr": ("d_hr_bpm", {"bpm": 1.0}, "heart-rate error that it adds"),
    "d_sdnn": ("d_sdnn_ms", {"ms": 1.0}, "error of SDNN that it adds"),
    "d_rmssd": ("d_rmssd_ms", {"ms": 1.0}, "error of RMSSD that it adds"),
}
ERRORS = ("d_hr_bpm", "d_sdnn_ms", "d_rmssd_ms")
ON_A_DEVICE = ("flash_bytes", "ram_bytes", "device_ms", "energy_uj")
_LIMIT = re.compile(r"([a-z_]+)\s*(?:<=?)\s*([0-9]+(?:\.[0-9]*)?(?:e-?[0-9]+)?)\s*([A-Za-z]+)")


class Limit(NamedTuple):
    """At most so much of one measure.

    Attributes:
        measure: the field of `edgeacc.benchmarks.search.result.Measured`.
        most: in the unit of that field.
        text: as it was written.
        unit: as it was written, and `scale`, how much of the field's unit it is.
    """

    measure: str
    most: float
    text: str
    unit: str
    scale: float

    def told(self, value: float) -> str:
        """A value of the measure in the unit that the limit was written in."""
        return f"{value / self.scale:.3g} {self.unit}"


def parse_budget(text: str) -> tuple[Limit, ...]:
    """The limits, in their order; a measure may be limited once.

    Raises:
        BadInput: every part that is none, with what there is.
    """
    found: dict[str, Limit] = {}
    problems = []
    for part in (part.strip() for part in text.split(",")):
        match = _LIMIT.fullmatch(part)
        name, number, unit = match.groups() if match else ("", "", "")
        measure, units, _ = _MEASURES.get(name, ("", {}, ""))
        if not match:
            problems.append(f"{part!r} is no limit")
        elif not measure:
            problems.append(f"{part!r}: no such measure")
        elif unit not in units:
            problems.append(f"{part!r}: {name} is in {', '.join(units)}")
        elif measure in found:
            problems.append(f"{part!r}: {name} was limited before")
        else:
            found[measure] = Limit(measure, float(number) * units[unit], part, unit, units[unit])
    if problems:
        raise BadInput.several("--budget", problems, valid=limits())
    return tuple(found.values())


def limits() -> str:
    """The measures, with their units, for people."""
    return ", ".join(f"{name}<N{'|'.join(units)} ({what})" for name, (_, units, what) in _MEASURES.items())
