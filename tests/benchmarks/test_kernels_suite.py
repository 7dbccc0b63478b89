"""Instructions of the kernels: the goals are met, and the figures are the same in every run."""

import shutil

import pytest

from edgeacc.benchmarks.kernels_suite import CORES, GOALS, LAYERS, run_kernels_bench

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def result():
    for program, package in (("arm-none-eabi-gcc", "gcc-arm-none-eabi"), ("qemu-system-arm", "qemu-system-arm")):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt-get install {package}")
    return run_kernels_bench()


def test_every_layer_runs_on_every_core(result):
    assert {(row.layer, row.core) for row in result.rows} == {(layer, core) for layer in LAYERS for core in CORES}


def test_the_goals_are_met(result):
    judged = [row for row in result.rows if row.goal_per_mac is not None]
    assert len(judged) == len(GOALS)
    assert [row for row in judged if row.tuned_per_mac > row.goal_per_mac] == []


def test_the_cores_own_kernels_take_less_than_half_of_plain_c(result):
    assert [row for row in result.rows if row.tuned_per_mac > 0.5 * row.plain_per_mac] == []


def test_counts_are_the_same_in_every_run(result):
    assert run_kernels_bench().rows == result.rows
