"""Missed retrievals, where what makes them miss is known."""

import pytest
import torch

from edgeacc.evaluation.misses import missed_retrievals
from edgeacc.evaluation.retrieval import Ranks


def ranks_of(missed):
    count = len(missed)
    return Ranks(missed.long() * 3, torch.zeros(count, dtype=torch.long), torch.full((count,), count))


@pytest.fixture
def windows(paired):
    made = paired(20, 8)
    generator = torch.Generator().manual_seed(0)
    made.labels["acc_snr"] = 10 ** torch.randn(160, generator=generator)
    made.labels["age_y"] = 20 + 60 * torch.rand(20, generator=generator)[made.participant_B]
    made.labels["posture"] = torch.tensor([0.0, 1.0]).repeat(80)
    made.labels["hr_bpm"] = made.labels["device_hr_bpm"]
    return made


def neighbour(query_Q):
    """The next window, of the same participant here, and of the other posture."""
    return query_Q ^ 1


def test_what_makes_windows_miss_stands_out_and_the_rest_does_not(windows):
    missed = windows.labels["acc_snr"] < 0.3
    found = missed_retrievals(windows, ranks_of(missed), neighbour, seed=0)
    assert (found.candidates, found.queries, found.missed) == (160, 160, int(missed.sum()))
    rows = {row.quantity: row for row in found.rows}
    snr = rows["acc_snr_db"]
    in_db = 10 * windows.labels["acc_snr"].log10()
    assert snr.missed == pytest.approx(in_db[missed].mean().item(), rel=1e-5)
    assert snr.found == pytest.approx(in_db[~missed].mean().item(), rel=1e-5)
    assert snr.difference.value == pytest.approx(snr.missed - snr.found)
    assert snr.difference.high < 0
    assert snr.over_sd < -1
    assert rows["age_y"].difference.low < 0 < rows["age_y"].difference.high
    assert {"share supine", "share seated"} <= rows.keys()
    assert rows["share arm held"].over_sd is None


def test_the_winner_is_compared_with_any_other_window(windows):
    found = missed_retrievals(windows, ranks_of(windows.labels["acc_snr"] < 0.3), neighbour, seed=0)
    rows = {row.quantity: row for row in found.winners}
    assert rows["same participant"].winner.value == 1
    assert rows["same participant"].at_random == pytest.approx(7 / 159)
    assert rows["same posture"].winner.value == 0
    assert rows["same posture"].at_random == pytest.approx(79 / 159)
    assert rows["distance in hr_bpm"].winner.value > 0
    assert "distance in sdnn_ms" not in rows


@pytest.mark.parametrize("share", [0, 1])
def test_nothing_is_told_where_nothing_differs(windows, share):
    found = missed_retrievals(windows, ranks_of(torch.full((160,), bool(share))), neighbour, seed=0)
    assert (found.missed, found.rows, found.winners) == (160 * share, [], [])
