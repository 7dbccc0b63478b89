import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small networks are not faster on several threads, and much slower on a busy machine."""
    torch.set_num_threads(1)
