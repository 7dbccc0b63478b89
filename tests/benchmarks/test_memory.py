"""Resident memory: what is allocated is seen, and an old peak is forgotten."""

import sys

import numpy as np
import pytest

from edgeacc.benchmarks.memory import forget_peak, peak_bytes, resident_bytes

BLOCK_BYTES = 64 * 2**20


def test_a_peak_stays_after_its_memory_is_given_back():
    forget_peak()
    before_bytes = resident_bytes()
    block = np.ones(BLOCK_BYTES, np.uint8)
    assert resident_bytes() - before_bytes > 0.9 * BLOCK_BYTES
    del block
    assert peak_bytes() - before_bytes > 0.9 * BLOCK_BYTES


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can forget a peak")
def test_an_old_peak_is_forgotten():
    np.ones(BLOCK_BYTES, np.uint8)
    forget_peak()
    assert peak_bytes() - resident_bytes() < 0.5 * BLOCK_BYTES
