"""Bundles as older versions wrote them, of a tiny network and two golden windows: they still verify.

schema-2 has heads, schema-3 heads and a window in pieces.
"""

from pathlib import Path

import pytest

from edgeacc.bundle.bundle import open_bundle
from edgeacc.export.registry import missing_packages
from edgeacc.export.verify import verify_bundle

RELEASES = sorted((Path(__file__).parent / "releases").iterdir())

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("bundle", RELEASES, ids=lambda path: path.name)
def test_a_bundle_of_an_older_version_still_verifies(bundle):
    manifest = open_bundle(bundle).manifest
    assert f"schema-{manifest.schema_version}" == bundle.name
    assert (manifest.streaming is not None) == (manifest.schema_version >= 3)
    if missing_packages(manifest.target, "run"):
        pytest.skip(f"the extra `{manifest.target}` is not installed")
    report = verify_bundle(bundle)
    assert report.passed
    assert report.snr_db > 100
    assert len(report.heads) == (3 if manifest.schema_version >= 2 else 0)
