import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.models.encoder import LAGS, settle, summarise
from edgeacc.models.sizes import build

SMALL = ("transformer-xxxs", "pyramid-s", "conv-xs")


@pytest.mark.parametrize("name", SMALL)
def test_shapes(name):
    encoder = build(name, 3)
    x_BCT = torch.randn(2, 3, 3840)
    assert encoder.tokens(x_BCT).shape == (2, encoder.config.tokens, encoder.config.width)
    assert encoder(x_BCT).shape == (2, encoder.embedding_width)


def test_tokens_are_in_the_order_of_time():
    encoder = build("conv-xs", 3).eval()
    x_BCT = torch.randn(1, 3, 3840)
    changed = x_BCT.clone()
    changed[..., 1920:1952] += 5.0  # the 61st token's own samples
    moved_P = (encoder.tokens(changed) - encoder.tokens(x_BCT)).abs().sum(dim=(0, 2)) > 1e-6
    assert set(moved_P.nonzero()[:, 0].tolist()) <= set(range(57, 65))
    assert moved_P[60]


def test_summary_is_what_its_docstring_says():
    tokens_BPD = torch.randn(3, 12, 5, dtype=torch.float64)
    parts = summarise(tokens_BPD).chunk(2 + len(LAGS), dim=1)
    array = tokens_BPD.numpy()
    assert torch.allclose(parts[0], torch.from_numpy(array.mean(1)))
    assert torch.allclose(parts[1], torch.from_numpy(abs(array - array.mean(1, keepdims=True)).mean(1)))
    for part, lag in zip(parts[2:], LAGS, strict=True):
        assert torch.allclose(part, torch.from_numpy(abs(array[:, lag:] - array[:, :-lag]).mean(1)))


@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 5))
@settings(max_examples=20)
def test_summary_of_scaled_and_shifted_tokens(shift, scale):
    tokens_BPD = torch.randn(2, 10, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before, after = (summarise(t).chunk(5, dim=1) for t in (tokens_BPD, scale * tokens_BPD + shift))
    assert torch.allclose(after[0], scale * before[0] + shift)
    assert all(torch.allclose(a, scale * b) for a, b in zip(after[1:], before[1:], strict=True))


@pytest.mark.parametrize("name", SMALL)
def test_settled_encoder_gives_standard_embeddings(name):
    torch.manual_seed(0)
    windows = [torch.randn(16, 3, 3840) * (1 + torch.rand(16, 1, 1)) for _ in range(2)]
    encoder = settle(build(name, 3), windows)
    with torch.no_grad():
        z_BD = torch.cat([encoder(batch) for batch in windows])
    assert not encoder.training
    assert z_BD.mean(dim=0).abs().max() < 1e-3
    assert z_BD.std(dim=0).max() < 1.001
    assert z_BD.std(dim=0).median() == pytest.approx(1.0, abs=1e-3)
