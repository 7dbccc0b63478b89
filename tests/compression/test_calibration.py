import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.compression.calibration import require_signal, strata, stratified
from edgeacc.errors import BadInput


def test_rare_windows_are_taken_as_often_as_common_ones():
    """Nine of ten hearts are slow; a third of what is taken is fast, and a third faint."""
    generator = torch.Generator().manual_seed(0)
    hr_bpm_B = torch.cat([torch.full((890,), 60.0), torch.full((50,), 95.0), torch.full((60,), 120.0)])
    hr_bpm_B += torch.rand(1000, generator=generator)
    snr_B = torch.rand(1000, generator=generator)
    among = strata(hr_bpm_B, snr_B)
    counts = among.sizes(stratified(among, 90))
    assert sum(counts.values()) == 90
    assert set(counts.values()) == {10}


def test_what_is_not_known_is_a_stratum_of_its_own():
    nothing_B = torch.full((12,), torch.nan)
    assert strata(nothing_B, nothing_B).sizes(torch.arange(12)) == {"heart rate unknown, SNR unknown": 12}
    half_B = torch.where(torch.arange(12) % 2 == 0, torch.nan, torch.arange(12.0))
    assert len(stratified(strata(half_B, nothing_B), 4).unique()) == 4


@given(st.lists(st.floats(40, 180) | st.just(float("nan")), max_size=60), st.integers(0, 80))
def test_every_window_at_most_once_and_as_many_as_there_are(rates, count):
    hr_bpm_B = torch.tensor(rates)
    among = strata(hr_bpm_B, hr_bpm_B.flip(0))
    chosen = stratified(among, count)
    assert len(chosen) == len(chosen.unique()) == min(count, len(rates))
    assert torch.equal(among.of_B[chosen], among.of_B[chosen].sort().values)


def test_constant_windows_are_refused_by_their_names():
    acc_BCT = torch.randn(8, 3, 16)
    require_signal(acc_BCT, torch.arange(8), "store s")
    acc_BCT[[2, 5]] = torch.tensor([0.0, 1.0, -2.0])[:, None]
    acc_BCT[3, 1:] = 0  # one axis moves
    with pytest.raises(BadInput, match="2 windows of 8 of store s are constant: 102, 105"):
        require_signal(acc_BCT, 100 + torch.arange(8), "store s")
