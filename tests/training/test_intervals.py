import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.training.intervals import interval_targets


def _beats(*times: float) -> torch.Tensor:
    return torch.tensor([[*times, torch.nan, torch.nan]])


def test_targets_of_the_interval_around_each_token():
    targets, known = interval_targets(_beats(0.0, 0.8, 1.6, 2.5, 3.3), tokens=5, window_s=4.0)
    assert known[0, :, 0].tolist() == [True, True, True, True, False]  # middles 0.4, 1.2, 2.0, 2.8, 3.6 s
    interval_s = targets[0, :4, 0] * 0.12 + 0.87
    assert interval_s.tolist() == pytest.approx([0.8, 0.8, 0.9, 0.8], abs=1e-5)
    signed_s = (targets[0, :4, 1] * 0.04).tolist()
    assert signed_s == pytest.approx([0.0, 0.0, 0.1, 0.0], abs=1e-5)
    deviation_s = (targets[0, :4, 2] * 0.03 + 0.03).tolist()
    assert deviation_s == pytest.approx([0.0, 0.0, 0.1, 0.0], abs=1e-5)
    change_s = (targets[0, 1:4, 3] * 0.03 + 0.03).tolist()
    assert change_s == pytest.approx([0.0, 0.1, 0.1], abs=1e-5)
    assert known[0, :, 3].tolist() == [False, True, True, True, False]


def test_an_artefact_is_not_a_target():
    _, known = interval_targets(_beats(0.0, 0.8, 1.6, 3.2, 4.0), tokens=8, window_s=4.0)
    middles_in_the_gap = [4, 5]  # 2.25 and 2.75 s
    assert not known[0, middles_in_the_gap].any()
    assert known[0, [0, 1, 2, 6, 7], 0].all()
    assert not known[0, 7, 3]  # its difference would be from the artefact


@pytest.mark.parametrize("beats", [0, 1])
def test_a_store_of_hardly_any_beats_has_no_target(beats):
    targets, known = interval_targets(torch.full((3, beats), 20.0), 120, 60.0)
    assert targets.shape == known.shape == (3, 120, 4)
    assert not known.any()


def test_a_window_without_beats_has_no_target():
    targets, known = interval_targets(torch.full((2, 6), torch.nan), tokens=4, window_s=4.0)
    assert not known.any()
    assert targets.isfinite().all()


@given(interval_s=st.floats(0.4, 1.5), start_s=st.floats(0, 1))
@settings(max_examples=25)
def test_regular_beats_have_one_interval_everywhere(interval_s, start_s):
    times_K = start_s + interval_s * torch.arange(40, dtype=torch.float32)
    beats_BK = torch.where(times_K < 10.0, times_K, torch.nan)[None]
    targets, known = interval_targets(beats_BK, tokens=20, window_s=10.0)
    told_s = targets[known[..., 0]][:, 0] * 0.12 + 0.87
    expected_s = min(max(interval_s, 0.87 - 0.48), 0.87 + 0.48)
    assert known[..., 0].any()
    assert torch.allclose(told_s, torch.tensor(expected_s), atol=1e-3)
