"""The tables in docs/ are what the committed results say."""

from pathlib import Path

import edgeacc.benchmarks
from edgeacc.benchmarks.report.markdown import as_markdown
from edgeacc.benchmarks.report.results import gather

RESULTS = Path(edgeacc.benchmarks.__file__).parent / "results"
DOCS = Path(__file__).parents[2] / "docs"


def test_what_artifacts_cost_is_told_from_the_results():
    """docs/benchmarks.md is `edgeacc report benchmarks/results/conv-s.json -o docs/benchmarks.md --force`."""
    assert (DOCS / "benchmarks.md").read_text() == as_markdown(gather([RESULTS / "conv-s.json"]))
