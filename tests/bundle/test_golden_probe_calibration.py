import hashlib

import numpy as np
import pytest
import torch

from edgeacc.bundle.calibration import CalibrationSet, calibration_set
from edgeacc.bundle.fit_probe import fit_probe
from edgeacc.bundle.golden import read_golden
from edgeacc.bundle.golden_windows import GOLDEN, golden_windows
from edgeacc.cohort.config import CohortConfig
from edgeacc.compression.calibration import strata
from edgeacc.errors import BadInput
from edgeacc.evaluation.probes import ridge
from edgeacc.models.encoder import Encoder
from edgeacc.signals.contract import DEFAULT
from edgeacc.signals.prepare import prepare_acc
from edgeacc.windows.from_cohort import cohort_windows, from_cohort
from edgeacc.windows.store import create_store


def calibration(count, people=4):
    generator = torch.Generator().manual_seed(0)
    return CalibrationSet(
        torch.randn(count, 3, 8, generator=generator),
        torch.full((count, 3), 60.0),
        torch.arange(count) % people,
        torch.arange(count) + 1000,
        strata(torch.arange(count).float(), torch.full((count,), torch.nan)),
        "here",
    )


def test_golden_windows_survive_a_file(tiny_encoder, tmp_path):
    encoder = Encoder(tiny_encoder).eval()
    golden = golden_windows(encoder, DEFAULT)
    golden.write(tmp_path / "golden.safetensors")
    read = read_golden(tmp_path / "golden.safetensors", 64, DEFAULT.samples, encoder.embedding_width, 0)
    for name, array in vars(golden).items():
        assert np.array_equal(array, getattr(read, name)) or array is None
    assert len(golden.z_BD) == 64
    assert np.isfinite(golden.hr_bpm_B).all()
    assert np.abs(prepare_acc(golden.acc_g_BCT, DEFAULT) - golden.acc_BCT).max() < 1e-4
    assert np.abs(np.linalg.norm(golden.acc_g_BCT.mean(-1), axis=1) - 1).max() < 0.1  # g, gravity included


def test_golden_people_are_nobody_s_training_people():
    assert GOLDEN.first_participant > 10**8
    assert GOLDEN.preset == "calibrated"


@pytest.mark.integration
def test_people_of_the_default_calibration_are_in_no_store(edgeacc, tmp_path):
    """Not even in a cohort of the same seed: one begins at participant 0, and cannot be so large."""
    windows = calibration_set(None, DEFAULT, wanted=0)
    who_B = windows.participant_B
    assert len(who_B.unique()) == 512
    assert f"seed 20212, participants {who_B.min()} to {who_B.max()}, in no store" in windows.origin
    assert who_B.min() >= GOLDEN.first_participant + GOLDEN.participants
    assert edgeacc("cohort", "make", "-o", tmp_path / "s", "--participants", 2**31).code == 2
    assert CohortConfig().first_participant == 0


def test_golden_windows_of_another_contract_are_refused(tiny_encoder):
    with pytest.raises(BadInput, match="golden windows of 30 s"):
        golden_windows(Encoder(tiny_encoder).eval(), DEFAULT.model_copy(update={"window_s": 30.0}))


def test_probe_is_the_evaluation_s_ridge():
    generator = torch.Generator().manual_seed(1)
    z_BD, test_BD = 3 + 2 * torch.randn(200, 6, generator=generator), 3 + 2 * torch.randn(50, 6, generator=generator)
    z_BD[:, 5] = test_BD[:, 5] = 7.0  # a dead feature
    hr_bpm_B = 70 + z_BD[:, :5] @ torch.tensor([5.0, -3, 2, 0, 1]) + torch.randn(200, generator=generator)
    who_B = torch.arange(200) % 20
    unknown_B = torch.arange(200) % 10 == 0
    probe = fit_probe(z_BD, torch.where(unknown_B, torch.nan, hr_bpm_B), who_B)
    known = [part[~unknown_B] for part in (z_BD, hr_bpm_B[:, None], who_B)]
    expected_B = ridge(*known, test_BD, 0)[:, 0]
    assert np.abs(probe.predict(test_BD.numpy()) - expected_B.numpy()).max() < 1e-3
    assert probe.mae_bpm(test_BD.numpy(), expected_B.numpy() + 2) == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize(("windows", "people"), [(15, 4), (40, 1)])
def test_too_few_windows_or_people_for_a_probe(windows, people):
    z_BD = torch.randn(windows, 3, generator=torch.Generator().manual_seed(2))
    assert fit_probe(z_BD, torch.full((windows,), 60.0), torch.arange(windows) % people) is None


def test_calibration_record_holds_the_hash_of_its_windows():
    spread = calibration(200).spread(130)
    record = spread.record(130)
    assert (record.windows, record.participants, record.warnings) == (130, 4, ())
    assert record.sha256 == hashlib.sha256(spread.acc_BCT.numpy().tobytes()).hexdigest()
    assert (record.window_ids[0], len(record.window_ids)) == (1000, 130)
    assert list(record.strata.values()) == [44, 43, 43]
    assert record.sha256 != calibration(200).spread(129).record(129).sha256


def test_few_calibration_windows_are_warned_about():
    assert "fewer than 128" in calibration(200).spread(127).record(127).warnings[0]
    assert "wants 500 calibration windows, there are 200" in calibration(200).spread(500).record(500).warnings[0]
    none = calibration(200).spread(0).record(0)
    assert (none.windows, none.sha256, none.warnings) == (0, None, ())


def test_calibration_windows_of_a_store_are_its_training_participants(tmp_path):
    config = CohortConfig(participants=6, windows_per_participant=3)
    store = from_cohort(config, tmp_path / "s", shares=(4, 1, 1))
    windows = calibration_set(tmp_path / "s", DEFAULT, wanted=0)
    assert set(windows.participant_B.tolist()) == set(store.load("train").participant_B.tolist())
    assert windows.acc_BCT.dtype == torch.float32
    assert windows.acc_BCT.shape == (12, 3, DEFAULT.samples)
    assert torch.isfinite(windows.rhythm_BK).all()
    assert sorted(windows.window_id_B.tolist()) == sorted(store.load("train").window_id_B.tolist())
    assert sum(windows.among.sizes(torch.arange(12)).values()) == 12
    with pytest.raises(BadInput, match="another signal contract"):
        calibration_set(tmp_path / "s", DEFAULT.model_copy(update={"acc_band_hz": (5.0, 18.0)}), wanted=0)


def test_calibration_windows_are_of_every_stratum_and_one_that_is_constant_is_refused(tmp_path):
    windows = cohort_windows(CohortConfig(participants=60, windows_per_participant=1), torch.arange(60))
    label_B = torch.cat([torch.full((52,), 60.0), torch.full((4,), 95.0), torch.full((4,), 130.0)]) + torch.rand(60)
    windows.labels["hr_bpm"].copy_(label_B)
    windows.labels["acc_snr"].fill_(torch.nan)
    store(windows, tmp_path / "s")
    chosen = calibration_set(tmp_path / "s", DEFAULT, wanted=0).spread(6)
    assert list(chosen.record(6).strata.values()) == [2, 2, 2]
    windows.acc_BCT[7] = 0
    store(windows, tmp_path / "off")
    with pytest.raises(BadInput, match=r"1 window of 60 of store off .* is constant: 7"):
        calibration_set(tmp_path / "off", DEFAULT, wanted=0)


def store(windows, path):
    splits = dict.fromkeys(windows.participant_B.tolist(), "train")
    facts = {"source": "cohort", "name": "c", "provenance": {}}
    create_store(path, iter([windows]), splits, contract=DEFAULT, **facts)
