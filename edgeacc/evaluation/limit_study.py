"""The training-free limit of a store: what is achievable before anyone trains."""

import time

import torch
from torch import Tensor

from edgeacc.errors import BadInput
from edgeacc.evaluation.limit_across import across_participants
from edgeacc.evaluation.limit_within import LARGEST_DELAY_S, searched_delays_s, within_participants
from edgeacc.evaluation.people import people
from edgeacc.evaluation.result import LimitResult, StoreFacts
from edgeacc.evaluation.subwindows import subdivide
from edgeacc.progress import Progress, silent
from edgeacc.windows.store import Store
from edgeacc.windows.window_set import WindowSet

_FEWEST_BEATS_PER_S = 0.5  # 30 a minute
_ROWS = 18


def evaluate_limit(
    store: Store, window_s: float | None = None, *, seed: int = 0, progress: Progress = silent
) -> LimitResult:
    """Match accelerometer and PPG windows by the PPG's beats.

    On recordings each participant's windows are matched among themselves by the plain form, whatever their split; on a
    cohort the test windows among all of them by the template form, fitted on the training windows.

    Args:
        store: paired windows.
        window_s: cut the windows to this length first.
        seed: of shuffling, jitter and resampling.
        progress: told of the rows done.

    Raises:
        BadInput: no participant has two windows with beats, or `window_s` is longer than the store's windows.
    """
    began_s = time.monotonic()
    within = store.manifest.source == "recordings"
    whole = store.load("all" if within else "test")
    pieces = whole if window_s is None else subdivide(whole, window_s)
    windows, notes = matchable(pieces, within=within)
    delay_s: tuple[float, float, float] | None = None
    if within:
        delay_s_B = searched_delays_s(windows)
        low_s, middle_s, high_s = delay_s_B.quantile(torch.tensor([0.05, 0.5, 0.95])).tolist()
        delay_s = (low_s, middle_s, high_s)
        notes += [_told(windows.contract.window_s, *delay_s), _HOW_SEARCHED]
        made = within_participants(windows, delay_s_B, seed)
    else:
        made = across_participants(store, windows, seed)
    rows = []
    for row in made:
        rows.append(row)
        progress(len(rows), max(_ROWS, len(rows)), row.variant)
    return LimitResult(
        store=facts(store, windows),
        within_participant=within,
        delay_s=delay_s,
        rows=rows,
        notes=notes,
        seed=seed,
        seconds=time.monotonic() - began_s,
    )


def facts(store: Store, windows: WindowSet) -> StoreFacts:
    """Which windows of a store are evaluated."""
    return StoreFacts(
        source=store.manifest.source,
        name=store.manifest.name,
        content_digest=store.manifest.content_digest,
        window_s=windows.contract.window_s,
        windows=len(windows),
        participants=len(people(windows.participant_B)),
    )


def matchable(windows: WindowSet, *, within: bool) -> tuple[WindowSet, list[str]]:
    """The windows with enough beats, and notes of what is left out.

    Args:
        windows: to choose from.
        within: leave out, too, the only window of a participant.

    Raises:
        BadInput: fewer than two are left.
    """
    beats_B = torch.isfinite(windows.beats_BK).sum(1)
    window_s = windows.contract.window_s
    steady_B = beats_B >= _FEWEST_BEATS_PER_S * window_s
    notes = _left_out(steady_B, window_s, f"fewer than {_FEWEST_BEATS_PER_S:g} beats per second in the PPG")
    kept = windows.take(steady_B)
    if within:
        them = people(kept.participant_B)
        several_B = them.windows_P[them.member_B] > 1
        notes += _left_out(several_B, window_s, "the only one of their participant")
        kept = kept.take(several_B)
    if len(kept) < 2:
        raise BadInput(
            "no two windows to tell apart",
            valid="paired windows with beats in the PPG, two or more of a participant",
            next_command="edgeacc import PATH -o STORE",
        )
    return kept, notes


def _left_out(kept_B: Tensor, window_s: float, why: str) -> list[str]:
    count = int((~kept_B).sum())
    return [f"{count} window(s) of {window_s:g} s left out: {why}."] if count else []


def _told(window_s: float, low_s: float, middle_s: float, high_s: float) -> str:
    return (
        f"In windows of {window_s:g} s the accelerometer suits the PPG best when delayed by {middle_s:.2f} s "
        f"(5-95 % of the windows: {low_s:.2f} to {high_s:.2f} s)."
    )


_HOW_SEARCHED = (
    f"Delays are searched within {LARGEST_DELAY_S:g} s, for each window on the other windows of its person; far from "
    "0, where matching succeeds, the two streams are not aligned."
)
