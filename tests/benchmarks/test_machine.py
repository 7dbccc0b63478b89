"""What is told of the machine, and when it counts as busy."""

from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edgeacc
from edgeacc.benchmarks.machine import Times, busy_warnings, describe, other_work, times

seconds = st.floats(0, 1e6)


def test_describes_this_machine():
    machine = describe(["torch", "no-such-distribution"], load_average=0.25, others=0.0)
    assert machine.cpu
    assert machine.cores >= 1
    assert machine.memory_bytes == psutil.virtual_memory().total
    assert set(machine.versions) == {"torch"}
    assert machine.load_average == 0.25


def test_the_commit_is_of_our_sources_where_they_are_in_a_repository():
    repository = (Path(edgeacc.__file__).resolve().parents[1] / ".git").exists()
    commit = describe([], 0.0, 0.0).commit
    assert (commit is not None and len(commit.partition("+")[0]) == 40) == repository


def test_other_work_is_what_was_busy_but_not_ours():
    before, after = Times(all_s=100, busy_s=50, own_s=10), Times(all_s=120, busy_s=65, own_s=20)
    assert other_work(before, after) == pytest.approx(0.25)


@given(st.tuples(seconds, seconds, seconds), st.tuples(seconds, seconds, seconds))
def test_other_work_is_a_share(before, after):
    assert 0 <= other_work(Times(*before), Times(*after)) <= 1


def test_our_own_work_is_not_taken_for_other_work():
    me = psutil.Process()
    before = times([me])
    while times([me]).own_s - before.own_s < 0.2:
        sum(range(10_000))
    after = times([me])
    assert after.busy_s - before.busy_s >= 0.1
    assert after.own_s > before.own_s


@pytest.mark.parametrize(
    ("load_average", "others", "said"),
    [(0.0, 0.0, []), (9.0, 0.0, ["before"]), (0.0, 0.5, ["50%"]), (9.0, 0.5, ["before", "50%"])],
)
def test_a_busy_machine_is_told(load_average, others, said):
    machine = describe([], load_average, others).model_copy(update={"cores": 2})
    warnings = busy_warnings(machine)
    assert len(warnings) == len(said)
    assert all(part in warning for part, warning in zip(said, warnings, strict=True))
