"""What is told of a store: counted by hand on windows whose rates and spectra are known."""

import pytest
import torch

from edgeacc.evaluation.data_study import study_data


@pytest.fixture
def studied(paired, recordings):
    windows = paired(6, 8, seed=2)
    return windows, *study_data(recordings(windows))


def test_people_and_rates(studied):
    windows, result, examples = studied
    assert result.store.windows == 48
    assert result.store.participants == 6
    assert result.splits == {"train": (0, 0), "validation": (0, 0), "test": (48, 6)}
    assert sorted(result.hr_bpm) == pytest.approx(sorted(windows.labels["device_hr_bpm"].tolist()), abs=1e-3)
    assert result.hr_source == "device"
    assert result.quantiles["device_hr_bpm"][2] == pytest.approx(
        float(windows.labels["device_hr_bpm"].median()), rel=0.02
    )
    assert "age_y" not in result.quantiles
    assert len(examples) == 3


def test_baselines_know_only_the_other_windows(studied):
    windows, result, _ = studied
    hr = windows.labels["device_hr_bpm"].view(6, 8)
    mean_of_others = (hr.sum(1, keepdim=True) - hr) / 7
    assert result.baselines[0].mae_bpm.value == pytest.approx(float((mean_of_others - hr).abs().mean()), rel=1e-4)
    names = [row.name for row in result.baselines]
    assert names[-1].endswith("(control)")
    assert all(row.mae_bpm.low <= row.mae_bpm.value <= row.mae_bpm.high for row in result.baselines)


def test_spectra_hold_the_variance(studied):
    _, result, _ = studied
    for spectrum in result.spectra:
        step_hz = spectrum.frequency_hz[1] - spectrum.frequency_hz[0]
        assert sum(spectrum.median) * step_hz == pytest.approx(1.0, abs=0.15)
        assert spectrum.frequency_hz[-1] < 32


def test_a_cohort_is_told_by_its_truth(cohort_store):
    result, _ = study_data(cohort_store)
    assert result.hr_source == "reference"
    assert result.recordings == []
    assert torch.tensor(result.hr_bpm).median() == pytest.approx(
        float(cohort_store.load("all").labels["hr_bpm"].median())
    )
