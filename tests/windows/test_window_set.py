import dataclasses

import pytest
import torch

from edgeacc.errors import BadInput


def test_take_by_position_and_by_mask(make_windows):
    windows = make_windows([0, 0, 1, 2])
    taken = windows.take(torch.tensor([3, 0]))
    assert taken.participant_B.tolist() == [2, 0]
    assert torch.equal(taken.acc_BCT[1], windows.acc_BCT[0])
    assert torch.equal(taken.labels["hr_bpm"], windows.labels["hr_bpm"][[3, 0]])
    masked = windows.take(windows.participant_B == 0)
    assert len(masked) == 2


def test_target_by_source(make_windows):
    windows = make_windows([0, 1])
    truth = windows.target(["hr_bpm"])
    assert truth.shape == (2, 1)
    assert torch.equal(truth[:, 0], windows.labels["hr_bpm"])
    assert windows.target(["hr_bpm"], "device")[:, 0].tolist() == [61, 61.125]


def test_an_unknown_label_lists_what_exists(make_windows):
    with pytest.raises(BadInput, match="unknown label 'device_sdnn_ms'") as caught:
        make_windows([0]).target(["sdnn_ms"], "device")
    assert caught.value.valid == "device_hr_bpm, hr_bpm"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"acc_BCT": torch.zeros(2, 3, 10)}, "acc_BCT has shape"),
        ({"ppg_BCT": torch.zeros(2, 4, 320)}, "ppg_BCT has shape"),
        ({"labels": {"hr_bpm": torch.zeros(3)}}, "not one entry per window in: hr_bpm"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(make_windows, change, told):
    with pytest.raises(ValueError, match=told):
        dataclasses.replace(make_windows([0, 1]), **change)
