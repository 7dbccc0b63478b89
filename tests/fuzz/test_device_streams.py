"""A part of the run over made-up sensor streams that takes seconds."""

import shutil

import device_streams
import pytest

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("source_hz", device_streams.RATES_HZ)
def test_made_up_streams_do_no_harm(source_hz, tmp_path):
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed: apt-get install gcc")
    ran = device_streams.run(device_streams.build(source_hz, tmp_path), 0, 15)
    assert (ran.returncode, ran.stderr) == (0, "")
    told = ran.stdout.split()
    assert told[:2] == ["15", "streams,"]
    assert int(told[-2]) > 0
