"""The scale of the paper: predictions follow from peaks and counts, hours from what was measured."""

import pytest
import torch

from edgeacc.benchmarks.scale_suite import PAPER_WINDOWS, run_scale_bench
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.models.cost import cost
from edgeacc.models.sizes import SIZES


@pytest.mark.integration
def test_predictions_and_hours_follow_from_counts_and_rates():
    result = run_scale_bench("transformer-xxxs", batch=4, steps=1)
    rows = {row.step: row for row in result.rows}
    assert list(rows) == ["teacher", "distillation", "simulation"]
    for row in rows.values():
        moving = result.copy_gb_s / 2 * 1e9 / row.bytes_per_window
        computing = moving if row.gflop_per_window is None else result.peak_gflops / row.gflop_per_window
        assert row.predicted_windows_per_s == pytest.approx(min(moving, computing))
        assert row.hours == pytest.approx(PAPER_WINDOWS / row.windows_per_s / 3600)
    student_gflop = 6 * cost(SIZES["transformer-xxxs"]).macs_per_window / 1e9
    assert student_gflop < rows["distillation"].gflop_per_window < 3 * student_gflop
    assert rows["teacher"].gflop_per_window < rows["distillation"].gflop_per_window
    assert result.hours == pytest.approx(sum(row.hours for row in result.rows) + rows["simulation"].hours)


def test_a_size_that_drops_no_tokens_or_does_not_exist_is_refused():
    with pytest.raises(BadInput, match="conv-q"):
        run_scale_bench("conv-q")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_gpu_that_is_not_here_is_refused():
    with pytest.raises(NotPossibleHere, match="no CUDA device"):
        run_scale_bench(device="cuda")
