"""What an evaluation found, as data: flat rows that tables, figures and other programs read alike."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from edgeacc.evaluation.bootstrap import Improvement, Interval

Direction = Literal["acc->ppg", "ppg->acc", "acc->acc"]
Group = Literal["headline", "pool", "control", "synchronisation", "noise", "snr", "posture", "age", "sex", "bmi"]

PARTED: tuple[Group, ...] = ("snr", "posture", "age", "sex", "bmi")
"""Groups whose rows are of a part of the windows each."""
STUDENT, TEACHER, CONFOUNDERS = "student", "teacher (PPG)", "age, sex, BMI"
"""How rows name these methods."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RetrievalRow(_Row):
    """How well the true partner is found, by one way of scoring.

    Attributes:
        group: what the row is there for.
        method: `student`, `limit (template)` or `limit (plain)`.
        variant: what was changed or selected; empty for nothing.
        direction: which side asks; `acc->acc` looks for another window of the same participant.
        pool: candidates of a random pool that holds the true one; None: all that are allowed.
        candidates: mean number of them.
        queries: windows that asked.
        top1: probability of rank 1, with its interval over participants.
        top5: probability of a rank up to 5; None where there is no one true partner.
        mean_rank: 1 at best; None as `top5`.
        chance_top1: what guessing gives.
    """

    group: Group
    method: str
    variant: str = ""
    direction: Direction
    pool: int | None
    candidates: float
    queries: int
    top1: Interval
    top5: float | None
    mean_rank: float | None
    chance_top1: float


class ProbeRow(_Row):
    """The error of one method at one target.

    Attributes:
        method: `student`, the name of a baseline, `teacher (PPG)`, or a trivial method.
        probe: `ridge`, `mlp`, or `none` where nothing is fitted.
        fraction: share of the training participants whose labels were used.
        target: label and unit, such as `hr_bpm`.
        mae: mean absolute error in the target's unit.
        pearson_r: over windows; None for fewer than three, or where the prediction is constant.
        windows: scored.
        fitted_windows: with labels, for the fit.
        fitted_participants: whose they are.
    """

    method: str
    probe: Literal["ridge", "mlp", "none"]
    fraction: float
    target: str
    mae: Interval
    pearson_r: float | None
    windows: int
    fitted_windows: int
    fitted_participants: int


class ImprovementRow(_Row):
    """The student against one base, with the same probe, labels and windows."""

    base: str
    probe: Literal["ridge", "mlp"]
    fraction: float
    target: str
    improvement: Improvement


class PartRow(_Row):
    """The error of one method on a part of the windows, with all labels.

    Attributes:
        group: by what the windows are parted.
        part: which part.
        method: as in `ProbeRow`.
        probe: likewise.
        target: label and unit.
        mae: mean absolute error in the target's unit.
        windows: scored.
        participants: whose they are.
    """

    group: Group
    part: str
    method: str
    probe: Literal["ridge", "mlp"]
    target: str
    mae: Interval
    windows: int
    participants: int


class MissRow(_Row):
    """How the windows whose partner was missed differ from those where it was found.

    Attributes:
        quantity: label and unit, or the share of a posture or sex.
        found: mean of the found.
        missed: mean of the missed.
        difference: missed - found, with its interval over participants.
        over_sd: that difference over the standard deviation of all windows; None where they do not vary.
    """

    quantity: str
    found: float
    missed: float
    difference: Interval
    over_sd: float | None


class WinnerRow(_Row):
    """How near a missed window is to the one that was ranked first in its partner's place.

    Attributes:
        quantity: absolute difference of a label, or how often both have the same.
        winner: mean over the missed windows, with its interval over participants.
        at_random: the same of any other window.
    """

    quantity: str
    winner: Interval
    at_random: float


class Misses(_Row):
    """What is different where the accelerometer's partner is not first of all candidates.

    Attributes:
        candidates: in all.
        queries: windows that asked.
        missed: of them.
        rows: empty where all or none are missed, as are `winners`.
        winners: who was taken for the partner.
    """

    candidates: int
    queries: int
    missed: int
    rows: list[MissRow]
    winners: list[WinnerRow]


class HealthRow(_Row):
    """How well one method tells one yes-or-no trait of people it was not fitted on.

    Attributes:
        target: the trait; `edgeacc.cohort.health` defines it.
        method: as in `ProbeRow`; `age, sex, BMI`; or a method `with age, sex, BMI`.
        auc: area under the receiver operating characteristic, .5 for guessing.
        over_confounders: that minus the area by age, sex and BMI, on the same people; None of these themselves.
        share: of the scored people that have the trait.
        participants: scored.
        fitted_participants: fitted on.
    """

    target: str
    method: str
    auc: Interval
    over_confounders: Interval | None
    share: float
    participants: int
    fitted_participants: int


class StoreFacts(_Row):
    """Which windows were evaluated."""

    source: Literal["cohort", "recordings"]
    name: str
    content_digest: str
    window_s: float
    windows: int
    participants: int


class LimitResult(_Row):
    """The training-free limit of a store.

    Attributes:
        store: what was matched; `windows` counts those after cutting to `window_s` and dropping those without beats.
        within_participant: candidates are the same person's windows only.
        rows: one per form, direction and control.
        delay_s: 5, 50 and 95 % of the delays that were searched for the accelerometer; None on a cohort.
        notes: what a reader must know.
        seed: of shuffling, jitter and resampling.
        seconds: it took.
    """

    schema_version: Literal[1] = 1
    kind: Literal["limit"] = "limit"
    store: StoreFacts
    within_participant: bool
    delay_s: tuple[float, float, float] | None = None
    rows: list[RetrievalRow]
    notes: list[str]
    seed: int
    seconds: float


class EvaluationResult(_Row):
    """A student, its baselines and its controls on one store.

    Attributes:
        store: what was scored.
        student: its checkpoint's encoder, objective and form.
        teacher: likewise.
        baselines: name -> likewise.
        fitted_on: which labels the probes were fitted on.
        scored_on: target -> which labels they were scored against.
        retrieval: student, limit and controls.
        probes: every method, probe, label fraction and target.
        improvements: the student against each accelerometer baseline.
        parts: the student's errors by SNR quartile, posture, age, sex and BMI; empty of recordings.
        misses: of the student's retrieval; None of recordings.
        health: every method and trait, from participants' mean embeddings; empty of recordings.
        notes: what a reader must know.
        seed: of all that is drawn.
        seconds: it took.
    """

    schema_version: Literal[1] = 1
    kind: Literal["evaluation"] = "evaluation"
    store: StoreFacts
    student: str
    teacher: str
    baselines: dict[str, str]
    fitted_on: Literal["truth", "device"]
    scored_on: dict[str, Literal["truth", "device"]]
    retrieval: list[RetrievalRow]
    probes: list[ProbeRow]
    improvements: list[ImprovementRow]
    parts: list[PartRow] = []
    misses: Misses | None = None
    health: list[HealthRow] = []
    notes: list[str]
    seed: int
    seconds: float
