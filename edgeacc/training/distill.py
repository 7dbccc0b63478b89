"""Cross-modal distillation: the accelerometer student is drawn to what a frozen PPG teacher says of the same window.

InfoNCE in both directions on the student's score, all of which is learned; the teacher's tokens are computed once.
With the interval target the student also has to know the inter-beat interval at every token. That target comes from
the PPG's beats: no label of the cohort and none of a device is used, but it is close to a pseudo-label, so results say
whether it was on.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from edgeacc.models.alignment import Student
from edgeacc.models.encoder import Encoder
from edgeacc.progress import Progress, silent
from edgeacc.training.augment import Augmentation, augment
from edgeacc.training.intervals import TARGETS, interval_targets
from edgeacc.training.losses import info_nce
from edgeacc.training.objective import Objective
from edgeacc.windows.window_set import WindowSet

INTERVAL_WEIGHT = 8.0  # chosen on validation windows, docs/research-log.md


class Distill(Objective):
    """The student, its heads, and the interval head when asked for."""

    def __init__(
        self,
        student: Student,
        windows: WindowSet,
        teacher_tokens_NPD: Tensor,
        augmentation: Augmentation,
        *,
        interval_target: bool,
    ) -> None:
        """Keep the frozen teacher's tokens of all training windows beside the student.

        Args:
            student: to be trained.
            windows: all training windows.
            teacher_tokens_NPD: of their PPG, in the same order.
            augmentation: of the accelerometer.
            interval_target: add the interval loss.
        """
        super().__init__()
        self.student = student
        self.encoder = student.encoder
        self.augmentation = augmentation
        self.interval_head = nn.Linear(student.encoder.config.width, TARGETS) if interval_target else None
        self._windows = windows
        self._teacher_tokens_NPD = teacher_tokens_NPD

    def loss(self, index_B: Tensor, generator: Generator) -> Tensor:
        """InfoNCE between both sides of these windows, plus the interval loss."""
        acc_BCT = augment(self._windows.acc_BCT[index_B].float(), self.augmentation, generator)
        acc_BE, tokens_BPD = self.student.align_acc(acc_BCT)
        ppg_BE = self.student.align_ppg(self._teacher_tokens_NPD[index_B].float())
        loss = info_nce(self.student.score(acc_BE, ppg_BE))
        if self.interval_head is not None:
            loss = loss + INTERVAL_WEIGHT * self._interval_loss(self.interval_head(tokens_BPD).float(), index_B)
        return loss

    def _interval_loss(self, predicted_BPK: Tensor, index_B: Tensor) -> Tensor:
        beats_BK = self._windows.beats_BK[index_B]
        targets, known = interval_targets(beats_BK, predicted_BPK.shape[1], self._windows.contract.window_s)
        error = F.smooth_l1_loss(predicted_BPK, targets, reduction="none")
        return (error * known).sum() / known.sum().clamp(min=1)


@torch.no_grad()
def teacher_tokens(teacher: Encoder, ppg_NCT: Tensor, *, batch: int = 128, progress: Progress = silent) -> Tensor:
    """The frozen teacher's tokens of all windows, (N, P, D) float16; computed once, not at every step."""
    teacher.eval()
    chunks = []
    for start in range(0, len(ppg_NCT), batch):
        chunks.append(teacher.tokens(ppg_NCT[start : start + batch].float()).half())
        progress(min(start + batch, len(ppg_NCT)), len(ppg_NCT), "teacher's tokens")
    return torch.cat(chunks)
