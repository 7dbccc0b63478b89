"""The inter-beat interval around each token, from the PPG's beats: what the student has to know at every moment."""

import torch
from torch import Tensor

SHORTEST_S, LONGEST_S = 0.3, 2.2
LARGEST_CHANGE = 0.3  # of the window's median interval; beyond it, an artefact (our estimate)
_RATE_MEAN_S, _RATE_SCALE_S = 0.87, 0.12
_DEVIATION_SCALE_S = 0.04
_CHANGE_MEAN_S, _CHANGE_SCALE_S = 0.03, 0.03
CLAMP = 4.0
TARGETS = 4


def interval_targets(beats_BK: Tensor, tokens: int, window_s: float) -> tuple[Tensor, Tensor]:
    """Targets of every token and where they are known.

    Args:
        beats_BK: beat times in seconds, ascending, NaN behind the last.
        tokens: P, spread evenly over the window.
        window_s: length of the window.

    Returns:
        targets (B, P, 4): the interval in which the token's middle lies, its deviation from the window's median, the
        size of that deviation, and the size of its change from the interval before; each on a scale of about one,
        clamped to +-4;
        known (B, P, 4) bool: false outside the beats and on artefacts.
    """
    beats_BK = torch.nn.functional.pad(beats_BK, (0, max(0, 2 - beats_BK.shape[1])), value=torch.nan)
    interval_BK = beats_BK.diff(dim=1)
    median_B1 = interval_BK.nanmedian(dim=1, keepdim=True).values
    good_BK = (interval_BK > SHORTEST_S) & (interval_BK < LONGEST_S)
    good_BK &= (interval_BK - median_B1).abs() < LARGEST_CHANGE * median_B1
    change_BK = torch.nn.functional.pad(interval_BK.diff(dim=1).abs(), (1, 0), value=torch.nan)
    steady_BK = good_BK & good_BK.roll(1, dims=1) & change_BK.isfinite()
    features_BKF = torch.stack(
        [
            (interval_BK - _RATE_MEAN_S) / _RATE_SCALE_S,
            (interval_BK - median_B1) / _DEVIATION_SCALE_S,
            ((interval_BK - median_B1).abs() - _CHANGE_MEAN_S) / _CHANGE_SCALE_S,
            (change_BK - _CHANGE_MEAN_S) / _CHANGE_SCALE_S,
        ],
        dim=2,
    )
    known_BKF = torch.stack([good_BK, good_BK, good_BK, steady_BK], dim=2)
    at_BP, inside_BP = _interval_of_token(beats_BK, tokens, window_s)
    index_BPF = at_BP[:, :, None].expand(-1, -1, TARGETS)
    targets_BPF = features_BKF.gather(1, index_BPF).nan_to_num().clamp(-CLAMP, CLAMP)
    return targets_BPF, known_BKF.gather(1, index_BPF) & inside_BP[:, :, None]


def _interval_of_token(beats_BK: Tensor, tokens: int, window_s: float) -> tuple[Tensor, Tensor]:
    """Position of the interval that holds each token's middle, and whether there is one."""
    middle_P = (torch.arange(tokens, device=beats_BK.device) + 0.5) * (window_s / tokens)
    times_BK = beats_BK.nan_to_num(nan=torch.inf).contiguous()
    at_BP = torch.searchsorted(times_BK, middle_P.expand(len(beats_BK), -1).contiguous()) - 1
    last_B1 = beats_BK.isfinite().sum(dim=1, keepdim=True) - 2
    inside_BP = (at_BP >= 0) & (at_BP <= last_B1)
    return at_BP.clamp(0, beats_BK.shape[1] - 2), inside_BP
