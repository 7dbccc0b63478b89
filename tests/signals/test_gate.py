import numpy as np
import pytest
import torch

from edgeacc.signals.gate import motion_mg


def test_motion_is_the_root_of_the_summed_variances_in_mg():
    rng = np.random.default_rng(0)
    acc_g = rng.normal(size=(4, 3, 3840)) * 0.01 + np.array([0.2, -0.5, 0.8])[:, None]
    expected = 1000 * np.sqrt(acc_g.var(-1).sum(-1))
    np.testing.assert_allclose(motion_mg(acc_g), expected, rtol=1e-9)
    np.testing.assert_allclose(motion_mg(torch.tensor(acc_g, dtype=torch.float32)).numpy(), expected, rtol=1e-5)


def test_gravity_alone_is_no_motion():
    still = np.broadcast_to(np.array([0.2, -0.5, 0.8], np.float32)[:, None], (3, 3840))
    assert motion_mg(still[None])[0] == 0
    assert float(motion_mg(torch.tensor(still)[None])[0]) == 0


def test_one_axis_that_swings():
    acc_g = np.zeros((1, 3, 3840))
    acc_g[0, 1] = 0.05 * np.sin(np.arange(3840) * 2 * np.pi / 64)
    assert motion_mg(acc_g)[0] == pytest.approx(50 / np.sqrt(2), rel=1e-3)
