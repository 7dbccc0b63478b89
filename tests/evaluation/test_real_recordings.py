"""The limit of real recordings, where they are there: what it says of each must not change unnoticed."""

from pathlib import Path

import pytest

from edgeacc.evaluation.limit_study import evaluate_limit
from edgeacc.signals.contract import SignalContract
from edgeacc.windows.from_recordings import from_recordings

DATA = Path("../shared/data")
POLAR = DATA / "polar_verity_sense"
E4 = [DATA / "stress_predict" / name for name in ("S01", "S05", "S10", "S14", "S31", "S35")]
"""Six of the people, for speed: of those with eight still minutes or more, some in whom the match is clear."""

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the recordings of {DATA}, which are not part of the project"),
]


def limit_of(paths, folder, window_s):
    store = from_recordings(paths, folder / "windows", contract=SignalContract(window_s=window_s)).store
    result = evaluate_limit(store)
    return result, {row.variant: row for row in result.rows if row.direction == "acc->ppg"}


@pytest.mark.parametrize(("window_s", "fewest", "least"), [(15.0, 30, 0.8), (30.0, 15, 1.0)])
def test_a_fine_accelerometer_holds_the_beats(tmp_path, window_s, fewest, least):
    result, rows = limit_of([POLAR], tmp_path, window_s)
    assert result.store.windows >= fewest
    assert rows[""].top1.value >= least
    assert rows["shuffled pairs"].top1.value < 0.15
    assert rows["beats jittered by 100 ms"].top1.value < 0.3
    assert rows["accelerometer delayed by 5 s"].top1.value < 0.3


def test_a_coarse_accelerometer_holds_them_once_its_clocks_are_brought_together(tmp_path):
    result, rows = limit_of(E4, tmp_path, 60.0)
    chance = rows[""].chance_top1
    assert result.store.windows > 50
    assert rows[""].top1.low > 4 * chance
    assert rows["shuffled pairs"].top1.value < 2 * chance
    # Beats, not movement: gone when their times are jittered, or apart as far as the device has them.
    assert rows["beats jittered by 100 ms"].top1.value < 2.5 * chance
    assert rows["accelerometer delayed by 1.5 s"].top1.value < 2.5 * chance
    assert rows["accelerometer delayed by 5 s"].top1.value < 2.5 * chance
