"""The calibration table: every row inside its range, and a cohort that is off is told so."""

import pytest

from edgeacc.cohort import calibration
from edgeacc.cohort.calibration import Check, calibrate


@pytest.mark.slow
def test_every_row_of_the_table_is_inside_its_range():
    report = calibrate(calibration.standard("calibrated"))
    assert [(check.quantity, check.statistic, check.measured) for check in report.outside] == []
    assert len(report.checks) == 35


@pytest.mark.slow
def test_the_quiet_preset_is_an_easier_wrist_and_is_told_so():
    report = calibrate(calibration.standard("quiet").model_copy(update={"participants": 60}))
    outside = {check.quantity for check in report.outside}
    assert {"accelerometer's SNR per beat, 2-25 Hz", "residual, 7-13 Hz, RMS"} <= outside
    assert not {"PPG's steepest slope after the R wave", "beat-time jitter drawn, else"} & outside


def test_few_participants_are_measured_and_progress_is_told():
    told = []
    config = calibration.standard("calibrated").model_copy(update={"participants": 8})
    report = calibrate(config, lambda done, total, note="": told.append((done, total)))
    assert told == [(32, 32)]
    assert {check.quantity for check in report.checks} == {row.quantity for row in calibration.TABLE}


@pytest.mark.parametrize(("measured", "inside"), [(0.9, False), (1.0, True), (2.0, True), (2.1, False)])
def test_a_range_holds_its_ends(measured, inside):
    check = Check(quantity="x", unit="mg", statistic="median", target="1.5", low=1, high=2, measured=measured)
    assert check.inside is inside
