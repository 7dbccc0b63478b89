import pytest
import torch

from edgeacc.training import augment as room
from edgeacc.training.augment import NONE, PAPER, Augmentation, augment

CHANGES = ("cut_out", "magnitude_warp", "gaussian_noise", "time_warp", "permute_channels")


def _windows() -> torch.Tensor:
    return torch.randn(16, 3, 640, generator=torch.Generator().manual_seed(3))


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", CHANGES)
def test_each_is_a_pure_function_of_windows_and_generator(name):
    change, x_BCT = getattr(room, name), _windows()
    torch.manual_seed(0)
    first = change(x_BCT, _seeded())
    torch.manual_seed(1)
    assert torch.equal(change(x_BCT, _seeded()), first)
    assert not torch.equal(change(x_BCT, _seeded(1)), first)
    assert torch.equal(x_BCT, _windows())
    assert first.shape == x_BCT.shape
    assert first.isfinite().all()


def test_cut_out_zeroes_one_stretch_in_all_channels():
    cut_BT = (room.cut_out(_windows(), _seeded()) == 0).all(dim=1)
    share_B = cut_BT.float().mean(dim=1)
    assert ((share_B > 0.04) & (share_B < 0.31)).all()
    assert (cut_BT.int().diff(dim=1).abs().sum(dim=1) <= 2).all()


def test_permutation_only_reorders():
    x_BCT = _windows()
    permuted = room.permute_channels(x_BCT, _seeded())
    assert torch.allclose(permuted.sum(dim=1), x_BCT.sum(dim=1), atol=1e-5)
    assert torch.equal(permuted.sort(dim=1).values, x_BCT.sort(dim=1).values)


def test_time_warp_keeps_the_ends_and_moves_the_middle():
    ramp_BCT = torch.linspace(0, 1, 640).expand(16, 3, 640)
    warped = room.time_warp(ramp_BCT, _seeded())
    assert torch.allclose(warped[..., [0, -1]], ramp_BCT[..., [0, -1]], atol=1e-3)
    assert (warped.diff(dim=2) > 0).all()
    assert (warped - ramp_BCT).abs().amax() > 0.002


def test_noise_is_at_most_a_third_of_the_deviation():
    added = room.gaussian_noise(torch.zeros(64, 3, 640), _seeded()).std(dim=(1, 2))
    assert added.max() < 0.37
    assert added.min() < 0.1


def test_magnitude_warp_is_smooth_around_one():
    gain = room.magnitude_warp(torch.ones(64, 3, 640), _seeded())
    assert gain.mean() == pytest.approx(1, abs=0.05)
    assert gain.diff(dim=2).abs().max() < 0.02


def test_probabilities():
    x_BCT = _windows()
    assert augment(x_BCT, NONE, _seeded()) is x_BCT
    always = augment(x_BCT, Augmentation(cut_out=1.0), _seeded())
    assert (always == 0).any(dim=2).all()
    large = torch.randn(400, 3, 64, generator=_seeded())
    changed_B = (augment(large, Augmentation(gaussian_noise=0.25), _seeded()) != large).any(dim=2).any(dim=1)
    assert changed_B.float().mean() == pytest.approx(0.25, abs=0.07)
    assert not torch.equal(augment(x_BCT, PAPER, _seeded()), x_BCT)


def test_no_window_chosen_changes_nothing():
    x_BCT = _windows()[:1]
    quiet = augment(x_BCT, Augmentation(time_warp=1e-9, cut_out=1e-9, permute_channels=1e-9), _seeded())
    assert torch.equal(quiet, x_BCT)
