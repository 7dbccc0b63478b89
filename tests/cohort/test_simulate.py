"""The cohort through its door: what is the same, what differs, and what the parameters do."""

import pytest
import torch
from pydantic import ValidationError

from edgeacc.cohort import CohortConfig, simulate
from edgeacc.cohort.measures import beat_locked
from edgeacc.cohort.simulate import draw
from edgeacc.errors import BadInput
from edgeacc.signals.beats import detect_beats, most_beats
from edgeacc.signals.contract import DEFAULT
from edgeacc.signals.filters import band_pass
from edgeacc.signals.prepare import prepare_ppg

CONFIG = CohortConfig(participants=12, windows_per_participant=4, seed=7)
STEP_G = 16 / 2**16


@pytest.fixture(scope="module")
def all_windows():
    return simulate(CONFIG, torch.arange(48))


def assert_same(one, i, other, j):
    for name in ("acc_g_BCT", "ppg_BCT", "r_peaks_BK", "participant_B"):
        assert torch.equal(getattr(one, name)[i].nan_to_num(), getattr(other, name)[j].nan_to_num()), name
    for name, values in one.labels.items():
        assert values[i] == other.labels[name][j], name


@pytest.mark.parametrize("batch", [[17], [40, 17, 0], [17] * 3, list(range(10, 45))])
def test_a_window_is_the_same_in_any_batch(all_windows, batch):
    assert_same(simulate(CONFIG, torch.tensor(batch)), batch.index(17), all_windows, 17)


def test_a_window_is_the_same_with_any_number_of_threads(all_windows):
    before = torch.get_num_threads()
    torch.set_num_threads(1 if before > 1 else 2)
    try:
        assert_same(simulate(CONFIG, torch.tensor([17, 3])), 0, all_windows, 17)
    finally:
        torch.set_num_threads(before)


def test_a_participants_windows_do_not_depend_on_who_else_takes_part(all_windows):
    later = CohortConfig(participants=2, windows_per_participant=9, seed=7, first_participant=5)
    windows = simulate(later, torch.tensor([0, 3, 10]))
    assert windows.participant_B.tolist() == [5, 5, 6]
    assert_same(windows, 0, all_windows, 20)
    assert_same(windows, 1, all_windows, 23)
    assert_same(windows, 2, all_windows, 25)


def test_shapes_types_and_units(all_windows):
    assert all_windows.acc_g_BCT.shape == (48, 3, DEFAULT.samples)
    assert all_windows.ppg_BCT.shape == (48, DEFAULT.ppg_channels, DEFAULT.samples)
    assert all_windows.r_peaks_BK.shape == (48, most_beats(DEFAULT.window_s))
    for x in (all_windows.acc_g_BCT, all_windows.ppg_BCT, all_windows.r_peaks_BK, *all_windows.labels.values()):
        assert x.dtype == torch.float32
    assert all(values.isfinite().all() for values in all_windows.labels.values())
    gravity_g = all_windows.acc_g_BCT.mean(-1).norm(dim=1)
    torch.testing.assert_close(gravity_g, torch.ones(48), atol=0.02, rtol=0)


def test_the_accelerometer_has_sixteen_bits_over_sixteen_g(all_windows):
    steps = all_windows.acc_g_BCT / STEP_G
    assert torch.equal(steps, steps.round())


def test_truth_is_the_generators_beats(all_windows):
    interval_BK = all_windows.r_peaks_BK.diff(dim=1)
    torch.testing.assert_close(all_windows.labels["hr_bpm"], 60 / interval_BK.nanmean(1), rtol=1e-4, atol=0)
    beats = all_windows.r_peaks_BK.isfinite()
    assert (interval_BK[interval_BK.isfinite()] > 0.33).all()
    assert (all_windows.r_peaks_BK[beats] >= 0).all()
    assert (all_windows.r_peaks_BK[beats] < 60).all()
    assert ((60 * beats.sum(1) / all_windows.labels["hr_bpm"] - 3600 / all_windows.labels["hr_bpm"]).abs() < 90).all()


def test_seed_and_windows_matter(all_windows):
    other = simulate(CONFIG.model_copy(update={"seed": 8}), torch.tensor([17]))
    assert not torch.equal(other.ppg_BCT[0], all_windows.ppg_BCT[17])
    assert len({values.item() for values in all_windows.labels["hr_bpm"]}) == 48
    assert len({values.item() for values in all_windows.labels["age_y"]}) == 12


def beat_energy(windows):
    """Energy of the accelerometer's beat-locked average at the PPG's true R peaks, over the residual's share in it."""
    acc_BCT = band_pass(1000 * windows.acc_g_BCT, 64.0, (4.0, 18.0))
    average = beat_locked(acc_BCT, windows.r_peaks_BK, 64.0, (0, 60))
    beats_B = windows.r_peaks_BK.isfinite().sum(1)
    return (average.snr_BC.mean(1) * beats_B).median()


def test_independent_beats_change_the_accelerometers_heart_only():
    quiet = CONFIG.model_copy(update={"preset": "quiet"})
    index_B = torch.arange(16)
    together, apart = simulate(quiet, index_B), simulate(quiet, index_B, independent_beats=True)
    assert torch.equal(together.ppg_BCT, apart.ppg_BCT)
    assert torch.equal(together.r_peaks_BK.nan_to_num(), apart.r_peaks_BK.nan_to_num())
    kept = set(together.labels) - {"motion_mg"}
    assert all(torch.equal(together.labels[name], apart.labels[name]) for name in kept)
    assert beat_energy(together) > 10
    assert beat_energy(apart) < 2  # 1 is what unrelated noise leaves in an average
    gravity = (together.acc_g_BCT.mean(-1) - apart.acc_g_BCT.mean(-1)).abs()
    assert gravity.max() < 0.001
    spectrum = [torch.fft.rfft(w.acc_g_BCT)[..., 1800:].abs() for w in (together, apart)]  # 30-32 Hz: noise alone
    assert torch.corrcoef(torch.stack([x.flatten() for x in spectrum]))[0, 1] > 0.9


def test_a_late_accelerometer_is_late_by_that_much(all_windows):
    late = simulate(CONFIG.model_copy(update={"sync_offset_ms": 250.0}), torch.arange(8))
    assert torch.equal(late.ppg_BCT, all_windows.ppg_BCT[:8])
    assert torch.equal(late.r_peaks_BK.nan_to_num(), all_windows.r_peaks_BK[:8].nan_to_num())
    shifted, straight = late.acc_g_BCT[..., 16:], all_windows.acc_g_BCT[:8, :, :-16]
    assert (shifted - straight).abs().max() < 1.01 * STEP_G


def test_half_a_sample_late_keeps_the_spectrum(all_windows):
    late = simulate(CONFIG.model_copy(update={"sync_offset_ms": 7.8125}), torch.arange(8))
    one, other = (band_pass(x, 64.0, (4.0, 18.0)) for x in (late.acc_g_BCT, all_windows.acc_g_BCT[:8]))
    between = (other[..., :-1] + other[..., 1:]) / 2
    assert torch.corrcoef(torch.stack([one[..., 1:].flatten(), between.flatten()]))[0, 1] > 0.98


@pytest.mark.parametrize("spread_ms", [0.0, 20.0, 50.0])
def test_the_ppgs_delay_spreads_as_asked(spread_ms):
    config = CohortConfig(participants=500, windows_per_participant=4, seed=2, ppg_r_spread_ms=spread_ms)
    delay_ms = 1000 * draw(config, torch.arange(2000))[1].ppg.delay_s
    assert delay_ms.std().item() == pytest.approx(spread_ms, rel=0.08, abs=0.01)
    windows = simulate(config, torch.arange(0, 64, 4))
    beats_BK = detect_beats(prepare_ppg(windows.ppg_BCT, DEFAULT), 64.0)
    ahead = beats_BK[:, :, None] - windows.r_peaks_BK[:, None]
    ahead[(ahead < 0.05) | (ahead > 0.6)] = torch.nan
    found_ms = 1000 * ahead.flatten(1).nanmedian(1).values
    assert (found_ms - delay_ms[:64:4]).abs().median() < 8


def test_the_quiet_preset_has_less_noise_and_the_same_hearts(all_windows):
    quiet = simulate(CONFIG.model_copy(update={"preset": "quiet"}), torch.arange(16))
    assert torch.equal(quiet.ppg_BCT, all_windows.ppg_BCT[:16])
    assert torch.equal(quiet.r_peaks_BK.nan_to_num(), all_windows.r_peaks_BK[:16].nan_to_num())
    torch.testing.assert_close(quiet.labels["acc_snr"], all_windows.labels["acc_snr"][:16] / 0.4**2, rtol=1e-4, atol=0)
    pair = (quiet.acc_g_BCT, all_windows.acc_g_BCT[:16])
    floors = [torch.fft.rfft(x)[..., 1600:].abs().square().mean() for x in pair]
    assert 0.14 < floors[0] / floors[1] < 0.19  # 0.16 and the converter's own noise


@pytest.mark.parametrize("index", [-1, 48])
def test_a_window_outside_the_cohort_is_refused(index):
    with pytest.raises(BadInput, match=f"window {index} is not in this cohort") as caught:
        simulate(CONFIG, torch.tensor([0, index]))
    assert caught.value.valid == "0 ... 47"


@pytest.mark.parametrize(
    "wrong", [{"preset": "silent"}, {"participants": 0}, {"seed": -1}, {"sync_offset_ms": 900}, {"colour": "red"}]
)
def test_a_wrong_configuration_is_refused(wrong):
    with pytest.raises(ValidationError):
        CohortConfig(**wrong)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_same_windows_on_a_gpu(all_windows):
    windows = simulate(CONFIG, torch.arange(48), device="cuda")
    torch.testing.assert_close(windows.ppg_BCT.cpu(), all_windows.ppg_BCT, atol=2e-4, rtol=0)
    torch.testing.assert_close(windows.r_peaks_BK.cpu(), all_windows.r_peaks_BK, atol=1e-4, rtol=0, equal_nan=True)
    away = (windows.acc_g_BCT.cpu() - all_windows.acc_g_BCT).abs()
    assert away.max() < 1.01 * STEP_G
    assert (away > 0).float().mean() < 0.02
