"""The import benchmark on a short day of its own making: figures that can be true, and the usual way beside ours."""

import json

import pytest

from edgeacc.benchmarks.day import write_day
from edgeacc.benchmarks.import_suite import run_import_bench
from edgeacc.benchmarks.usual_import import usual_import
from edgeacc.recordings import e4
from edgeacc.signals.contract import DEFAULT

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def hour(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hours") / "S01"
    write_day(folder, hours=1)
    return folder


def test_an_hour_is_written_as_the_device_would(hour):
    recording = e4.read(hour, "S01")
    assert recording.acc.samples_CN.shape == (3, 3600 * 32)
    assert recording.ppg.samples_CN.shape == (1, 3600 * 64)
    assert recording.acc.step == pytest.approx(1 / 64)


def test_the_usual_way_keeps_about_as_much(hour):
    usual = usual_import(hour, DEFAULT)
    assert usual.minutes == pytest.approx(60, abs=0.1)
    assert usual.windows > 30


def test_figures(hour, edgeacc, tmp_path):
    result = run_import_bench([hour], hours=1)
    assert result.recordings == 1
    assert result.recorded_min == pytest.approx(60, abs=0.1)
    assert result.windows > 30
    assert result.times_faster == pytest.approx(result.usual_seconds / result.seconds)
    assert 100e6 < result.day_peak_bytes < 2e9
    assert result.read_windows_per_s > 0
    out = tmp_path / "bench.json"
    ran = edgeacc("bench", "--suite", "import", "--checkpoint", hour, hour, "-o", out)
    assert ran.code == 2
    assert "--checkpoint" in ran.err
    assert not out.exists()


def test_a_path_without_a_recording_is_refused(edgeacc, tmp_path):
    ran = edgeacc("bench", "--suite", "import", tmp_path, "--json")
    assert ran.code == 2
    assert "no recording" in ran.err
    with pytest.raises(json.JSONDecodeError):
        json.loads(ran.out)
