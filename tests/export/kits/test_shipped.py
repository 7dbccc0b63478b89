"""From a student that comes with edgeacc to each kit, by the command line alone."""

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]
TAKEN_BY = {"firmware": ("c", "wearos", "watchos"), "coreml": ("watchos",)}


@pytest.mark.parametrize("target", TAKEN_BY)
def test_a_shipped_student_becomes_kits(edgeacc, tmp_path, target):
    pytest.importorskip("ai_edge_litert" if target == "firmware" else "coremltools")
    bundle = tmp_path / "bundle"
    assert edgeacc("export", "conv-xxs", "--target", target, "-o", bundle).code == 0
    for platform in ("c", "wearos", "watchos"):
        made = edgeacc("kit", bundle, "--platform", platform, "-o", tmp_path / platform)
        assert made.code == (0 if platform in TAKEN_BY[target] else 2)
        assert (tmp_path / platform / "VERIFY.md").exists() == (platform in TAKEN_BY[target])
