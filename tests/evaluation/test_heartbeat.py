"""The heart is seen where it is, and not where it is not."""

import torch

from edgeacc.evaluation.heartbeat import heartbeats
from edgeacc.windows.cut import SAMPLES_PER_RECORDING


def by_recording(windows):
    """One recording of each participant."""
    windows.window_id_B.copy_(windows.participant_B * SAMPLES_PER_RECORDING + torch.arange(len(windows)))
    return windows


def test_locked_energy_is_above_all_controls(paired):
    rows = heartbeats(by_recording(paired(3, 6, seed=1)))
    assert [row.recording for row in rows] == [0, 1, 2]
    assert [row.participant for row in rows] == [0, 1, 2]
    assert all(row.seen and row.energy > 3 for row in rows)
    assert all(1 < row.largest_control < 3 for row in rows)
    assert rows[0].windows == 6
    assert 100 < rows[0].beats < 200


def test_without_a_heartbeat_it_is_not(paired):
    rows = heartbeats(by_recording(paired(8, 4, snr=0.0)))
    assert sum(row.seen for row in rows) <= 1
    assert all(0.4 < row.energy < 2.5 for row in rows)


def test_a_recording_without_beats_is_left_out(paired):
    windows = by_recording(paired(2, 4))
    windows.beats_BK[windows.participant_B == 1] = torch.nan
    told = []
    assert [row.recording for row in heartbeats(windows, progress=lambda *state: told.append(state))] == [0]
    assert told[-1][:2] == (2, 2)
