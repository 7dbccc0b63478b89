"""The HTML page: sections of text, tables and inline figures in one file that asks nothing of any host."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files as resources
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined

import edgeacc
from edgeacc.files import replacing


class Cell(NamedTuple):
    """A cell whose source is not the table's: what is read, and where it comes from, or why there is nothing."""

    text: str
    source: str


@dataclass(frozen=True)
class Table:
    """Cells as they are to be read; columns carry their units. Rows are sorted by a click on a header.

    Attributes:
        columns: headers.
        rows: cells.
        texts: how many columns, from the left, are texts and not numbers.
        folded: show the rows only when asked.
        source: of the numbers, shown with their column where a pointer rests on one.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    texts: int = 1
    folded: bool = False
    source: str = ""

    @property
    def cells(self) -> list[list[Cell]]:
        """Every cell with its source."""
        return [[cell if isinstance(cell, Cell) else Cell(cell, self.source) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Figure:
    """An `<svg>` element made by `edgeacc.benchmarks.report.plots`, what to see in it, and its numbers' source."""

    svg: str
    caption: str
    source: str = ""

    @property
    def told(self) -> str:
        """The element; each mark that tells its numbers where a pointer rests tells their source too."""
        return self.svg.replace("</title>", f"; {html.escape(self.source)}</title>") if self.source else self.svg


@dataclass(frozen=True)
class Section:
    """One heading and what is under it, in this order; empty parts are left out."""

    title: str
    paragraphs: Sequence[str] = ()
    table: Table | None = None
    figures: Sequence[Figure] = ()
    items: Sequence[str] = ()
    commands: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: str
    subtitle: str
    summary: Sequence[str | Cell]
    sections: Sequence[Section] = field(default_factory=list)
    version: str = edgeacc.__version__

    @property
    def sentences(self) -> list[Cell]:
        """The summary, each sentence with its source."""
        return [each if isinstance(each, Cell) else Cell(each, "") for each in self.summary]


def render(page: Page) -> str:
    """The page as HTML; all texts are escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = (resources("edgeacc.benchmarks.report") / "page.html").read_text()
    return environment.from_string(template).render(report=page)


def write(page: Page, path: Path) -> None:
    """Write the page, in place of an older one."""
    with replacing(path, force=True) as beside:
        beside.write_text(render(page))
