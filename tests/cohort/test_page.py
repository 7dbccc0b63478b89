"""The page's table: renewed between its marks, and as committed."""

import json
from pathlib import Path

import pytest

from edgeacc.cohort.calibration import CalibrationReport
from edgeacc.cohort.page import BEGIN, END, with_table
from edgeacc.errors import BadInput

DOCS = Path(__file__).parents[2] / "docs"


def committed():
    return CalibrationReport.model_validate(json.loads((DOCS / "cohort-calibration.json").read_text()))


def test_the_committed_page_holds_the_committed_measurement():
    page = (DOCS / "cohort.md").read_text()
    assert with_table(page, committed()) == page


def test_the_committed_measurement_is_inside_every_range():
    assert committed().outside == ()


def test_all_else_on_the_page_is_left_alone():
    page = with_table(f"above\n{BEGIN}\nold\n{END}\nbelow\n", committed())
    assert page.startswith(f"above\n{BEGIN}\nPreset `calibrated`")
    assert page.endswith(f"| yes |\n{END}\nbelow\n")
    assert "old" not in page


def test_a_page_without_marks_is_refused():
    with pytest.raises(BadInput, match="no place for the table"):
        with_table("a page", committed())
