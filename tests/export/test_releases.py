"""Bundles as older versions wrote them, of a tiny network and two golden windows: they still verify."""

from pathlib import Path

import pytest

from edgeacc.bundle.bundle import open_bundle
from edgeacc.export.registry import missing_packages
from edgeacc.export.verify import verify_bundle

RELEASES = sorted((Path(__file__).parent / "releases").iterdir())

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("onnx", "run")), reason="the extra `onnx` is not installed"),
]


@pytest.mark.parametrize("bundle", RELEASES, ids=lambda path: path.name)
def test_a_bundle_of_an_older_version_still_verifies(bundle):
    assert f"schema-{open_bundle(bundle).manifest.schema_version}" == bundle.name
    report = verify_bundle(bundle)
    assert report.passed
    assert report.snr_db > 100
    assert report.heads == ()
