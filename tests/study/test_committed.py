"""The tables in docs/ are what the committed cells say."""

from pathlib import Path

import pytest

from edgeacc.study.cell import read_cells
from edgeacc.study.plots import draw_all
from edgeacc.study.spec import read_study
from edgeacc.study.table import page

DOCS = Path(__file__).parents[2] / "docs"
LAPTOP = DOCS / "studies/laptop"


@pytest.mark.integration
def test_results_are_made_from_the_cells(tmp_path):
    """docs/results.md is `edgeacc study table docs/studies/laptop -o docs/results.md --force`."""
    cells = read_cells([LAPTOP])
    drawn = draw_all(cells, tmp_path, "results", force=False)
    assert (DOCS / "results.md").read_text() == page(cells, drawn)
    assert all((DOCS / name).read_bytes().startswith(b"\x89PNG") for name in drawn)


def test_the_cells_are_of_the_whole_shipped_study():
    study = read_study("laptop")
    evaluated = {cell.place.network for cell in read_cells([LAPTOP]) if cell.place.kind == "evaluation"}
    assert evaluated == {row.name for row in (*study.students, *study.ablations, *study.joint)}
