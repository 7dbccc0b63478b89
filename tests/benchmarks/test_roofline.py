"""The floor of a call: arithmetic by hand, and a measurement that no product of matrices beats by much."""

import time

import pytest
import torch

from edgeacc.benchmarks.results import Roofline
from edgeacc.benchmarks.roofline import macs_of, measure
from edgeacc.models.cost import cost


def test_the_floor_is_the_longer_of_computing_and_reading():
    roofline = Roofline(fp32_gflops=50, int8_gops=100, copy_gb_s=20)
    assert roofline.floor_ms(25_000_000, 1000, int8=False) == pytest.approx(1.0)
    assert roofline.floor_ms(25_000_000, 1000, int8=True) == pytest.approx(0.5)
    assert roofline.floor_ms(1000, 100_000_000, int8=False) == pytest.approx(10.0)
    assert Roofline(fp32_gflops=50, int8_gops=None, copy_gb_s=20).floor_ms(1, 1, int8=True) is None


@pytest.mark.integration
def test_no_product_is_much_faster_than_the_measured_peak():
    threads = torch.get_num_threads()
    roofline = measure()
    assert torch.get_num_threads() == threads
    left, right = torch.randn(2, 512, 512)
    torch.set_num_threads(1)
    try:
        start_s = time.perf_counter()
        left @ right
        seconds = time.perf_counter() - start_s
    finally:
        torch.set_num_threads(threads)
    assert 2 * 512**3 / seconds / 1e9 < 3 * roofline.fp32_gflops
    assert roofline.copy_gb_s > 0.1


def test_the_operations_are_those_of_the_encoder(make_checkpoint, tiny_encoder, tmp_path):
    assert macs_of(make_checkpoint(tmp_path / "student")) == cost(tiny_encoder).macs_per_window > 0
