"""The import of coremltools: quiet, and without the packages that it would try for nothing."""

import importlib.util
import json
import subprocess
import sys

import pytest

from edgeacc.export.coreml.toolkit import UNUSED_FRONT_ENDS
from edgeacc.export.registry import missing_packages

PROBE = """
import importlib.util, json, sys
from edgeacc.export.coreml.toolkit import UNUSED_FRONT_ENDS, coremltools
version = coremltools().__version__
loaded = [name for name in UNUSED_FRONT_ENDS if name in sys.modules]
later = [name for name in UNUSED_FRONT_ENDS if importlib.util.find_spec(name)]
print(json.dumps({"version": version, "loaded": loaded, "importable": later}))
"""


@pytest.mark.integration
@pytest.mark.skipif(bool(missing_packages("coreml", "convert")), reason="the extra `coreml` is not installed")
def test_import_says_nothing_and_loads_no_unused_front_end():
    ran = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    said = json.loads(ran.stdout)
    assert (said["version"], said["loaded"]) == ("9.0", [])
    assert said["importable"] == [name for name in UNUSED_FRONT_ENDS if importlib.util.find_spec(name)]
