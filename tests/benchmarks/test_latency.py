"""Percentiles, turns, and a worker's life."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeacc.benchmarks.latency import Worker, interleaved, warm
from edgeacc.benchmarks.results import Settings
from edgeacc.benchmarks.worker import Calls, Job
from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.progress import silent

latencies_ms = st.lists(st.floats(0.01, 1_000), min_size=2, max_size=50)


def turn(latency_ms, cpu_ms=1.0):
    return Calls(latency_ms=latency_ms, cpu_ms=[cpu_ms] * len(latency_ms))


@given(first=latencies_ms, second=latencies_ms)
def test_percentiles_are_over_all_turns(first, second):
    found = warm([turn(first), turn(second)])
    cuts = statistics.quantiles(first + second, n=100, method="inclusive")
    assert found.p50_ms == pytest.approx(cuts[49])
    assert found.p90_ms == pytest.approx(cuts[89])
    assert found.p99_ms == pytest.approx(cuts[98])
    assert found.max_ms == max(first + second)
    assert found.calls == len(first) + len(second)
    assert found.round_p50_ms == pytest.approx((statistics.median(first), statistics.median(second)))


def test_processor_time_is_a_median_of_its_own_and_told_beside_wall_time():
    found = warm([turn([1.0, 3.0], cpu_ms=1.0), turn([5.0], cpu_ms=2.5)])
    assert found.cpu_ms == pytest.approx(1.0)
    assert found.cpu_per_wall == pytest.approx(4.5 / 9.0)


class Recorder:
    """Takes turns like a worker, and writes down whose turn it was."""

    def __init__(self, name, turns):
        self.name, self.turns = name, turns

    def calls(self, burn_in, count):
        self.turns.append((self.name, burn_in, count))
        return turn([1.0] * count)


def test_every_contender_has_one_turn_a_round_and_the_first_of_a_round_changes():
    turns = []
    contenders = {name: Recorder(name, turns) for name in "abc"}
    settings = Settings(cold_starts=1, burn_in_calls=0, rounds=4, turn_burn_in_calls=2, calls_per_turn=5)

    found = interleaved(contenders, settings, silent)

    order = "".join(name for name, _, _ in turns)
    assert [order[i : i + 3] for i in range(0, 12, 3)] == ["abc", "bca", "cab", "abc"]
    assert {counts for _, *counts in map(tuple, turns) for counts in [tuple(counts)]} == {(2, 5)}
    assert {name: latency.calls for name, latency in found.items()} == dict.fromkeys("abc", 20)


@pytest.mark.integration
class TestWorker:
    def job(self, onnx_bundle, **changes):
        given = {
            "target": "onnx",
            "model": onnx_bundle / "model" / "model.onnx",
            "bundle": onnx_bundle,
            "own_bundle": True,
            "burn_in_calls": 2,
        }
        return Job(**(given | changes))

    def test_loads_verifies_and_calls(self, onnx_bundle):
        with Worker(self.job(onnx_bundle)) as worker:
            cold, checked, calls = worker.start(), worker.check(), worker.calls(burn_in=1, count=7)
        assert cold.load_ms > 0
        assert cold.first_ms > 0
        assert cold.peak_rss_bytes > cold.baseline_rss_bytes > 10 * 2**20
        assert checked.snr_db > 60
        assert not checked.failures
        assert len(calls.latency_ms) == 7
        assert min(calls.latency_ms) > 0
        assert len(calls.cpu_ms) == 7
        assert sum(calls.cpu_ms) > 0

    def test_hands_on_what_was_wrong(self, onnx_bundle, tmp_path):
        with pytest.raises(BadInput, match="nowhere"):
            Worker(self.job(onnx_bundle, bundle=tmp_path / "nowhere"))
        no_model = self.job(onnx_bundle, model=onnx_bundle / "card.md")
        with Worker(no_model) as worker, pytest.raises(BadInput, match=r"card\.md"):
            worker.start()

    def test_tells_of_a_process_that_ended(self, onnx_bundle):
        with Worker(self.job(onnx_bundle)) as worker:
            worker._process.kill()
            with pytest.raises(NotPossibleHere, match=r"model\.onnx ended with code -9"):
                worker.start()
