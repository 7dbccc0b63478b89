import pytest
import torch

from edgeacc.cohort.config import CohortConfig
from edgeacc.errors import BadInput
from edgeacc.signals.contract import DEFAULT, SignalContract
from edgeacc.windows import from_cohort as room
from edgeacc.windows.from_cohort import cohort_windows, from_cohort
from edgeacc.windows.labels import LABELS
from edgeacc.windows.store import open_store

CONFIG = CohortConfig(participants=5, windows_per_participant=3, seed=3)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return from_cohort(CONFIG, tmp_path_factory.mktemp("cohort") / "store")


def test_the_store_holds_the_whole_cohort_and_says_how_to_make_it_again(store):
    assert sum(store.manifest.windows.values()) == 15
    assert store.manifest.participants == {"train": 3, "validation": 1, "test": 1}
    assert CohortConfig.model_validate(store.manifest.provenance["cohort"]) == CONFIG
    assert (store.manifest.source, store.manifest.name) == ("cohort", "calibrated")
    assert open_store(store.path, DEFAULT).manifest == store.manifest


def test_windows_are_prepared_and_labelled_twice(store):
    windows = store.load("all")
    assert windows.window_id_B.sort().values.tolist() == list(range(15))
    assert torch.equal(windows.participant_B, windows.window_id_B // 3)
    for x_BCT in (windows.acc_BCT.float(), windows.ppg_BCT.float()):
        assert x_BCT.mean(-1).abs().max() < 1e-2
        assert (x_BCT.std(-1) - 1).abs().max() < 1e-2
    assert set(windows.labels) == set(LABELS)
    error_B = (windows.target(["hr_bpm"]) - windows.target(["hr_bpm"], "device"))[:, 0].abs()
    assert error_B.nanmedian() < 1.0
    assert (windows.labels["device_intervals"] == 0).all()


def test_batches_do_not_change_the_windows(store, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "BATCH", 4)
    again = from_cohort(CONFIG, tmp_path / "store")
    assert again.manifest.content_digest == store.manifest.content_digest


def test_the_control_changes_the_accelerometer_only():
    index_B = torch.arange(2)
    one, other = cohort_windows(CONFIG, index_B), cohort_windows(CONFIG, index_B, independent_beats=True)
    assert torch.equal(one.ppg_BCT, other.ppg_BCT)
    assert not torch.equal(one.acc_BCT, other.acc_BCT)


def test_a_contract_that_the_cohort_cannot_serve_is_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot serve windows of 30 s at 64 Hz"):
        from_cohort(CONFIG, tmp_path / "store", contract=SignalContract(window_s=30))
    assert list(tmp_path.iterdir()) == []
