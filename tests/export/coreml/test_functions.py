"""One package of two functions, each evaluated, with the weights of one."""

import numpy as np
import pytest

from edgeacc.bundle.bundle import open_bundle
from edgeacc.compression.recipe import RECIPES
from edgeacc.errors import BadInput
from edgeacc.export.coreml import CoreMLExporter
from edgeacc.export.coreml.evaluator import Evaluator
from edgeacc.export.coreml.package import read_functions
from edgeacc.export.kits.kit import make_kit
from edgeacc.export.pipeline import export_bundle
from edgeacc.export.precision import weight_bytes
from edgeacc.export.registry import missing_packages
from edgeacc.export.source import read_source
from edgeacc.export.verify import verify_bundle

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(missing_packages("coreml", "convert")), reason="the extra `coreml` is not installed"),
]
RECIPE = RECIPES["coreml-w8"].model_copy(update={"minimum_os": ("watchOS11", "iOS18"), "min_snr_db": 10.0})
"""Of an untrained network."""


@pytest.fixture(scope="module")
def source(checkpoint):
    return read_source(checkpoint, None, 16, heads=True)


def weights_bytes(bundle):
    return sum(path.stat().st_size for path in bundle.rglob("weight.bin"))


def test_both_functions_verify_and_share_their_weights(source, tmp_path):
    recipe = RECIPE.model_copy(update={"calibration_windows": 16})
    export_bundle(source, recipe, tmp_path / "one")
    export_bundle(source, recipe, tmp_path / "two", multifunction=True)
    report = verify_bundle(tmp_path / "two")
    assert report.passed
    assert [head.name for head in report.heads] == ["hr_bpm", "sdnn_ms", "rmssd_ms"]
    assert weights_bytes(tmp_path / "two") < 1.05 * weights_bytes(tmp_path / "one")
    one, opened = open_bundle(tmp_path / "one"), open_bundle(tmp_path / "two")
    stored = [weight_bytes(CoreMLExporter().operations(each.model)) for each in (one, opened)]
    assert stored[0] == stored[1]
    assert opened.manifest.functions == ("embed", "heads")
    functions = read_functions(opened.model)
    assert {name: len(each.output_names) for name, each in functions.items()} == {"embed": 1, "heads": 4}
    window = opened.golden().acc_BCT[:1]
    embed, heads = (Evaluator(functions[name])(window)[0] for name in ("embed", "heads"))
    np.testing.assert_array_equal(embed, heads)
    with pytest.raises(BadInput, match="has the functions embed, heads"):
        make_kit(tmp_path / "two", "watchos", tmp_path / "kit")


def test_older_systems_read_one_function(source, tmp_path):
    recipe = RECIPE.model_copy(update={"minimum_os": ("watchOS10", "iOS17")})
    with pytest.raises(BadInput, match="watchOS10, iOS17 read packages of one function only"):
        export_bundle(source, recipe, tmp_path / "b", multifunction=True)
    assert not (tmp_path / "b").exists()
