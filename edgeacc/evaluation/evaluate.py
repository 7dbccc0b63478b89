"""The whole evaluation of a student beside its teacher, its baselines, the limit and the controls."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from edgeacc.evaluation.embed import embedding
from edgeacc.evaluation.health import HealthStudy
from edgeacc.evaluation.limit_across import Across
from edgeacc.evaluation.limit_study import facts, matchable
from edgeacc.evaluation.limit_within import Within, searched_delays_s
from edgeacc.evaluation.people import people
from edgeacc.evaluation.probe_study import FEWEST_PARTICIPANTS, ProbeStudy, labelled, scored_on
from edgeacc.evaluation.probes import FRACTIONS, PROBES, QUICK_FRACTIONS, ridge
from edgeacc.evaluation.result import STUDENT, TEACHER, EvaluationResult, HealthRow, Misses, PartRow, RetrievalRow
from edgeacc.evaluation.rows import strata
from edgeacc.evaluation.student_retrieval import Aligned
from edgeacc.models.card import Card
from edgeacc.models.checkpoint import LoadedEncoder, LoadedStudent
from edgeacc.progress import Progress, silent
from edgeacc.windows.labels import Source
from edgeacc.windows.store import Store
from edgeacc.windows.window_set import WindowSet

TRAIN_WINDOWS = 9000
"""At most so many training windows are labelled for the probes."""
_MAPPED_AT_ONCE = 64
"""Dimensions of the teacher's embedding: a ridge holds the predictions of all its penalties."""


@dataclass(frozen=True)
class Subjects:
    """What is evaluated.

    Attributes:
        student: with its alignment heads.
        teacher: the one that the student was distilled from.
        baselines: by name; encoders of the accelerometer, or of the PPG.
    """

    student: LoadedStudent
    teacher: LoadedEncoder
    baselines: Mapping[str, LoadedEncoder] = field(default_factory=dict)

    def encoders(self) -> dict[str, LoadedEncoder]:
        """All of them by the names that rows show, the student first."""
        ours = LoadedEncoder(self.student.student.encoder, self.student.card)
        named = {
            f"{name} (PPG)" if loaded.card.sensor == "ppg" else name: loaded for name, loaded in self.baselines.items()
        }
        return {STUDENT: ours, **named, TEACHER: self.teacher}

    def accelerometer_baselines(self) -> list[str]:
        """Names of the baselines that the student is compared with."""
        return [name for name, loaded in self.baselines.items() if loaded.card.sensor == "acc"]


def evaluate(
    subjects: Subjects,
    store: Store,
    *,
    labels: Source = "device",
    seed: int = 0,
    quick: bool = False,
    progress: Progress = silent,
) -> EvaluationResult:
    """Evaluate on a cohort's test windows, or on recordings with every participant held out in turn.

    Args:
        subjects: networks in eval.
        store: prepared by the contract that they were trained on.
        labels: what the probes are fitted on; they are scored on the truth where the store has it.
        seed: of all that is drawn.
        quick: at 10 % and 100 % of the labels only, and no health targets.
        progress: told of the parts done.

    Raises:
        BadInput: no test window, no label, or an embedding that is not finite.
    """
    began_s = time.monotonic()
    kind = _Recordings if store.manifest.source == "recordings" else _Cohort
    run = kind(subjects, store, labels, seed, quick, progress)
    found = run.run()
    probes = found.probes
    improvements = list(probes.improvements(STUDENT, subjects.accelerometer_baselines())) if probes else []
    progress(run.done, run.parts(), "done")
    return EvaluationResult(
        store=facts(store, found.windows),
        student=_described(subjects.student.card),
        teacher=_described(subjects.teacher.card),
        baselines={name: _described(loaded.card) for name, loaded in subjects.baselines.items()},
        fitted_on=labels,
        scored_on=scored_on(found.windows),
        retrieval=found.retrieval,
        probes=probes.rows if probes else [],
        improvements=improvements,
        parts=found.parts,
        misses=found.misses,
        health=found.health,
        notes=found.notes,
        seed=seed,
        seconds=time.monotonic() - began_s,
    )


@dataclass(frozen=True)
class _Found:
    windows: WindowSet
    retrieval: list[RetrievalRow]
    probes: ProbeStudy | None
    notes: list[str]
    parts: list[PartRow] = field(default_factory=list)
    misses: Misses | None = None
    health: list[HealthRow] = field(default_factory=list)


@dataclass
class _Run:
    subjects: Subjects
    store: Store
    labels: Source
    seed: int
    quick: bool
    progress: Progress
    done: int = 0

    def step(self, note: str) -> None:
        """Report the beginning of one more part."""
        self.progress(self.done, self.parts(), note)
        self.done += 1

    def parts(self) -> int:
        """How many parts there are."""
        raise NotImplementedError

    def aligned(self, windows: WindowSet) -> Aligned:
        """The student's view of both sides."""
        self.step("aligning accelerometer and PPG")
        return Aligned.of(self.subjects.student.student, self.subjects.teacher.encoder, windows, self.seed)

    def embeddings(self, windows: WindowSet) -> Iterator[tuple[str, Tensor]]:
        """Every encoder's embedding of the windows, one after the other."""
        for name, loaded in self.subjects.encoders().items():
            self.step(f"embedding {len(windows)} windows: {name}")
            yield name, embedding(loaded, windows)


class _Cohort(_Run):
    """Test windows of people whom nothing was trained on; probes are fitted on the training windows."""

    def parts(self) -> int:
        return 3 + len(self.subjects.encoders()) * (2 + (not self.quick) + len(self._fractions) * len(PROBES))

    @property
    def _fractions(self) -> tuple[float, ...]:
        return QUICK_FRACTIONS if self.quick else FRACTIONS

    def run(self) -> _Found:
        windows = self.store.load("test")
        aligned = self.aligned(windows)
        retrieval, misses = self._retrieval(aligned), aligned.misses()
        study, health, mapped = self._probes(windows)
        retrieval.append(aligned.mapped(*mapped))
        parts = study.parts(STUDENT, "ridge", strata(windows.labels))
        notes, rows = list(_COHORT_NOTES), []
        if health is not None:
            rows = health.rows
            if health.left_out:
                notes.append(f"Health: too few people on one side for {', '.join(health.left_out)}.")
        return _Found(windows, retrieval, study, notes, parts, misses, rows)

    def _retrieval(self, aligned: Aligned) -> list[RetrievalRow]:
        windows = aligned.windows
        rows = [*aligned.headline(), *aligned.within_participant("control")]
        rows += [aligned.wrong_pairs(), aligned.nearest_identity()]
        self.step("independent beats, synchronisation, noise")
        rows += [aligned.independent(self.store), *aligned.late(), *aligned.noisier()]
        self.step("training-free limit")
        limit = Across.of(self.store, windows, self.seed)
        return [*rows, *limit.forward(), limit.independent_beats(self.store)]

    def _probes(self, windows: WindowSet) -> tuple[ProbeStudy, HealthStudy | None, tuple[Tensor, Tensor]]:
        """Probes, health, and of the test windows the student's embedding mapped to the teacher's, beside that one."""
        sources = scored_on(windows)
        train = self.store.load("train", limit=TRAIN_WINDOWS)
        fitted = labelled(train, dict.fromkeys(sources, self.labels))
        study = ProbeStudy(list(sources), labelled(windows, sources), self.seed, self._fractions)
        health = None
        if not self.quick:
            health = HealthStudy(self.store, train.participant_B, windows.participant_B, self.seed)
        tested, trained = dict(self.embeddings(windows)), dict(self.embeddings(train))
        for name, z_BD in trained.items():
            study.fit(name, z_BD, fitted, tested[name], self.step)
            if name == STUDENT:
                study.fit_shuffled(name, z_BD, fitted, tested[name])
            if health is None:
                continue
            self.step(f"health: {name}")
            health.add(name, z_BD, tested[name], beside=name in (STUDENT, TEACHER))
        study.trivial(windows, fitted.target_BK.nanmean(0))
        if "truth" in sources.values():
            study.add("PPG beat detector", "none", 1.0, windows.target(list(sources), "device"))
        return study, health, (self._mapped(trained, train.participant_B, tested[STUDENT]), tested[TEACHER])

    def _mapped(self, trained: Mapping[str, Tensor], participant_B: Tensor, tested_BD: Tensor) -> Tensor:
        """The student's embedding of the test windows, by the best linear map to the teacher's; a part at a time."""
        parts = trained[TEACHER].split(_MAPPED_AT_ONCE, dim=1)
        fitted = (
            ridge(trained[STUDENT], part_BK, participant_B, tested_BD, self.seed, squared=True) for part_BK in parts
        )
        return torch.cat(list(fitted), dim=1)


class _Recordings(_Run):
    """All windows, each competing with the same person's only; probes with every participant held out in turn."""

    def parts(self) -> int:
        return 2 + 2 * len(self.subjects.encoders())

    def run(self) -> _Found:
        windows, notes = matchable(self.store.load("all"), within=True)
        retrieval, probes = self._retrieval(windows), self._probes(windows)
        return _Found(windows, retrieval, probes, [*notes, *_RECORDINGS_NOTES, *([] if probes else [_NO_PROBES])])

    def _retrieval(self, windows: WindowSet) -> list[RetrievalRow]:
        aligned = self.aligned(windows)
        rows = [*aligned.within_participant("headline"), aligned.wrong_pairs(within=True), aligned.nearest_identity()]
        self.step("training-free limit")
        limit = Within(windows, self.seed)
        searched = limit.delayed(searched_delays_s(windows), "delay searched")
        return [*rows, *limit.both_ways(), *limit.jittered(), searched.forward("synchronisation")]

    def _probes(self, windows: WindowSet) -> ProbeStudy | None:
        sources = scored_on(windows)
        windows = windows.take(labelled(windows, sources).complete()) if sources else windows
        if len(people(windows.participant_B)) < FEWEST_PARTICIPANTS or not sources:
            return None
        study = ProbeStudy(list(sources), labelled(windows, sources), self.seed)
        for name, z_BD in self.embeddings(windows):
            self.step(f"held-out probes: {name}")
            for probe in PROBES:
                study.leave_out(name, z_BD, probe)
            if self.subjects.encoders()[name].card.sensor == "ppg":
                study.leave_out_shuffled(name, z_BD)
        study.trivial(windows, None)
        return study


_COHORT_NOTES = (
    "Retrieval is in the space of the alignment heads, the mean of the evaluated windows removed.",
    "Independent beats: what is above chance is shared heart rate; the rest of the score is shared beats.",
    "A share of labels is one draw of participants, the same for all methods; intervals are over test participants.",
    "The participant's own mean is an oracle: it knows the labels of the person's other windows.",
    "Health: ridge on the mean embedding of each person's windows; age, sex and BMI hold the answer to traits of "
    "themselves, so that nothing adds to them there.",
)
_RECORDINGS_NOTES = (
    "Each window competes with the same participant's windows only.",
    "Probes: participants held out in five folds, fitted and scored on the same labels, trained on no label before.",
)
_NO_PROBES = f"No probes here: they need labels and {FEWEST_PARTICIPANTS} participants or more."


def _described(card: Card) -> str:
    """Encoder, objective and form in a few words."""
    form = f", {card.alignment.form}" if card.alignment else ""
    return f"{card.encoder.name}, {card.objective}{form}"
