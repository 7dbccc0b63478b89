"""A window in pieces against the window at once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeacc.errors import NotPossibleHere
from edgeacc.models.config import EncoderConfig, StageConfig
from edgeacc.models.encoder import Encoder, settle
from edgeacc.models.sizes import build
from edgeacc.models.streaming import streaming

STAGES = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 6)), min_size=1, max_size=4)


def settled(config, seed=0):
    torch.manual_seed(seed)
    return settle(build(config, 3), [torch.randn(4, 3, config.samples)])


@pytest.mark.integration
@given(
    stages=STAGES, stride=st.integers(1, 6), extra=st.integers(0, 6), rate_hz=st.integers(1, 90), context=st.booleans()
)
@settings(max_examples=30, deadline=None)
def test_equal_to_the_window_at_once(stages, stride, extra, rate_hz, context):
    """Any strides, frames that overlap or not, pieces that divide the window or not, two windows in a row."""
    parts = [StageConfig(width=width, stride=step) for step, width in stages]
    parts += [StageConfig(width=5, stride=2, context=True), StageConfig(width=4, stride=1)] if context else []
    config = EncoderConfig(
        name="any",
        family="conv",
        samples=stride * 2 * 3**4 * 2**4,
        frame_samples=stride + 2 * extra,
        frame_stride=stride,
        frame_filters=5,
        stages=tuple(parts),
    )
    encoder = settled(config)
    network = streaming(encoder, rate_hz)
    for window_1CT in torch.randn(2, 3, config.samples).split(1):
        with torch.no_grad():
            assert torch.allclose(network(window_1CT), encoder(window_1CT), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("size", "samples", "pieces"), [("conv-s", 64, 61), ("conv-xs", 64, 62), ("conv-xxs", 64, 62)])
def test_students_stream_in_seconds(size, samples, pieces):
    encoder = settled(build(size, 3).config)
    network = streaming(encoder, 64.0)
    assert (network.samples, network.pieces) == (samples, pieces)
    window_1CT = torch.randn(1, 3, 3840)
    with torch.no_grad():
        assert (network(window_1CT) - encoder(window_1CT)).abs().max() < 1e-4


@pytest.mark.parametrize("size", ["transformer-xxxs", "pyramid-s", "efficientnet"])
def test_what_reads_the_whole_window_first_is_refused(size):
    with pytest.raises(NotPossibleHere, match=rf"{size} cannot stream: .* (tokens|whole window)"):
        streaming(Encoder(build(size, 3).config), 64.0)


def test_a_nan_is_gone_after_pieces_without_it():
    """It spoils its window, and the next one where its window was broken off; not the one after that."""
    config = EncoderConfig(
        name="any",
        family="conv",
        samples=640,
        frame_samples=32,
        frame_stride=16,
        frame_filters=4,
        stages=(StageConfig(width=4, stride=2), StageConfig(width=4, stride=1)),
    )
    network = streaming(settled(config), 64)
    window_1CT = torch.randn(1, 3, 640)
    with torch.no_grad():
        expected_1D = network(window_1CT)
        network.step(torch.full((1, 3, network.samples), torch.nan), torch.zeros(1, 1, 1, 1))
        assert network(window_1CT).isnan().any()
        assert torch.equal(network(window_1CT), expected_1D)
