"""What is different about the windows whose partner is missed: SNR, rate, posture, the person; and who won instead."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from edgeacc.evaluation.bootstrap import interval, mean_interval, resample_means
from edgeacc.evaluation.limit_across import spread
from edgeacc.evaluation.people import people
from edgeacc.evaluation.result import Misses, MissRow, WinnerRow
from edgeacc.evaluation.retrieval import Ranks
from edgeacc.evaluation.rows import POSTURES, SEXES
from edgeacc.windows.window_set import WindowSet

_AS_THEY_ARE = (
    *("ppg_snr_db", "hr_bpm", "sdnn_ms", "rmssd_ms", "breathing_rate_hz", "motion_mg"),
    *("age_y", "bmi_kg_m2", "pwv_m_s"),
)
_NEAR = ("hr_bpm", "sdnn_ms", "breathing_rate_hz")
_HALF = 0.5
_WINNERS = 512
"""Missed windows whose winners are looked at, at most: their differences from all windows are held at once."""


def missed_retrievals(windows: WindowSet, ranks: Ranks, winners: Callable[[Tensor], Tensor], seed: int) -> Misses:
    """Compare missed with found windows.

    Args:
        windows: that asked, in the order of the ranks.
        ranks: among all windows.
        winners: rows of some queries -> for each the row of the other window that scores highest.
        seed: of resampling.
    """
    missed_B = ranks.top(1) < _HALF
    count = int(missed_B.sum())
    rows: list[MissRow] = []
    rivals: list[WinnerRow] = []
    if 0 < count < len(windows):
        told = _quantities(windows.labels)
        compared = [_compared(name, value_B, missed_B, windows.participant_B, seed) for name, value_B in told.items()]
        rows = [row for row in compared if row is not None]
        missed_Q = missed_B.nonzero()[:, 0][spread(count, _WINNERS)]
        rivals = _rivals(windows, missed_Q, winners(missed_Q), seed)
    candidates = int(ranks.candidates_Q.max())
    return Misses(candidates=candidates, queries=len(windows), missed=count, rows=rows, winners=rivals)


def _quantities(labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
    told: dict[str, Tensor] = {}
    if "acc_snr" in labels:
        told["acc_snr_db"] = 10 * labels["acc_snr"].log10()
    told |= {name: labels[name] for name in _AS_THEY_ARE if name in labels}
    for label, names in (("posture", POSTURES), ("sex", SEXES)):
        if label in labels:
            told |= {f"share {name}": (labels[label] == value).float() for value, name in enumerate(names)}
    return told


def _compared(name: str, value_B: Tensor, missed_B: Tensor, who_B: Tensor, seed: int) -> MissRow | None:
    """None where no missed or no found window is known."""
    known_B = torch.isfinite(value_B)
    value_B, missed_B, who_B = value_B[known_B].double(), missed_B[known_B].double(), who_B[known_B]
    if not 0 < int(missed_B.sum()) < len(value_B):
        return None
    sums = resample_means(torch.stack([value_B * missed_B, missed_B, value_B], 1), who_B, seed)

    def means(column_K: Tensor) -> tuple[Tensor, Tensor]:
        of_missed, share, whole = column_K.unbind(-1)
        return of_missed / share, (whole - of_missed) / (1 - share)

    missed, found = means(sums.value_K)
    missed_R, found_R = means(sums.resampled_RK)
    difference_R = (missed_R - found_R)[torch.isfinite(missed_R - found_R)]
    sd = float(value_B.std())
    return MissRow(
        quantity=name,
        found=float(found),
        missed=float(missed),
        difference=interval(missed - found, difference_R, len(people(who_B))),
        over_sd=float(missed - found) / sd if sd > 0 else None,
    )


def _rivals(windows: WindowSet, missed_Q: Tensor, winner_Q: Tensor, seed: int) -> list[WinnerRow]:
    who_B = windows.participant_B
    rows = []
    for name in (name for name in _NEAR if name in windows.labels):
        value_B = windows.labels[name].double()
        gap_Q = (value_B[missed_Q] - value_B[winner_Q]).abs()
        gap_QN = (value_B[missed_Q][:, None] - value_B[None]).abs()
        rows.append(_rival(f"distance in {name}", gap_Q, gap_QN, missed_Q, who_B, seed))
    same = {"same participant": who_B, "same posture": windows.labels.get("posture")}
    for name, value_B in ((name, value_B) for name, value_B in same.items() if value_B is not None):
        equal_QN = (value_B[missed_Q][:, None] == value_B[None]).double()
        rows.append(_rival(name, equal_QN.gather(1, winner_Q[:, None])[:, 0], equal_QN, missed_Q, who_B, seed))
    return [row for row in rows if row is not None]


def _rival(name: str, winner_Q: Tensor, any_QN: Tensor, missed_Q: Tensor, who_B: Tensor, seed: int) -> WinnerRow | None:
    """None where nothing is known."""
    others_QN = any_QN.scatter(1, missed_Q[:, None], torch.nan)
    if not torch.isfinite(winner_Q).any():
        return None
    return WinnerRow(
        quantity=name,
        winner=mean_interval(winner_Q, who_B[missed_Q], seed),
        at_random=float(others_QN.nanmean(1).nanmean()),
    )
