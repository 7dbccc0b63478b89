import math

import pytest
import torch
from torch.nn import functional as F

from edgeacc.training.losses import info_nce, koleo


def test_info_nce_of_hand_made_cosines():
    a_BE = torch.eye(2)
    b_BE = torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    rows = [math.log(1 + math.exp(0.6 - 1)), math.log(1 + math.exp(0 - 0.8))]
    columns = [math.log(1 + math.exp(0 - 1)), math.log(1 + math.exp(0.6 - 0.8))]
    assert info_nce(a_BE @ b_BE.T).item() == pytest.approx((sum(rows) / 2 + sum(columns) / 2) / 2, rel=1e-5)


def test_info_nce_does_not_care_which_side_is_which():
    a_BE, b_BE = (F.normalize(torch.randn(8, 16), dim=1) for _ in range(2))
    assert info_nce(a_BE @ b_BE.T).item() == pytest.approx(info_nce(b_BE @ a_BE.T).item(), rel=1e-5)


def test_info_nce_of_pairs_that_agree_is_small_and_of_strangers_the_log_of_the_batch():
    a_BE = torch.eye(8)
    assert info_nce(a_BE @ a_BE.T / 0.04).item() < 1e-6
    assert info_nce(a_BE @ torch.ones(8, 8) / 0.04).item() == pytest.approx(math.log(8), rel=1e-5)


def test_koleo_is_minus_the_log_distance_to_the_nearest():
    z_BE = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    assert koleo(z_BE).item() == pytest.approx(-math.log(math.sqrt(2)), rel=1e-5)
    close = F.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.01], [-1.0, 0.0]]), dim=1)
    assert koleo(close).item() > koleo(z_BE).item()
