"""`edgeacc cohort`: a store, a measurement, a picture, and what is refused."""

import json

import pytest

from edgeacc.cohort import calibration
from edgeacc.windows.store import open_store


def test_a_store_is_made_and_told(edgeacc, tmp_path):
    store = tmp_path / "store"
    ran = edgeacc(
        *("cohort", "make", "-o", store, "--participants", 5, "--windows-per-participant", 2),
        *("--seed", 3, "--preset", "quiet", "--json"),
    )
    assert ran.code == 0
    told = json.loads(ran.out)
    assert sum(told["windows"].values()) == 10
    assert told["cohort"]["preset"] == "quiet"
    assert told["cohort"]["seed"] == 3
    assert told["digest"] == open_store(store).manifest.content_digest
    assert edgeacc("cohort", "make", "-o", store).code == 2


def test_a_store_can_be_replaced_and_the_next_step_is_named(edgeacc, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    ran = edgeacc("cohort", "make", "-o", store, "--participants", 3, "--windows-per-participant", 1, "--force")
    assert ran.code == 0
    assert "calibrated cohort" in ran.out
    assert f"next: edgeacc train teacher {store}" in ran.out


def test_a_measurement_is_a_table_and_json(edgeacc, monkeypatch):
    monkeypatch.setattr(calibration, "PARTICIPANTS", 10)
    plain, told = edgeacc("cohort", "calibrate"), edgeacc("cohort", "calibrate", "--json")
    assert (plain.code, told.code) == (0, 0)
    checks = json.loads(told.out)["checks"]
    assert len(checks) == 35
    assert {"quantity", "low", "high", "measured", "inside"} <= set(checks[0])
    assert "Preset calibrated: 40 windows of 10 participants" in plain.out
    assert all(row.quantity in plain.out for row in calibration.TABLE)


@pytest.mark.integration
def test_a_picture_is_drawn_once(edgeacc, tmp_path):
    picture = tmp_path / "window.png"
    assert edgeacc("cohort", "plot", "-o", picture).code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    again = edgeacc("cohort", "plot", "-o", picture)
    assert again.code == 2
    assert "exists already" in again.err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["make"], "Missing option '-o'"),
        (["make", "-o", "store", "--preset", "loud"], "'loud' is not one of 'calibrated', 'quiet'"),
        (["make", "-o", "store", "--participants", "2"], "'--participants': Input should be greater than or equal to"),
        (["make", "-o", "store", "--seed", "-1"], "'--seed': Input should be greater than or equal to 0"),
        (["make", "-o", "store", "--seed", str(2**70)], "seed: Input should be less than"),
        (["plot", "-o", "window.jpeg"], "unknown picture format '.jpeg'"),
        (["paint"], "unknown verb 'paint'"),
    ],
)
def test_mistakes_are_refused_in_one_line(edgeacc, arguments, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = edgeacc("cohort", *arguments)
    assert ran.code == 2
    assert problem in ran.err
    assert list(tmp_path.iterdir()) == []
