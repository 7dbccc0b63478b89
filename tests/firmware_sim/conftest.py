"""Traces of a few hours that several tests share."""

import pytest
import torch

from edgeacc.firmware_sim.day_trace import cohort_trace
from edgeacc.signals.contract import DEFAULT


@pytest.fixture(scope="session")
def two_hours():
    """Two hours from waking on."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield cohort_trace(DEFAULT, 2.0, seed=3)
    torch.set_num_threads(threads)
