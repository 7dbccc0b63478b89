"""Two runs beside each other: what is paired, what counts as worse, and what other machines can still tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.benchmarks.compare import compare
from edgeacc.benchmarks.results import EAGER, QUICK, BenchResult, ColdStart, Machine, Row, Warm
from edgeacc.signals.contract import DEFAULT

MACHINE = Machine(
    cpu="a processor", cores=2, governor=None, memory_bytes=2**34, system="Linux", python="3.11", versions={},
    commit=None, load_average=0.0, other_work=0.0,
)  # fmt: skip


def row(name, rounds_ms, *, size_bytes=1000, added_bytes=500, contract=DEFAULT):
    p50_ms = float(np.median(rounds_ms))
    return Row(
        name=name, kind="peer" if name == EAGER else "artifact", target=None, path=name, state="timed",
        contract=contract, size_bytes=size_bytes,
        cold=ColdStart(load_ms=1, first_ms=1, baseline_rss_bytes=100, peak_rss_bytes=100 + added_bytes),
        warm=Warm(
            p50_ms=p50_ms, p90_ms=p50_ms, p99_ms=p50_ms, calls=10, round_p50_ms=tuple(rounds_ms), cpu_ms=p50_ms,
            cpu_per_wall=1,
        ),
    )  # fmt: skip


def run(*rows, machine=MACHINE):
    return BenchResult(date_utc="2026-01-01T00:00:00+00:00", settings=QUICK, machine=machine, rows=rows)


def changes(comparison):
    return {(each.name, each.quantity): each for each in comparison.changes}


STEADY = (1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.0)
SLOWER = tuple(1.5 * each for each in STEADY)


def test_a_run_compared_with_itself_has_not_changed():
    same = run(row("a", STEADY), row(EAGER, SLOWER))
    told = compare(same, same, 0.0)
    assert not told.regressions
    assert {each.change for each in told.changes} == {0.0}
    assert set(changes(told)) == {
        *(("a", what) for what in ("p50_ms", "to_eager", "size_bytes", "above_baseline_bytes")),
        *((EAGER, what) for what in ("p50_ms", "size_bytes", "above_baseline_bytes")),
    }


def test_half_slower_is_a_regression_with_its_interval():
    told = compare(run(row("a", STEADY)), run(row("a", SLOWER)), 0.1)
    latency = changes(told)["a", "p50_ms"]
    assert latency.change == pytest.approx(0.5)
    assert 0.4 < latency.low < 0.5 < latency.high < 0.6
    assert told.regressions == ["a: p50_ms +50.0%"]
    assert not compare(run(row("a", SLOWER)), run(row("a", STEADY)), 0.1).regressions


def test_a_change_inside_the_noise_is_none():
    before, after = (0.8, 1.0, 1.2, 0.7, 1.3, 1.0, 0.9, 1.1), (0.8, 1.2, 1.4, 0.7, 1.3, 1.2, 0.9, 1.2)
    latency = changes(compare(run(row("a", before)), run(row("a", after)), 0.1))["a", "p50_ms"]
    assert latency.change > 0.1
    assert latency.low < 0 < latency.high
    assert not latency.regressed


def test_larger_artifacts_and_more_memory_are_regressions():
    told = compare(run(row("a", STEADY)), run(row("a", STEADY, size_bytes=1200, added_bytes=1100)), 0.1)
    assert told.regressions == ["a: above_baseline_bytes +120.0%", "a: size_bytes +20.0%"]


def test_on_another_machine_only_ratios_and_sizes_are_compared():
    before = run(row("a", STEADY), row(EAGER, SLOWER))
    twice_as_slow = [2 * each for each in STEADY], [2 * each for each in SLOWER]
    other = MACHINE.model_copy(update={"cpu": "another", "cores": 8})
    told = compare(before, run(row("a", twice_as_slow[0]), row(EAGER, twice_as_slow[1]), machine=other), 0.1)
    assert told.differs == ("machine: cpu a processor -> another", "machine: cores 2 -> 8")
    assert set(changes(told)) == {("a", "to_eager"), ("a", "size_bytes"), (EAGER, "size_bytes")}
    assert changes(told)["a", "to_eager"].change == pytest.approx(0, abs=1e-9)
    assert not told.regressions


def test_another_contract_is_told():
    longer = DEFAULT.with_window(30)
    told = compare(run(row("a", STEADY)), run(row("a", SLOWER, contract=longer)), 0.1)
    assert told.differs == ("contract: window_s 60.0 -> 30.0",)
    assert set(changes(told)) == {("a", "size_bytes")}


def test_what_is_no_longer_timed_is_a_regression_and_what_is_alone_is_told():
    gone = Row(name="a", kind="artifact", target=None, path="a", state="rejected", reason="below its floor")
    told = compare(run(row("a", STEADY), row("b", STEADY)), run(gone, row("c", STEADY)), 0.1)
    assert told.regressions == ["a: was timed, now rejected (below its floor)"]
    assert (told.only_before, told.only_after) == (("b",), ("c",))
    assert told.changes == ()


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=12), st.floats(0.1, 10))
def test_a_common_factor_is_the_change(rounds_ms, factor):
    told = changes(compare(run(row("a", rounds_ms)), run(row("a", [factor * each for each in rounds_ms])), 0.0))
    latency = told["a", "p50_ms"]
    assert latency.change == pytest.approx(factor - 1, rel=1e-6, abs=1e-6)
    assert latency.low <= latency.change + 1e-9
    assert latency.high >= latency.change - 1e-9
