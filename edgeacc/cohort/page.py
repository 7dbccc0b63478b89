"""The calibration table in `docs/cohort.md`, made from what `edgeacc cohort calibrate --json` printed.

edgeacc cohort calibrate --json > docs/cohort-calibration.json
python -m edgeacc.cohort.page docs/cohort-calibration.json docs/cohort.md
"""

import sys
from pathlib import Path

from edgeacc.cohort.calibration import CalibrationReport, Check
from edgeacc.errors import BadInput
from edgeacc.files import read_model

BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEAD = "| quantity | unit | statistic | published | range | measured | inside |\n|---|---|---|---|---|---|---|\n"


def with_table(page: str, report: CalibrationReport) -> str:
    """The page's text with the table between its two marks renewed.

    Raises:
        BadInput: the page lacks the marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise BadInput("the page has no place for the table", valid=f"a page with {BEGIN} and {END}")
    config = report.config
    size = f"{config.windows:,} windows of {config.participants} participants"
    said = f"Preset `{config.preset}`, {size}, seed {config.seed}."
    return f"{before}{begin}\n{said}\n\n{HEAD}{''.join(map(_line, report.checks))}{end}{after}"


def _line(check: Check) -> str:
    span = f"{check.low:.3g} - {check.high:.3g}"
    cells = (check.quantity, check.unit, check.statistic, check.target, span, f"{check.measured:.3g}")
    return f"| {' | '.join(cells)} | {'yes' if check.inside else 'NO'} |\n"


if __name__ == "__main__":
    report_path, page_path = map(Path, sys.argv[1:])
    page_path.write_text(with_table(page_path.read_text(), read_model(report_path, CalibrationReport)))
