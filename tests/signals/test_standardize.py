import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeacc.signals.standardize import z_score


@pytest.mark.integration
@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays(np.float32, (2, 64), elements=st.floats(-1e3, 1e3, width=32)),
    st.floats(-1e4, 1e4, width=32),
)
def test_worlds_agree_and_results_are_finite(x, offset):
    x = x + np.float32(offset)
    reference, got = z_score(x), z_score(torch.tensor(x)).numpy()
    assert np.isfinite(reference).all()
    spread = x.astype(np.float64).std(-1)
    for row in np.flatnonzero(spread > 1e-3 * (1 + np.abs(x).max(-1))):
        np.testing.assert_allclose(got[row], reference[row], atol=1e-4)
        assert reference[row].mean() == pytest.approx(0, abs=1e-3)
        assert reference[row].std() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("value", [0.0, 0.1, -1.0, 261545.0])
def test_a_constant_gives_exact_zeros(value):
    x = np.full((2, 3, 3840), value, np.float32)
    assert not z_score(x).any()
    assert not z_score(torch.tensor(x)).any()


def test_the_scale_of_the_input_does_not_matter():
    x = np.random.default_rng(0).normal(size=(1, 3, 3840))
    np.testing.assert_allclose(z_score(1e-6 * x), z_score(x), atol=1e-9)
