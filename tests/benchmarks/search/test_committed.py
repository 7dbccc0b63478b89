"""docs/compression-search.md is what the committed searches say."""

from pathlib import Path

import pytest

from edgeacc.benchmarks.search.page import page, read_results

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.integration
def test_the_page_is_made_of_the_committed_results():
    """By `edgeacc compress table docs/studies/compression/*.json -o docs/compression-search.md --force`."""
    results = read_results(sorted((DOCS / "studies/compression").glob("*.json")))
    assert (DOCS / "compression-search.md").read_text() == page(results, "compression-search.png")
    assert (DOCS / "compression-search.png").read_bytes().startswith(b"\x89PNG")
