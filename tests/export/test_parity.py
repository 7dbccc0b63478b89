import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.export.parity import MAX_SNR_DB, parity


def embeddings(seed=0, windows=20, width=8):
    return np.random.default_rng(seed).normal(size=(windows, width)).astype(np.float32)


@given(st.floats(-40, 60), st.integers(0, 100))
def test_snr_is_the_ratio_that_was_mixed(snr_db, seed):
    z_BD, noise_BD = embeddings(seed).astype(np.float64), embeddings(seed + 1000).astype(np.float64)
    energy = np.square(z_BD - z_BD.mean(0)).sum()
    noise_BD *= np.sqrt(energy / np.square(noise_BD).sum() / 10 ** (snr_db / 10))
    assert parity(z_BD, z_BD + noise_BD).snr_db == pytest.approx(snr_db, abs=1e-6)


@given(st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_unit_and_offset_change_nothing(gain, offset):
    z_BD = embeddings(1).astype(np.float64)
    got_BD = z_BD + 0.1 * embeddings(2)
    plain, other = parity(z_BD, got_BD), parity(gain * z_BD + offset, gain * got_BD + offset)
    assert other.snr_db == pytest.approx(plain.snr_db, abs=1e-3)
    assert other.worst_cosine == pytest.approx(plain.worst_cosine, abs=1e-4)


def test_a_large_common_part_hides_nothing():
    """Plain cosine is above 0.9999 here although the artifact tells nothing of the windows."""
    z_BD = 1000 + embeddings(3)
    got_BD = 1000 + embeddings(4)
    plain = (z_BD * got_BD).sum(1) / np.linalg.norm(z_BD, axis=1) / np.linalg.norm(got_BD, axis=1)
    assert plain.min() > 0.9999
    close = parity(z_BD, got_BD)
    assert close.snr_db < 0
    assert close.worst_cosine < 0.5


def test_worst_cosine_is_of_the_worst_window():
    z_BD = embeddings(5)
    got_BD = z_BD.copy()
    got_BD[7] = 2 * z_BD.mean(0) - z_BD[7]
    assert parity(z_BD, got_BD).worst_cosine == pytest.approx(-1, abs=1e-6)


def test_equal_arrays():
    z_BD = embeddings(6)
    assert parity(z_BD, z_BD).snr_db == MAX_SNR_DB
    assert parity(z_BD, z_BD).worst_cosine == pytest.approx(1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_is_the_worst(value):
    strange_BD = embeddings(7)
    strange_BD[0, 0] = value
    for pair in ((embeddings(7), strange_BD), (strange_BD, embeddings(7)), (strange_BD, strange_BD)):
        assert (parity(*pair).snr_db, parity(*pair).worst_cosine) == (-MAX_SNR_DB, -1)


def test_an_artifact_that_says_the_same_of_every_window():
    z_BD = embeddings(8)
    close = parity(z_BD, np.tile(z_BD.mean(0, dtype=np.float64), (len(z_BD), 1)))
    assert close.snr_db == pytest.approx(0, abs=1e-9)
    assert close.worst_cosine <= 0.5


def test_other_shapes_and_a_dead_network_are_errors():
    with pytest.raises(ValueError, match="gives"):
        parity(embeddings(), embeddings(width=7))
    with pytest.raises(ValueError, match="same embedding"):
        parity(np.ones((4, 3), np.float32), embeddings(windows=4, width=3))
