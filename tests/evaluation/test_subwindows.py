"""Cutting windows into shorter ones."""

import pytest
import torch

from edgeacc.errors import BadInput
from edgeacc.evaluation.subwindows import subdivide


def test_pieces_hold_the_samples_and_the_beats_of_their_time(paired):
    windows = paired(2, 3, window_s=20.0)
    pieces = subdivide(windows, 5.0)
    assert len(pieces) == 24
    assert pieces.contract.window_s == 5.0
    assert torch.equal(pieces.acc_BCT[5], windows.acc_BCT[1][:, 320:640])
    assert torch.equal(pieces.ppg_BCT[7], windows.ppg_BCT[1][:, 960:])
    assert pieces.participant_B.tolist() == [0] * 12 + [1] * 12
    whole = windows.beats_BK[1]
    expected = whole[(whole >= 5) & (whole < 10)] - 5
    got = pieces.beats_BK[5]
    assert torch.allclose(got[torch.isfinite(got)], expected, atol=1e-5)
    assert bool(torch.isnan(got[len(expected) :]).all())


def test_no_beat_is_lost_or_doubled(paired):
    windows = paired(2, 3, window_s=20.0)
    assert int(torch.isfinite(subdivide(windows, 5.0).beats_BK).sum()) == int(torch.isfinite(windows.beats_BK).sum())


def test_labels_of_the_whole_do_not_describe_a_piece(paired):
    assert subdivide(paired(), 10.0).labels == {}


def test_the_own_length_changes_nothing(paired):
    windows = paired()
    assert subdivide(windows, 20.0) is windows


@pytest.mark.parametrize("window_s", [0.0, -1.0, 21.0])
def test_lengths_that_cannot_be_are_refused(paired, window_s):
    with pytest.raises(BadInput, match="20 s"):
        subdivide(paired(), window_s)
