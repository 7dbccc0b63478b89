"""The training benchmark: what it reports goes together, and an unknown size is refused."""

import pytest
import torch

from edgeacc.benchmarks.training_suite import BATCH, run_training_bench
from edgeacc.errors import BadInput
from edgeacc.models.cost import cost
from edgeacc.models.sizes import SIZES


@pytest.mark.integration
def test_windows_operations_and_shares_go_together():
    threads, told = torch.get_num_threads(), []
    result = run_training_bench(["conv-xxs"], lambda *what: told.append(what), turns=1, steps=2)
    (row,) = result.rows
    operations = 6 * cost(SIZES["conv-xxs"]).macs_per_window
    assert row.gflops == pytest.approx(row.windows_per_s * operations / 1e9)
    assert row.times_faster == pytest.approx(row.windows_per_s / row.plain_windows_per_s)
    peak = result.fp32_gflops if row.precision == "fp32" else result.bf16_gflops
    assert row.peak_share == pytest.approx(row.gflops / peak)
    assert 0 < row.data_share < 1
    assert result.batch == BATCH
    assert told
    assert torch.get_num_threads() == threads


def test_an_unknown_size_is_refused_before_anything_runs():
    with pytest.raises(BadInput, match="conv-q"):
        run_training_bench(["conv-q"])
