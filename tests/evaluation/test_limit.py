"""Beat-locked matching against sums written out, and on windows whose beats are known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.evaluation.limit import Plain, Template, cleaned
from edgeacc.evaluation.matching import delayed, jittered, trains_of
from edgeacc.evaluation.retrieval import rank_scores
from edgeacc.signals.beat_locked import beat_trains, energy_by_delay, local_amplitude_removed

RATE = 64.0


def top1(scorer, windows, acc=None):
    score = scorer.scores(windows.acc_BCT if acc is None else acc, trains_of(windows))
    return float(rank_scores(score, torch.arange(len(windows))).top(1).mean())


def fitted_template(paired):
    others = paired(16, 8, seed=99)
    partner = torch.arange(len(others)).roll(8)
    return Template.fit(others.acc_BCT, others.beats_BK, partner, RATE, (4.0, 18.0))


def test_plain_scores_equal_the_sums_written_out(paired):
    windows = paired(1, 4, window_s=8.0)
    whole_beats = (windows.beats_BK * RATE).round() / RATE
    got = Plain(RATE).scores(windows.acc_BCT, beat_trains(whole_beats, RATE, 512))
    even = local_amplitude_removed(windows.acc_BCT, RATE)
    for q in range(4):
        for n in range(4):
            places = (whole_beats[n][torch.isfinite(whole_beats[n])] * RATE).round().long()
            places = places[places < 512]
            energy = 0.0
            for lag in range(-19, 27):
                inside = [int(p) + lag for p in places if 0 <= int(p) + lag < 512]
                for axis in range(3):
                    energy += float(even[q, axis, inside].sum()) ** 2 / max(1, len(inside))
            assert float(got[q, n]) == pytest.approx(energy, rel=1e-3)


@pytest.mark.integration
def test_both_forms_find_the_beats_and_not_others(paired):
    windows = paired(seed=1)
    template = fitted_template(paired)
    unrelated = paired(seed=2).acc_BCT
    for scorer in (Plain(RATE), template):
        assert top1(scorer, windows) > 0.95
        assert top1(scorer, windows, unrelated) < 0.15


@pytest.mark.integration
def test_the_template_does_better_where_the_signal_is_weak(paired):
    windows = paired(12, 8, seed=5, snr=0.5)
    assert top1(fitted_template(paired), windows) >= top1(Plain(RATE), windows) > 0.1


def test_blocks_of_queries_do_not_change_scores(paired):
    windows = paired()
    template = fitted_template(paired)
    for scorer in (Plain(RATE), template):
        whole = scorer.scores(windows.acc_BCT, trains_of(windows))
        part = scorer.scores(windows.acc_BCT[20:25], trains_of(windows))
        assert torch.allclose(whole[20:25], part, rtol=1e-4, atol=1e-4)


def test_a_movement_weighs_no_more_than_quiet_seconds(paired):
    windows = paired(seed=1)
    moved = windows.acc_BCT.float().clone()
    moved[:, :, 320:480] += 40 * torch.randn(len(moved), 3, 160, generator=torch.Generator().manual_seed(0))
    assert top1(Plain(RATE), windows, moved) > 0.8


def test_jitter_of_100_ms_ends_the_match(paired):
    windows = paired(seed=1)
    score = Plain(RATE).scores(windows.acc_BCT, trains_of(windows, jittered(windows.beats_BK, 100, 0)))
    assert float(rank_scores(score, torch.arange(len(windows))).top(1).mean()) < 0.3


def test_cleaned_windows_have_unit_variance_inside_the_band(paired):
    white = cleaned(paired().acc_BCT, RATE, (4.0, 18.0))
    assert torch.allclose(white.var(2), torch.ones(48, 3), atol=1e-3)
    power = torch.fft.rfft(white).abs().square().mean((0, 1))
    frequency = torch.fft.rfftfreq(white.shape[2], 1 / RATE)
    inside = (frequency >= 4) & (frequency <= 18)
    assert float(power[~inside].sum() / power.sum()) < 1e-6
    assert float(power[inside].max() / power[inside].mean()) < 3


def test_a_constant_window_scores_nothing():
    trains = beat_trains(torch.tensor([[1.0, 2.0, 3.0]]), RATE, 640)
    assert float(Plain(RATE).scores(torch.zeros(1, 3, 640), trains)) == 0


def test_the_delay_of_the_ppg_is_found(paired):
    windows = paired(seed=1, late_s=0.75)
    delays = range(-96, 97, 8)
    energy = energy_by_delay(windows.acc_BCT, trains_of(windows), RATE, delays)
    assert energy.shape == (48, len(delays))
    assert abs(delays[int(energy.sum(0).argmax())] / RATE - 0.75) <= 0.25


def test_energy_by_delay_is_the_score_of_the_delayed_window(paired):
    windows = paired(1, 3, seed=1)
    delays = range(-32, 33, 16)
    energy = energy_by_delay(windows.acc_BCT, trains_of(windows), RATE, delays)
    for column, by in enumerate(delays):
        moved = delayed(windows.acc_BCT, torch.full((3,), by))
        direct = Plain(RATE).scores(moved, trains_of(windows)).diag()
        assert torch.allclose(energy[:, column], direct, rtol=0.12)


@given(st.integers(-12, 12))
@settings(max_examples=25, deadline=None)
def test_delayed_moves_zeros_in(by):
    x = torch.arange(1.0, 11).repeat(1, 1, 1)
    expected = [x[0, 0, t - by].item() if 0 <= t - by < 10 else 0.0 for t in range(10)]
    assert delayed(x, torch.tensor([by]))[0, 0].tolist() == expected
