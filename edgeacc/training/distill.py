"""Cross-modal distillation: the accelerometer student is drawn to what a PPG encoder says of the same window.

InfoNCE in both directions on the student's score, all of which is learned unless the temperature is fixed; a frozen
teacher's tokens are computed once where its windows are not augmented. With the interval target the student also has
to know the inter-beat interval at every token. That target comes from the PPG's beats: no label of the cohort and none
of a device is used, but it is close to a pseudo-label, so results say whether it was on.
"""

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from edgeacc.models.alignment import Student
from edgeacc.models.encoder import Encoder
from edgeacc.progress import Progress, silent
from edgeacc.training.across import gather, own, total
from edgeacc.training.augment import Augmentation, augment
from edgeacc.training.intervals import TARGETS, interval_targets
from edgeacc.training.losses import info_nce_among, without_false_negatives
from edgeacc.training.negatives import LikeRate, Queue
from edgeacc.training.objective import Objective, Rows, Windows
from edgeacc.training.sources import TokenSource

INTERVAL_WEIGHT = 8.0  # chosen on validation windows, docs/research-log.md


class Negatives(NamedTuple):
    """Negatives beside those of the batch.

    Attributes:
        queue: past embeddings of both sides.
        like_rate: windows by heart rate, from which `each` PPG windows are drawn for every window of the batch.
        each: how many.
    """

    queue: Queue | None = None
    like_rate: LikeRate | None = None
    each: int = 0


NO_MORE = Negatives()


class Distill(Objective):
    """The student, its heads, and the interval head when asked for."""

    def __init__(
        self,
        student: Student,
        windows: Windows,
        teacher: TokenSource,
        augmentation: Augmentation,
        *,
        window_s: float,
        interval_target: bool,
        negatives: Negatives = NO_MORE,
    ) -> None:
        """Put what is trained beside the student.

        Args:
            student: to be trained.
            windows: all training windows.
            teacher: gives the tokens of their PPG.
            augmentation: of the accelerometer.
            window_s: length of a window.
            interval_target: add the interval loss.
            negatives: beside those of the batch.
        """
        super().__init__()
        self.student = student
        self.encoder = student.encoder
        self.augmentation = augmentation
        self.interval_head = nn.Linear(student.encoder.config.width, TARGETS) if interval_target else None
        self.teacher = teacher
        self.queue = negatives.queue
        self._negatives = negatives
        self._windows = windows
        self._window_s = window_s

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """InfoNCE between both sides of these windows, plus the interval loss."""
        acc_BCT = augment(self._windows.acc_BCT[index_B].float(), self.augmentation, generator)
        acc_BE, tokens_BPD = self.student.align_acc(own(acc_BCT))
        loss = self._contrast(gather(acc_BE), index_B, generator)
        if self.interval_head is not None:
            loss = loss + INTERVAL_WEIGHT * self._interval_loss(self.interval_head(tokens_BPD).float(), own(index_B))
        return loss

    def after_step(self) -> None:
        """The queue moves on."""
        if self.queue is not None:
            self.queue.advance()

    def _contrast(self, acc_BE: Tensor, index_B: Tensor, generator: Generator) -> Tensor:
        """InfoNCE among the batch, the windows of like heart rate, and the queue."""
        more_H, name_N, name_M, other_acc_ME = index_B[:0], index_B, index_B, acc_BE
        if self._negatives.like_rate is not None:
            more_H = self._negatives.like_rate.draw(index_B, self._negatives.each, generator)
            name_N = torch.cat([index_B, more_H])
        ppg_BE, candidates_NE = self._ppg(index_B, more_H, generator)
        if self.queue is not None:
            known = self.queue.known()
            candidates_NE = torch.cat([candidates_NE, self.queue.ppg_QE[known]])
            other_acc_ME = torch.cat([acc_BE, self.queue.acc_QE[known]])
            name_N, name_M = (torch.cat([name, self.queue.name_Q[known]]) for name in (name_N, name_M))
            self.queue.put(acc_BE.float(), ppg_BE.float(), index_B)
        score_BN = self.student.score(acc_BE, candidates_NE)
        score_BM = score_BN.T if candidates_NE is ppg_BE else self.student.score(other_acc_ME, ppg_BE).T
        if candidates_NE is not ppg_BE:
            score_BN = without_false_negatives(score_BN, index_B, name_N)
            score_BM = without_false_negatives(score_BM, index_B, name_M)
        return info_nce_among(score_BN, score_BM)

    def _ppg(self, index_B: Tensor, more_H: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Embeddings of the batch's PPG windows, and of all candidates, theirs first."""
        tokens_BPD = self.teacher.tokens(index_B, generator)
        if not len(more_H):
            ppg_BE = gather(self.student.align_ppg(tokens_BPD))
            return ppg_BE, ppg_BE
        both_BPD = torch.cat([tokens_BPD, self.teacher.tokens(more_H, generator)])
        both_BE = self.student.align_ppg(both_BPD)
        ppg_BE = gather(both_BE[: len(tokens_BPD)])
        return ppg_BE, torch.cat([ppg_BE, gather(both_BE[len(tokens_BPD) :])])

    def _interval_loss(self, predicted_BPK: Tensor, index_B: Tensor) -> Tensor:
        beats_BK = self._windows.beats_BK[index_B]
        targets, known = interval_targets(beats_BK, predicted_BPK.shape[1], self._window_s)
        error = F.smooth_l1_loss(predicted_BPK, targets, reduction="none")
        return total((error * known).sum()) / total(known.sum()).clamp(min=1)


class Regress(Objective):
    """L2 distillation: the student predicts the teacher's pooled embedding, or its tokens (the form of its heads)."""

    def __init__(self, student: Student, acc_NCT: Rows, teacher: TokenSource, augmentation: Augmentation) -> None:
        """Keep what is compared; `student` has the form `regression` or `dense`."""
        super().__init__()
        student.log_sharpness.requires_grad = False  # scores only, in retrieval
        self.student = student
        self.encoder = student.encoder
        self.teacher = teacher
        self.augmentation = augmentation
        self._acc_NCT = acc_NCT

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """Mean squared error on the standardised target: 1 for a prediction of its mean."""
        acc_BCT = augment(self._acc_NCT[index_B].float(), self.augmentation, generator)
        predicted_BE, _ = self.student.place_acc(own(acc_BCT))
        target_BE = self.student.place_ppg(self.teacher.tokens(index_B, generator))
        return F.mse_loss(predicted_BE, target_BE)


@torch.no_grad()
def teacher_tokens(teacher: Encoder, ppg_NCT: Tensor, *, batch: int = 128, progress: Progress = silent) -> Tensor:
    """The frozen teacher's tokens of all windows, (N, P, D) float16; computed once, not at every step."""
    teacher.eval()
    chunks = []
    for start in range(0, len(ppg_NCT), batch):
        chunks.append(teacher.tokens(ppg_NCT[start : start + batch].float()).half())
        progress(min(start + batch, len(ppg_NCT)), len(ppg_NCT), "teacher's tokens")
    return torch.cat(chunks)
