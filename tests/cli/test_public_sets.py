"""Files of public data sets by the command line: into a store, or refused in one line with exit code 2."""

import json
import os
import pickle

import numpy as np
import pytest
import scipy.io


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.fixture
def people():
    """Wrist data of one person as PPG-DaLiA has them, and as TROIKA has them: at rest, 60 beats a minute."""
    rng = np.random.default_rng(0)
    seconds = 130

    def pulse(hz):
        phase = np.arange(hz * seconds) / hz % 1.0
        return np.where(phase < 0.2, phase / 0.2, (1 - phase) / 0.8)

    acc = np.array([0, 20, 60]) + rng.integers(-1, 2, (32 * seconds, 3)) * 1.0
    wrist = {"ACC": acc, "BVP": 50 * pulse(64)[:, None]}
    peaks = np.arange(0, 700 * seconds, 700)
    axes = np.array([[0.0], [0.6], [0.8]]) + rng.normal(0, 0.002, (3, 125 * seconds))
    sig = np.concatenate([np.stack([pulse(125)] * 3), axes])
    return {"signal": {"wrist": wrist}, "rpeaks": peaks, "subject": "S1"}, {"sig": sig}


@pytest.mark.integration
def test_into_a_store(edgeacc, people, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "S1.pkl").write_bytes(pickle.dumps(people[0], 2))
    scipy.io.savemat(tmp_path / "set" / "DATA_01.mat", people[1])
    ran = edgeacc("import", tmp_path / "set", "-o", tmp_path / "store", "--json")
    assert ran.code == 0
    assert json.loads(ran.out)
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    made = {row["format"]: row for row in manifest["provenance"]["recordings"]}
    assert {name: row["windows"] for name, row in made.items()} == {"dalia-wesad": 2, "troika": 2}
    assert made["dalia-wesad"]["device_interval_windows"] == 0
    assert made["dalia-wesad"]["reference"] == "marked R peaks"
    assert abs(made["dalia-wesad"]["reference_hr_difference_bpm"]) < 0.5
    assert made["dalia-wesad"]["acc_step_mg"] == 15.625


def test_a_pickle_with_a_program_is_refused(edgeacc, people, tmp_path):
    (tmp_path / "S1.pkl").write_bytes(pickle.dumps(people[0] | {"label": Touch(tmp_path / "touched")}))
    for verb in (("import", tmp_path / "S1.pkl", "-o", tmp_path / "store"), ("validate", tmp_path / "S1.pkl")):
        ran = edgeacc(*verb)
        assert ran.code == 2
        assert "system, which is no data" in ran.err + ran.out
    assert not (tmp_path / "touched").exists()
    assert not (tmp_path / "store").exists()
