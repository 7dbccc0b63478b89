"""Low, typical, high: every result of the simulator is such a band, because no single figure would be honest."""

from collections.abc import Iterable
from typing import NamedTuple


class Band(NamedTuple):
    """Three ends of one figure; low <= typical <= high.

    Sums and products go end by end: all that is uncertain is taken to err in one direction, so that a band is never
    too narrow.
    """

    low: float
    typical: float
    high: float

    def times(self, other: "Band | float") -> "Band":
        """The product, end by end, of bands that are not negative."""
        by = Band(other, other, other) if isinstance(other, int | float) else other
        return Band(self.low * by.low, self.typical * by.typical, self.high * by.high)

    def over(self, other: "Band") -> "Band":
        """The quotient, by a band above zero: low over high, high over low."""
        return Band(self.low / other.high, self.typical / other.typical, self.high / other.low)


NOTHING = Band(0.0, 0.0, 0.0)


def total(bands: Iterable[Band]) -> Band:
    """The sum, end by end; zero of none."""
    columns = list(zip(*bands, strict=True))
    return Band(*(sum(column) for column in columns)) if columns else NOTHING
