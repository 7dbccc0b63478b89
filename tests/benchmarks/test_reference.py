"""The GPU reference: refused where there is no GPU, measured where there is one."""

import pytest
import torch

from edgeacc.benchmarks.reference import run_reference
from edgeacc.errors import NotPossibleHere


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_is_refused(tiny_checkpoint):
    with pytest.raises(NotPossibleHere, match="no CUDA device") as refusal:
        run_reference(tiny_checkpoint)
    assert refusal.value.next_command == "edgeacc doctor"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_it_is_exact_enough_and_faster_in_batches(tiny_checkpoint):
    found = run_reference(tiny_checkpoint)
    assert found.snr_db >= 30
    assert 0 < found.p50_ms <= found.p99_ms
    assert found.windows_per_s > 1e3 / found.p50_ms
    assert found.best_batch > 1
