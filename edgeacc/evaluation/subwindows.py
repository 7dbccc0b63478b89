"""Shorter windows cut from longer ones, for a limit at several lengths."""

import torch
from torch import Tensor

from edgeacc.errors import BadInput
from edgeacc.windows.window_set import WindowSet


def subdivide(windows: WindowSet, window_s: float) -> WindowSet:
    """Cut each window into whole pieces of `window_s` seconds.

    The pieces keep the filtering and scaling of the whole, and no labels, which were of the whole.

    Args:
        windows: to cut.
        window_s: length of a piece; the window's own length returns the windows as they are.

    Raises:
        BadInput: longer than the windows, not positive, or no whole number of samples.
    """
    contract = windows.contract
    if not 0 < window_s <= contract.window_s:
        raise BadInput(
            f"pieces of {window_s:g} s from windows of {contract.window_s:g} s", valid=f"up to {contract.window_s:g} s"
        )
    if window_s == contract.window_s:
        return windows
    pieces = int(contract.window_s / window_s + 1e-9)
    shorter = contract.with_window(window_s)
    count = len(windows) * pieces
    return WindowSet(
        acc_BCT=_cut(windows.acc_BCT, pieces, shorter.samples),
        ppg_BCT=_cut(windows.ppg_BCT, pieces, shorter.samples),
        beats_BK=_cut_beats(windows.beats_BK, pieces, window_s),
        participant_B=windows.participant_B.repeat_interleave(pieces),
        window_id_B=torch.arange(count),
        labels={},
        contract=shorter,
    )


def _cut(x_BCT: Tensor, pieces: int, samples: int) -> Tensor:
    windows, channels, _ = x_BCT.shape
    cut_BCPT = x_BCT[..., : pieces * samples].reshape(windows, channels, pieces, samples)
    return cut_BCPT.transpose(1, 2).flatten(0, 1)


def _cut_beats(beats_BK: Tensor, pieces: int, window_s: float) -> Tensor:
    """Beats inside each piece, in seconds from its start, ascending, NaN-padded."""
    start_P1 = torch.arange(pieces)[:, None] * window_s
    local_BPK = beats_BK[:, None] - start_P1
    inside_BPK = (local_BPK >= 0) & (local_BPK < window_s)
    local_BPK = torch.where(inside_BPK, local_BPK, torch.full_like(local_BPK, torch.nan))
    most = int(inside_BPK.sum(2).max()) if inside_BPK.numel() else 0
    ordered_BPK: Tensor = local_BPK.sort(dim=2).values
    return ordered_BPK[..., :most].flatten(0, 1)
