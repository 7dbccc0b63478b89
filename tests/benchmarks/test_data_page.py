"""The page of a store: its control figures are those committed, and those that recordings still give."""

from pathlib import Path

import pytest

from edgeacc.benchmarks.report.data_page import ControlSet, controls
from edgeacc.evaluation.data_study import study_data
from edgeacc.windows.from_recordings import from_recordings

POLAR = Path("../shared/data/polar_verity_sense")


def test_a_control_is_told_by_its_own_figures():
    several = ControlSet(name="Made", step_mg=15.625, energy=[0.5, 3.04, 2.0], largest_control=[1.5, 2.0, 2.5])
    assert several.told == (
        "Made (steps of 15.6 mg): 0.5 to 3.0 times the mean of its controls, above the largest (2.5 at most) in 1 of 3 "
        "recording(s)"
    )
    one = ControlSet(name="Fine", step_mg=1.0, energy=[42.2], largest_control=[1.9])
    assert "Fine (steps of 1 mg): 42 times" in one.told
    assert "in 1 of 1" in one.told


def test_the_committed_figures_are_whole():
    told = controls()
    assert len(told.positive.energy) == len(told.positive.largest_control) == 1
    assert len(told.coarse.energy) == len(told.coarse.largest_control) == 28
    assert told.positive.told in told.told
    assert told.coarse.told in told.told


@pytest.mark.integration
@pytest.mark.skipif(not POLAR.is_dir(), reason=f"needs {POLAR}, which is not part of the project")
def test_the_positive_control_is_still_what_the_recording_gives(tmp_path):
    result, _ = study_data(from_recordings([POLAR], tmp_path / "store").store)
    (row,) = result.heartbeats
    assert row.energy == pytest.approx(controls().positive.energy[0], rel=0.02)
    assert row.largest_control == pytest.approx(controls().positive.largest_control[0], rel=0.02)
