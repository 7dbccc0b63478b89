"""Which candidates are kept, chosen, or come nearest."""

from edgeacc.benchmarks.search.budget import parse_budget
from edgeacc.benchmarks.search.result import Measured, SearchResult, meeting, nearest, unreachable
from edgeacc.evaluation.bootstrap import Interval


def candidate(name, size_bytes, error_bpm, **more):
    error = Interval(value=error_bpm, low=error_bpm - 0.1, high=error_bpm + 0.1)
    return Measured(
        name=name,
        checkpoint="student",
        recipe=f"tflite-{name}",
        layers={},
        size_bytes=size_bytes,
        snr_db=20.0,
        errors={"d_hr_bpm": error},
        parts={"d_hr_bpm": error},
        **more,
    )


SMALL = candidate("small", 50_000, 0.4, latency_ms=1.0, flash_bytes=90_000)
MIDDLE = candidate("middle", 100_000, 0.1, latency_ms=1.02)
WORSE = candidate("worse", 120_000, 0.2, latency_ms=1.0)
LARGE = candidate("large", 400_000, 0.0, latency_ms=0.5)
ALL = [SMALL, MIDDLE, WORSE, LARGE]


def test_the_front_leaves_out_what_another_beats_but_not_for_a_hair_of_time():
    result = SearchResult(
        target="tflite", device=None, store_digest="0", windows=2, participants=1, whole={}, measured=ALL, refused=()
    )
    assert [each.name for each in result.front] == ["small", "middle", "large"]


def test_the_smallest_is_chosen_where_an_error_is_limited_and_the_most_right_otherwise():
    assert meeting(ALL, parse_budget("d_hr<0.3bpm"))[0] == MIDDLE
    assert meeting(ALL, parse_budget("size<200kB"))[0] == MIDDLE
    assert meeting(ALL, parse_budget("size<1MB"))[0] == LARGE
    assert meeting(ALL, parse_budget("flash<100kB")) == [SMALL]


def test_what_no_artifact_meets_is_told_with_the_least_there_is():
    budget = parse_budget("size<10kB, d_hr<0.3bpm, energy<1uJ")
    assert meeting(ALL, budget) == []
    assert unreachable(ALL, budget) == [
        "size<10kB: the least is 50 kB, small",
        "energy<1uJ: known of no candidate",
    ]


def test_the_nearest_misses_by_the_smallest_part():
    budget = parse_budget("size<90kB, d_hr<0.09bpm")
    assert unreachable(ALL, budget) == []
    best, missed = nearest(ALL, budget)
    assert best == MIDDLE
    assert missed == ["size<90kB: it has 100 kB", "d_hr<0.09bpm: it has 0.1 bpm"]
