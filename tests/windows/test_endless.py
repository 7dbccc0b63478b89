"""The endless stream of simulated windows."""

import pytest
import torch

from edgeacc.windows.endless import FIRST_PARTICIPANT, Endless, EndlessConfig


@pytest.fixture(scope="module")
def first():
    return Endless(EndlessConfig()).take(torch.arange(8))


def test_a_window_depends_on_its_number_alone(first):
    again = Endless(EndlessConfig()).take(torch.tensor([6, 2, 50_000]))
    assert torch.equal(again.acc_BCT[:2], first.acc_BCT[[6, 2]])
    assert torch.equal(again.ppg_BCT[:2], first.ppg_BCT[[6, 2]])
    assert again.window_id_B.tolist() == [6, 2, 50_000]


def test_a_batch_holds_nobody_twice_and_a_person_comes_again(first):
    assert len(first.participant_B.unique()) == 8
    assert first.participant_B.min() >= FIRST_PARTICIPANT
    later = Endless(EndlessConfig(windows_per_participant=2)).take(torch.tensor([0, 4096, 8192]))
    assert later.participant_B[0] == later.participant_B[1] != later.participant_B[2]
    assert not torch.equal(later.acc_BCT[0], later.acc_BCT[1])


def test_another_seed_another_stream(first):
    other = Endless(EndlessConfig(seed=1)).take(torch.arange(1))
    assert not torch.equal(other.acc_BCT[0], first.acc_BCT[0])


def test_columns_are_those_of_the_windows(first):
    stream, index_B = Endless(EndlessConfig()), torch.arange(8)
    for name in ("acc_BCT", "ppg_BCT", "beats_BK"):
        column = getattr(stream, name)[index_B]
        assert torch.equal(column.nan_to_num(), getattr(first, name).nan_to_num())
