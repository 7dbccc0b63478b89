"""Which contender is the best, and which has no speed worth telling."""

import pytest

from edgeacc.benchmarks.results import QUICK, BenchResult, Machine, Row, Warm

MACHINE = Machine(
    cpu="a processor", cores=2, governor=None, memory_bytes=2**34, system="Linux", python="3.11", versions={},
    commit=None, load_average=0.0, other_work=0.0,
)  # fmt: skip


def row(name, cpu_ms, kind="peer", snr_db=100.0, **more):
    warm = Warm(p50_ms=1, p90_ms=1, p99_ms=1, calls=1, round_p50_ms=(1,), cpu_ms=cpu_ms, cpu_per_wall=1)
    return Row(name=name, kind=kind, target=None, path=name, state="timed", snr_db=snr_db, warm=warm, **more)


def run(*rows):
    return BenchResult(date_utc="2026-01-01T00:00:00+00:00", settings=QUICK, machine=MACHINE, rows=rows)


def test_the_best_takes_the_least_processor_time_of_its_kind():
    result = run(row("slow", 3.0), row("fast", 2.0), row("ours", 1.0, kind="artifact"))
    assert (result.best("peer").name, result.best("artifact").name) == ("fast", "ours")


@pytest.mark.parametrize("more", [{"snr_db": 29.9}, {"snr_db": None}, {"batch": 64}, {"threads": 2}])
def test_a_fast_wrong_answer_does_not_count_nor_do_many_windows_or_threads_at_once(more):
    assert run(row("slow", 3.0), row("fast", 0.1, **more)).best("peer").name == "slow"


def test_there_may_be_none():
    assert run(row("fast", 2.0)).best("artifact") is None
